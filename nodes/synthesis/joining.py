"""Joining: from many results to one structured reply, in steps where they are more than the model can read at once."""

import asyncio
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from rapidfuzz import fuzz

from nodes.budget import LEAST_OUTPUT, Purse, all_charges, input_bound, money_room, purse_of, spent
from nodes.documents import EXCERPTS
from nodes.host import Host
from nodes.models import (
    BYTES_A_TOKEN,
    Call,
    CallFailed,
    OverBudget,
    Reply,
    ask,
    listed_window,
    price_of,
    provider_of,
    synthesis_schema,
    window_room,
)
from nodes.state import Charge, Context, State
from nodes.synthesis import ledger
from nodes.synthesis.pieces import Piece, batches, clipped, cut_up, piece_of
from nodes.text import folded
from prompts import fence, render
from prompts.parsing import CutReply, off_loop, parse_synthesis, visible
from prompts.replies import BadReply, Disagreement, Gap, Synthesis

HALVINGS = 8  # how often a refused prompt is made half as long before the synthesis is given up
CONTINUATIONS = 3  # how often an answer that was cut off is gone on with
TAIL = 400  # characters of it that the model is shown again
STEPS = 12  # how often everything is joined in parts; each step leaves at most two thirds, 200 results need four
REPEATED = 12  # characters that a continuation must share with the end of the text to be taken for a repetition
FOUND = 6_000  # bytes of earlier disagreements that the model is shown again; code keeps them all


@dataclass
class Joint:
    """What came of joining.

    Attributes:
        reply: ledger and answer.
        condensed: ids of results that code had to shorten.
        parts: how many parts were joined in steps before (0: all was read at once).
        cut_off: the answer still has no end.
    """

    reply: Synthesis
    condensed: list[str] = field(default_factory=list)
    parts: int = 0
    cut_off: bool = False


Listener = Callable[[str], None]


