"""Models: asking a model and what that costs. The only place that calls one.

ask, call: the one way in; attempts, request, received, schemas: the requests for one call; endpoints, providers, served,
chats, scripted: where a model is and how it is made; http, transport, sse, streamed_chat: the wire; prices, usage, charging,
notes: what it costs; faults, diagnosis, finish: how it ended; text_tools: tools for models that know none; concurrency,
loop, threads: what a process shares; gates: what all processes of a host do; spans: traces; engine/: the local model.
"""

from nodes.models.ask import ask
from nodes.models.call import Call, CallFailed, Clock, OverBudget, Reply
from nodes.models.endpoints import Endpoints
from nodes.models.engine.server import EngineOptions
from nodes.models.gates import HOLDS, TOLD, WATCHES, GateShut, Sending
from nodes.models.loop import on_engine, post, wait_on_engine
from nodes.models.notes import run_journal
from nodes.models.prices import BYTES_A_TOKEN, listed_window, price_of, window_room
from nodes.models.schemas import plan_schema, sequel_schema, synthesis_schema
from nodes.models.scripted import Line, Script, ScriptedChatModel, register
from nodes.models.served import listed, settle
from nodes.models.text_tools import as_text, described, read_calls
from nodes.models.threads import aside, begun, in_thread, on_engine_loop
