"""Specialists: who can be given a subtask, and with what they work.

registry: who there is; files: from Markdown; runnables, remote, outputs: other people's code, here and on another server;
agent, tool_loop, conversation, permission: a worker with tools; result, named_sources, usage_counter: how the work ended,
what it names and what it cost; tools/: what they work with.
"""

from typing import TYPE_CHECKING, Any

from nodes.specialists.files import SpecialistError, read_folder
from nodes.specialists.named_sources import used_sources
from nodes.specialists.outputs import NoText
from nodes.specialists.registry import Roster, Specialist, bare_name
from nodes.specialists.remote import RemoteFailed, run_remote
from nodes.specialists.result import Result, of_failure, of_reply
from nodes.specialists.runnables import apart, run, takes_tasks
from nodes.specialists.tool_loop import ToolLoop
from nodes.specialists.tools.arithmetic import ARITHMETIC_TOOLS
from nodes.specialists.tools.document_search import document_tools
from nodes.specialists.tools.mcp import mcp_tools
from nodes.specialists.tools.toolbox import (
    LEAST_RESULT,
    MODEL_CALLS,
    Tool,
    Toolbox,
    from_entry_points,
    tools_by_name,
    unknown_tools,
)
from nodes.specialists.tools.web_search import TAVILY, SearchEngine, web_search_tool
from nodes.specialists.usage_counter import UsageCounter

if TYPE_CHECKING:
    from nodes.specialists.agent import use_tools


def __getattr__(name: str) -> Any:
    """Load the agents when a worker first uses tools: most runs need none, and LangChain's take 0.2 s of CPU to load."""
    if name != "use_tools":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from nodes.specialists.agent import use_tools

    return use_tools
