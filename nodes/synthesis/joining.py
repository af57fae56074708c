"""Joining: from many results to one structured reply, in steps where they are more than the model can read at once."""

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from nodes.budget import LEAST_OUTPUT, Purse, affordable_output, all_charges, cost_usd, money_room, purse_of, spent
from nodes.models import BYTES_A_TOKEN, Call, CallFailed, OverBudget, Reply, ask, synthesis_schema, window_room
from nodes.state import Charge
from nodes.synthesis.answer import Joint, marked
from nodes.synthesis.beside import beside_loop
from nodes.synthesis.listener import Listener
from nodes.synthesis.material import LEDGER, Material, fixed_bytes
from nodes.synthesis.pieces import Piece, batches, clipped, cut_up
from prompts import fence, render
from prompts.parsing import CutReply, off_loop, parse_synthesis, visible
from prompts.replies import BadReply, Synthesis

HALVINGS = 8  # how often a refused prompt is made half as long before the synthesis is given up
CONTINUATIONS = 3  # how often an answer that was cut off is gone on with
TAIL = 400  # characters of it that the model is shown again
STEPS = 12  # how often everything is joined in parts; each step leaves at most two thirds, 200 results need four
LEAST = LEAST_OUTPUT["synthesiser"]
NOTHING = Purse(0.0, 0)
LEDGER_SHARE = 4  # under a ceiling, the part of what can be paid for beside the answer that the ledger so far may take
TIGHTER = 0.9  # of the room for results, again and again until they and an answer can be paid for
REPEATED = 12  # characters that a continuation must share with the end of the text to be taken for a repetition


@dataclass(frozen=True)
class _Prompt:
    """What is asked, how many follow-ups are offered, and what was left out."""

    messages: list[BaseMessage]
    follow_ups: int
    cut: list[str]  # ids of results that were shortened for it


