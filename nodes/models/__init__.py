"""Models: asking a model and what that costs. The only place that calls one.

ask: the one way in; attempts: the requests for one call; endpoints, providers, chats: where a model is and how it is
made; prices, usage, errors, finish: what came back; concurrency, loop: what a process shares; gates: what all
processes of a host do; engine/: the local model.
"""

from nodes.models.ask import ask
from nodes.models.call import Call, CallFailed, Clock, OverBudget, Reply
from nodes.models.endpoints import Endpoints
from nodes.models.engine.server import EngineOptions
from nodes.models.gates import HOLDS, TOLD, WATCHES, GateShut, Sending
from nodes.models.loop import on_engine, wait_on_engine
from nodes.models.prices import BYTES_A_TOKEN, listed_window, price_of, window_room
from nodes.models.run_journal import run_journal
from nodes.models.schemas import plan_schema, sequel_schema, synthesis_schema
from nodes.models.scripted import Line, Script, ScriptedChatModel, register
from nodes.models.served import listed, settle
from nodes.models.text_tools import as_text, described, read_calls
from nodes.models.threads import aside, in_thread, on_engine_loop
