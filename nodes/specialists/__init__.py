"""Specialists: who can be given a subtask, and with what they work."""

from nodes.specialists.agent import Desk, use_tools
from nodes.specialists.files import SpecialistError, read_folder
from nodes.specialists.outputs import Given, NoText
from nodes.specialists.registry import Roster, Specialist, folded
from nodes.specialists.remote import RemoteFailed, run_remote
from nodes.specialists.result import Result, of_failure, of_reply
from nodes.specialists.runnables import apart, run, takes_tasks
from nodes.specialists.tools.arithmetic import TOOLS as ARITHMETIC_TOOLS
from nodes.specialists.tools.documents import tools_for as document_tools
from nodes.specialists.tools.mcp import tools_of as mcp_tools
from nodes.specialists.tools.registry import (
    LEAST_RESULT,
    MODEL_CALLS,
    Tool,
    Toolbox,
    from_entry_points,
    named,
    unknown_tools,
)
from nodes.specialists.usage import Meter

__all__ = [
    "ARITHMETIC_TOOLS",
    "LEAST_RESULT",
    "MODEL_CALLS",
    "Desk",
    "Given",
    "Meter",
    "NoText",
    "RemoteFailed",
    "Result",
    "Roster",
    "Specialist",
    "SpecialistError",
    "Tool",
    "Toolbox",
    "apart",
    "document_tools",
    "folded",
    "from_entry_points",
    "mcp_tools",
    "named",
    "of_failure",
    "of_reply",
    "read_folder",
    "run",
    "run_remote",
    "takes_tasks",
    "unknown_tools",
    "use_tools",
]