@dataclass
class Joiner:
    """Asks for one answer from a run's results, and keeps count of what that costs."""

    material: Material
    listener: Listener
    charges: list[Charge] = field(default_factory=list)
    _messages: list[BaseMessage] = field(default_factory=list)  # of the last whole reply, for a re-ask
    _said: str = ""
    _pieces: list[Piece] = field(default_factory=list)
    _parts: int = 0
    _cut: set[str] = field(default_factory=set)  # ids of results that code had to shorten
    _reserve: Purse = NOTHING  # for the answer, while follow-ups may still be asked for

    @property
    def purse(self) -> Purse:
        """What is left of the run's money, without what is kept back for the answer."""
        state = self.material.state
        used = all_charges(state.get("charges", []), state["outcomes"])
        return spent(purse_of(self.material.settings), [*used, *self.charges]).less(self._reserve)

    async def join(self, follow_ups: int) -> Joint:
        """Ask for the ledger, and for the answer or up to so many follow-ups instead.

        Raises:
            CallFailed: the endpoint gave no answer.
            OverBudget: not even a shortened reading can be paid for.
            BadReply: a refusal, or nothing that could be an answer.
        """
        window = self.material.window()
        self._pieces = self._pieces or await beside_loop(self.material.state, lambda: self.material.pieces)
        for _ in range(HALVINGS):
            try:
                return await self._joined(window, follow_ups)
            except CallFailed as failed:
                if failed.fault.kind != "context_length":
                    raise
                window = (window or (_size(self._pieces) + self._fixed(0)) // BYTES_A_TOKEN) // 2
        raise BadReply("the model's context window is too small for this request")

    def _fixed(self, follow_ups: int) -> int:
        """Bytes of the prompt without the results."""
        return fixed_bytes(self._prompt([], follow_ups, self.purse))

    def _prompt(self, pieces: Sequence[Piece], follow_ups: int, purse: Purse) -> list[BaseMessage]:
        now, ledger = render("synthesiser_now", follow_ups=follow_ups), LEDGER
        if not purse.open:
            bare = self.material.messages([], now, whole=True, purse=purse, ledger=0)
            fixed = self.material.tokens(bare)
            ledger = int(min(LEDGER, money_room(purse, self.material.price, fixed, LEAST) / LEDGER_SHARE))
        return self.material.messages(pieces, now, whole=True, purse=purse, ledger=ledger)

    async def _joined(self, window: int | None, follow_ups: int) -> Joint:
        for _ in range(STEPS):
            room = window_room(window, await beside_loop(self.material.state, self._fixed, follow_ups))
            if _size(self._pieces) <= room or not self._can_pay_for_steps(room):
                break
            self._pieces = [part for piece in self._pieces for part in cut_up(piece, room)]
            await self._condense(room)
        prompt = await beside_loop(self.material.state, self._fitted, window, follow_ups)
        joint = await self._whole(prompt)
        self._cut.update(prompt.cut)
        condensed = sorted(self._cut, key=lambda name: int(name[1:]))
        return replace(joint, condensed=condensed, parts=self._parts, offered=prompt.follow_ups)

    def _fitted(self, window: int | None, follow_ups: int) -> _Prompt:
        """Write the prompt with what fits the window and the money.

        Under a ceiling, follow-ups are offered only where another reading and an answer can be paid for afterwards.
        """
        self._reserve = NOTHING
        purse, room = self.purse, min(_size(self._pieces), window_room(window, self._fixed(follow_ups)))
        price = self.material.price
        if not purse.open:
            whole = self.material.tokens(self._prompt(self._pieces, follow_ups, purse))
            answer = Purse(cost_usd(price, whole, LEAST) or 0.0, whole + LEAST)
            if follow_ups and affordable_output(purse.less(answer), price, whole, LEAST) >= LEAST:
                self._reserve = answer
            else:
                follow_ups = 0
        while True:
            pieces, cut = clipped(self._pieces, room)
            prompt = self._prompt(pieces, follow_ups, purse)
            if purse.open or room < 1 or affordable_output(purse, price, self.material.tokens(prompt), LEAST) >= LEAST:
                return _Prompt(prompt, follow_ups, cut)
            room *= TIGHTER

    def _can_pay_for_steps(self, room: float) -> bool:
        """Tell whether reading everything once more in parts leaves enough for the answer itself."""
        purse = self.purse
        if purse.open:
            return True
        reading = _size(self._pieces) + (len(batches(self._pieces, room)) + 1) * self._fixed(0)
        writing = int(reading / BYTES_A_TOKEN) + LEAST
        return money_room(purse, self.material.price, int(reading + room), writing) > 0

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
            if isinstance(result, tuple):
                piece, said = result
                await beside_loop(self.material.state, self.material.ledger.take_apart, said)
                self._pieces.append(piece)
                self._parts += 1
            elif isinstance(result, CallFailed) and result.fault.kind == "context_length":
                self._pieces += group
                refused = result
            elif isinstance(result, (CallFailed, OverBudget)):
                shortened, cut = clipped(group, limit)
                self._pieces += shortened
                self._cut.update(cut)
            else:
                raise result
        if refused is not None:
            raise refused

    async def _part(
        self, group: list[Piece], number: int, parts: int, limit: int, purse: Purse
    ) -> tuple[Piece, Synthesis]:
        part = render("synthesiser_part", number=number, parts=parts, words=limit // 8)
        messages = await beside_loop(self.material.state, self.material.messages, group, part, whole=False, purse=purse)
        cap = max(LEAST, limit // BYTES_A_TOKEN * 2)
        wanted = self.material.settings.max_output_tokens("synthesiser")
        reply = await self._ask(messages, purse=purse, cap=min(cap, wanted) if wanted else cap)
        ids = tuple(dict.fromkeys(name for piece in group for name in piece.ids))
        try:
            said = await off_loop(parse_synthesis, reply.text, truncated=reply.finish == "length")
        except CutReply as cut:
            said = cut.partial
        except BadReply:
            said = Synthesis(answer=visible(reply.text)[0])
        if reply.finish != "stop":
            self._cut.update(ids)
        text = marked(said.answer, ids, {}).text  # ids of entries mean nothing outside this part
        piece = Piece(ids, f"part {number} of {parts}, joined from {', '.join(ids)}", text)
        (short,), shortened = clipped([piece], limit + len(piece.head) + 400)
        self._cut.update(shortened)
        return short, said

    async def _whole(self, prompt: _Prompt) -> Joint:
        """Ask for the whole reply; the plain text is the answer where no structured one can be had."""
        self._messages, listener = prompt.messages, self.listener
        reply = await self._ask(
            prompt.messages, on_text=listener.text if listener.heard else None, on_restart=listener.restart
        )
        self._said = reply.text
        if reply.finish == "refusal" or not visible(reply.text)[0].strip():
            raise BadReply("the model refused" if reply.finish == "refusal" else "the model wrote nothing", reply.text)
        known = {*self.material.ledger.entries, *self.material.ledger.gaps}
        try:
            said = await off_loop(parse_synthesis, reply.text, truncated=reply.finish == "length", taken=known)
            self._keep_for_answer(said)
            return Joint(said)
        except CutReply as cut:
            self._keep_for_answer(cut.partial)
            if prompt.follow_ups and cut.partial.follow_ups and not cut.partial.answer:
                return Joint(cut.partial)
            return await self._continued(cut.partial)
        except BadReply as bad:
            plain = visible(reply.text)[0].strip()
            if re.match(r'\{|```|\[\s*[\[{"\]]', plain):
                raise BadReply(bad.fault, reply.text) from None
            if reply.finish == "length":
                return await self._continued(Synthesis(answer=plain))
            return Joint(Synthesis(answer=plain), cut_off=reply.finish != "stop")

    def _keep_for_answer(self, said: Synthesis) -> None:
        """Give free what was kept back for the answer, unless follow-ups come before it."""
        if not said.follow_ups:
            self._reserve = NOTHING

    async def _continued(self, partial: Synthesis) -> Joint:
        """Go on with an answer that was cut off, up to a bound."""
        text, reply = partial.answer, Reply("", "length", [])
        for _ in range(CONTINUATIONS):
            again = render("synthesiser_continue", tail=fence("answer", text[-TAIL:]))
            messages = [*self._messages, AIMessage(text or "(nothing)"), HumanMessage(again)]
            try:
                reply = await self._ask(messages, schema=None)
            except (CallFailed, OverBudget):
                break
            more = visible(reply.text)[0]
            if not text and more.lstrip().startswith(("{", "```json")):
                raise BadReply("the reply was cut off before its answer began", reply.text)
            more = _new_part(text, more)
            text += more
            self.listener.answer(more)
            if reply.finish == "stop":
                break
        return Joint(partial.model_copy(update={"answer": text}), cut_off=reply.finish != "stop")

    async def mended(self, faults: list[str]) -> Synthesis | None:
        """Ask once for a ledger without these faults (None: it could not be had)."""
        again = render("synthesiser_again", faults=faults)
        try:
            reply = await self._ask([*self._messages, AIMessage(self._said), HumanMessage(again)])
            return await off_loop(parse_synthesis, reply.text)
        except (CallFailed, OverBudget, BadReply):
            return None

    async def _ask(self, messages: list[BaseMessage], *, purse: Purse | None = None, **how: Any) -> Reply:
        """Ask, and charge what it cost, whatever came of it."""
        call = Call(
            endpoints=self.material.host.endpoints,
            settings=self.material.settings,
            role="synthesiser",
            messages=messages,
            purse=purse or self.purse,
            round=self.material.state["plan"]["round"],
            # The raw reply is JSON; its answer is pushed to the `messages` stream piece by piece instead.
            config={"tags": ["nostream"]},
            **{"schema": synthesis_schema(), **how},
        )
        try:
            reply = await ask(call)
        except (CallFailed, OverBudget) as error:
            self.charges += error.charges
            raise
        self.charges += reply.charges
        return reply


def _size(pieces: Sequence[Piece]) -> int:
    return sum(piece.size for piece in pieces)


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