@dataclass
class Joiner:
    """Reads the outcomes of a run and asks for one answer."""

    state: State
    settings: Context
    host: Host
    follow_ups: int  # how many further subtasks may be asked for
    on_text: Listener  # takes pieces of the raw reply
    on_answer: Listener  # takes pieces of the answer's own text
    on_restart: Callable[[], None]
    charges: list[Charge] = field(default_factory=list)
    messages: list[BaseMessage] = field(default_factory=list)  # of the last whole reply, for a re-ask
    said: str = ""
    _pieces: list[Piece] = field(default_factory=list)
    _parts: int = 0
    _cut: set[str] = field(default_factory=set)  # ids of results that code had to shorten
    _found: list[Disagreement] = field(default_factory=list)
    _gaps: list[Gap] = field(default_factory=list)

    @property
    def purse(self) -> Purse:
        """What is left of the run's money."""
        used = all_charges(self.state.get("charges", []), self.state["outcomes"])
        return spent(purse_of(self.settings), [*used, *self.charges])

    async def join(self) -> Joint:
        """Ask for ledger and answer.

        Raises:
            CallFailed: the endpoint gave no answer.
            OverBudget: not even a shortened reading can be paid for.
            BadReply: a refusal, or nothing that could be an answer.
        """
        window = self._window()
        outcomes = self.state["outcomes"]
        self._pieces = [piece_of(outcome) for outcome in outcomes]
        if self.state["plan"]["round"] > 1:  # what an earlier round found stays until a later one settles it
            self._found = [Disagreement(**entry) for entry in self.state.get("disagreements", [])]
        for _ in range(HALVINGS):
            try:
                return await self._joined(window)
            except CallFailed as failed:
                if failed.fault.kind != "context_length":
                    raise
                window = (window or self._guessed()) // 2
        raise BadReply("the model's context window is too small for this request")

    def _window(self) -> int | None:
        if self.settings.context_window is not None:
            return self.settings.context_window
        if self.settings.model("synthesiser").startswith("local"):
            return (
                self.host.endpoints.local(provider_of(self.settings.model("synthesiser"))[1]).context
                if self.host.endpoints.local
                else None
            )
        return listed_window(*provider_of(self.settings.model("synthesiser")))

    def _guessed(self) -> int:
        return (sum(piece.size for piece in self._pieces) + self._fixed()) // BYTES_A_TOKEN

    def _fixed(self) -> int:
        """Bytes of the prompt without the results."""
        return input_bound(str(message.text) for message in self._messages([], None)) + len(str(synthesis_schema()))

    async def _joined(self, window: int | None) -> Joint:
        for _ in range(STEPS):
            room = window_room(window, self._fixed())
            if sum(piece.size for piece in self._pieces) <= room or not self._can_pay_for_steps(room):
                break
            self._pieces = [part for piece in self._pieces for part in cut_up(piece, room)]
            await self._condense(room)
        fixed = self._fixed()
        price = price_of(self.settings.model("synthesiser"), None, self.host.endpoints)
        paid = money_room(self.purse, price, fixed, LEAST_OUTPUT["synthesiser"])
        pieces, cut = clipped(self._pieces, min(window_room(window, fixed), paid))
        joint = await self._whole(self._messages(pieces, None))
        self._cut.update(cut)
        merged = joint.reply.model_copy(
            update={
                "disagreements": ledger.merged(joint.reply.disagreements, self._found),
                "gaps": [*joint.reply.gaps, *self._new_gaps(joint.reply)],
            }
        )
        return Joint(merged, sorted(self._cut, key=lambda one: int(one[1:])), self._parts, joint.cut_off)

    def _can_pay_for_steps(self, room: float) -> bool:
        """Tell whether reading everything once more in parts leaves enough for the answer itself."""
        purse = self.purse
        if purse.open:
            return True
        pieces = self._pieces
        reading = sum(piece.size for piece in pieces) + (len(batches(pieces, room)) + 1) * self._fixed()
        writing = int(reading / BYTES_A_TOKEN) + LEAST_OUTPUT["synthesiser"]
        price = price_of(self.settings.model("synthesiser"), None, self.host.endpoints)
        return money_room(purse, price, int(reading + room), writing) > 0

    async def _condense(self, room: float) -> None:
        """Join each batch of results into one shorter text; all batches at once.

        Raises:
            CallFailed: a batch is over the window after all. What was joined stays joined.
        """
        groups = batches(self._pieces, room)
        limit = max(600, int(room / 3))  # bytes: what is left after each step is at most two thirds of before
        share = _shared(self.purse, len(groups) + 1)
        asked = [self._part(group, number, len(groups), limit, share) for number, group in enumerate(groups, 1)]
        results = await asyncio.gather(*asked, return_exceptions=True)
        self._pieces, refused = list[Piece](), None
        for group, result in zip(groups, results, strict=True):
            if isinstance(result, Piece):
                self._pieces.append(result)
                self._parts += 1
                continue
            if not isinstance(result, (CallFailed, OverBudget)):
                raise result
            self.charges += result.charges
            if isinstance(result, CallFailed) and result.fault.kind == "context_length":
                self._pieces += group
                refused = result
            else:
                shortened, cut = clipped(group, limit)
                self._pieces += shortened
                self._cut.update(cut)
        if refused is not None:
            raise refused

    async def _part(self, group: list[Piece], number: int, parts: int, limit: int, purse: Purse) -> Piece:
        part = render("synthesiser_part", number=number, parts=parts, words=limit // 8)
        messages = self._messages(group, part)
        cap = max(LEAST_OUTPUT["synthesiser"], limit // BYTES_A_TOKEN * 2)
        wanted = self.settings.max_output_tokens("synthesiser")
        reply = await ask(self._call(messages, purse=purse, cap=min(cap, wanted) if wanted else cap))
        self.charges += reply.charges
        ids = tuple(dict.fromkeys(one for piece in group for one in piece.ids))
        try:
            found = await off_loop(parse_synthesis, reply.text, truncated=reply.finish == "length")
        except CutReply as cut:
            found = cut.partial
        except BadReply:
            found = Synthesis(answer=visible(reply.text)[0])
        if reply.finish != "stop":
            self._cut.update(ids)
        self._found += found.disagreements
        self._gaps += found.gaps
        piece = Piece(ids, f"part {number} of {parts}, joined from {', '.join(ids)}", found.answer)
        (short,), shortened = clipped([piece], limit + len(piece.head) + 400)
        self._cut.update(shortened)
        return short

    async def _whole(self, messages: list[BaseMessage]) -> Joint:
        """Ask for the whole reply; the plain text is the answer where no structured one can be had."""
        self.messages = messages
        reply = await ask(self._call(messages, on_text=self.on_text, on_restart=self.on_restart))
        self.charges += reply.charges
        self.said = reply.text
        if reply.finish == "refusal" or not visible(reply.text)[0].strip():
            raise BadReply("the model refused" if reply.finish == "refusal" else "the model wrote nothing", reply.text)
        try:
            return Joint(await off_loop(parse_synthesis, reply.text, truncated=reply.finish == "length"))
        except CutReply as cut:
            return await self._continued(cut.partial)
        except BadReply as bad:
            plain = visible(reply.text)[0].strip()
            if re.match(r'\{|```|\[\s*[\[{"\]]', plain):
                raise BadReply(bad.fault, reply.text) from None
            if reply.finish == "length":
                return await self._continued(Synthesis(answer=plain))
            return Joint(Synthesis(answer=plain), cut_off=reply.finish != "stop")

    async def _continued(self, partial: Synthesis) -> Joint:
        """Go on with an answer that was cut off, up to a bound."""
        text, reply = partial.answer, Reply("", "length", [])
        for _ in range(CONTINUATIONS):
            again = render("synthesiser_continue", tail=fence("answer", text[-TAIL:]))
            try:
                reply = await ask(
                    self._call([*self.messages, AIMessage(text or "(nothing)"), HumanMessage(again)], schema=False)
                )
            except (CallFailed, OverBudget) as error:
                self.charges += error.charges
                break
            self.charges += reply.charges
            more = visible(reply.text)[0]
            if not text and more.lstrip().startswith(("{", "```json")):
                raise BadReply("the reply was cut off before its answer began", reply.text)
            more = _new_part(text, more)
            text += more
            if more:
                self.on_answer(more)
            if reply.finish == "stop":
                break
        return Joint(partial.model_copy(update={"answer": text}), cut_off=reply.finish != "stop")

    def _call(
        self,
        messages: list[BaseMessage],
        *,
        schema: bool = True,
        purse: Purse | None = None,
        cap: int | None = None,
        on_text: Listener | None = None,
        on_restart: Callable[[], None] | None = None,
    ) -> Call:
        return Call(
            endpoints=self.host.endpoints,
            settings=self.settings,
            role="synthesiser",
            messages=messages,
            purse=purse or self.purse,
            schema=synthesis_schema() if schema else None,
            round=self.state["plan"]["round"],
            cap=cap,
            on_text=on_text,
            on_restart=on_restart,
            # The raw reply is JSON; its answer is pushed to the `messages` stream piece by piece instead.
            config={"tags": ["nostream"]},
        )

    async def mended(self, faults: list[str]) -> Synthesis | None:
        """Ask once for a ledger without these faults (None: it could not be had)."""
        again = render("synthesiser_again", faults=faults)
        try:
            reply = await ask(self._call([*self.messages, AIMessage(self.said), HumanMessage(again)]))
            self.charges += reply.charges
            return await off_loop(parse_synthesis, reply.text)
        except (CallFailed, OverBudget) as error:
            self.charges += error.charges
        except BadReply:
            pass
        return None

    def _messages(self, pieces: Sequence[Piece], part: str | None) -> list[BaseMessage]:
        system = render("synthesiser", follow_ups_left=0 if part else self.follow_ups, part=part or "")
        parts = [fence("request", self.state["request"]), "The results:"]
        parts += [f"{piece.head}\n{fence('result', piece.text or '(nothing)')}" for piece in pieces]
        if part is None:
            parts += self._extras()
        return [SystemMessage(system), HumanMessage("\n\n".join(parts))]

    def _extras(self) -> list[str]:
        extras = []
        dropped = self.state["plan"]["dropped"]
        if dropped and self.purse.open:  # under a budget each word costs; code names what was dropped in any case
            listed = "\n".join(f"- {one['specialist']}: {one['task']} ({one['reason']})" for one in dropped)
            extras.append(f"Not done:\n{fence('dropped', listed)}")
        if self.host.documents and self.purse.open:
            passages = self.host.documents.excerpts(self.state["request"], EXCERPTS)
            told = "Passages of the documents that came with the request, to be quoted where they matter:"
            extras.append(f"{told}\n{fence('documents', passages)}")
        if self._found:
            lines, size = list[str](), 0
            for entry in self._found:
                line = entry.model_dump_json()
                size += len(line.encode("utf-8", "replace"))
                if size > FOUND:
                    break  # code keeps the rest
                lines.append(line)
            told = "\n".join(lines)
            extras.append(
                "Disagreements that were found before; enter each again, with a resolution where the results now settle "
                f"it:\n{fence('found', told)}"
            )
        return extras

    def _new_gaps(self, reply: Synthesis) -> list[Gap]:
        told, new = [folded(gap.what) for gap in reply.gaps], list[Gap]()
        for gap in self._gaps:
            what = folded(gap.what)
            if not any(fuzz.token_set_ratio(what, one) >= ledger.SAME_TOPIC for one in told):
                new.append(gap)
                told.append(what)
        return new


def _shared(purse: Purse, over: int) -> Purse:
    return Purse(
        None if purse.usd is None else purse.usd / over, None if purse.tokens is None else purse.tokens // over
    )


def _new_part(text: str, more: str) -> str:
    """Leave out of a continuation what it repeats of the text before."""
    for size in range(min(len(text), len(more), TAIL), REPEATED - 1, -1):
        if text.endswith(more[:size]):
            # In a text that repeats itself, as tables do, the same words again may well be meant.
            return more if text.count(more[size - REPEATED : size]) > 1 else more[size:]
    return more
