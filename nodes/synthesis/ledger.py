"""Ledger: disagreements and gaps with ids, as they stand from round to round, each checked against what was written."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import chain, count
from typing import Any

from nodes.state import Outcome
from nodes.synthesis.gaps import Gap
from nodes.synthesis.markdown import without_markdown
from nodes.synthesis.quotes import Source
from nodes.text import folded
from prompts import replies
from prompts.replies import Synthesis

REQUEST = "request"  # the side that the request itself takes in an entry
SIDES = 2  # without two different ones there is no disagreement
POSITIONS = 20  # of one entry that are read

Entry = dict[str, Any]  # {id, topic, positions [{subtask_id, claim, quote, verified}], resolution, suggestion, status}


class Ledger:
    """What the results do not agree on and what is missing, by id; and what turned out to be neither.

    Attributes:
        entries: disagreements by id.
        gaps: by id; those that code has found have a `kind`, and no model's word takes them away.
        rejected: what was no entry, or was withdrawn: {topic, why}.
        aliases: ids under which a model named what has another id here.
    """

    def __init__(
        self, request: str, outcomes: Iterable[Outcome], entries: Iterable[Entry] = (), gaps: Iterable[Gap] = ()
    ) -> None:
        self._texts = {REQUEST: request, **{outcome["id"]: outcome["output"] for outcome in outcomes}}
        self._sources: dict[str, Source] = {}
        self.entries: dict[str, Entry] = {entry["id"]: entry for entry in entries}
        self.gaps: dict[str, Gap] = {gap["id"]: gap for gap in gaps}
        self.rejected: list[dict[str, str]] = []
        self.aliases: dict[str, str] = {}
        self._touched: set[str] = set()  # entries that the last reply spoke of

    @property
    def open_ids(self) -> list[str]:
        """The ids of what a follow-up could settle."""
        return [*(name for name, entry in self.entries.items() if entry["status"] == "kept"), *self.gaps]

    def open_of(self, settles: Sequence[str]) -> list[str]:
        """Give what is open of the ids that a follow-up names; naming none, it can but mean the only thing that is."""
        return [name for name in self.open_ids if name in settles or (not settles and len(self.open_ids) == 1)]

    def add(self, gaps: Iterable[Gap]) -> None:
        """Take gaps that code has found, and give each an id; one for each subtask, code's facts before the model's."""
        for gap in gaps:
            alike = "subtask_id" if gap["subtask_id"] else "what"
            same = (name for name, other in self.gaps.items() if other[alike] == gap[alike])
            name = next(same, None) or _free("", "G", self.gaps)
            self.gaps[name] = {**gap, "id": name}

    def fill(self, ids: Collection[str]) -> None:
        """Take out the gaps that finished follow-ups were to fill."""
        for name in {*ids} & self.gaps.keys():
            del self.gaps[name]

    def take(self, said: Synthesis, *, again: bool = False) -> None:
        """Take in what a synthesiser says: new entries, and what became of those it was given. The rest stays.

        Args:
            said: its reply.
            again: it mends the reply before, and names things as that did.
        """
        before = self.aliases if again else {}
        self.aliases = {**before}
        self._touched = set()
        for entry in said.disagreements:
            made = self._entry(entry.model_copy(update={"id": before.get(entry.id, entry.id)}))
            if made is not None:
                self.entries[made["id"]] = made
                self._touched.add(made["id"])
        for gap in said.gaps:
            self._take_gap(gap.model_copy(update={"id": before.get(gap.id, gap.id)}))

    def take_apart(self, said: Synthesis) -> None:
        """Take in the ledger of one part of the results, whose ids mean nothing outside it."""
        entries = [entry.model_copy(update={"id": ""}) for entry in said.disagreements]
        known = {gap["what"] for gap in self.gaps.values()}
        gaps = [gap.model_copy(update={"id": ""}) for gap in said.gaps if gap.what not in known]
        self.take(said.model_copy(update={"disagreements": entries, "gaps": gaps}))

    def handed(self, ids: Collection[str], names: Mapping[str, str]) -> str:
        """Write out, for the worker who is to settle them, exactly these entries and gaps, in their own words."""
        lines = list[str]()
        for name in ids:
            if name in self.entries:
                entry = self.entries[name]
                lines.append(f"- {without_markdown(entry['topic'])}")
                for position in entry["positions"]:
                    quote = f" (“{without_markdown(position['quote'])}”)" if position["verified"] else ""
                    who = names.get(position["subtask_id"], "")
                    lines.append(f"  - {who}: {without_markdown(position['claim'])}{quote}")
            elif name in self.gaps:
                gap = self.gaps[name]
                lines.append(
                    f"- {without_markdown(gap['what'])}" + (f": {without_markdown(gap['why'])}" if gap["why"] else "")
                )
        return "\n".join(lines)

    def shown(self, limit: int) -> str:
        """Write the entries and gaps so far for the synthesiser, one JSON object a line, up to a number of bytes."""
        lines, size = list[str](), 0
        for held in (*self.entries.values(), *self.gaps.values()):
            entry = {key: value for key, value in held.items() if value and key not in ("positions", "kind")}
            if "positions" in held:
                entry["positions"] = {position["subtask_id"]: position["claim"] for position in held["positions"]}
            lines.append(json.dumps(entry, ensure_ascii=False))
            size += len(lines[-1].encode("utf-8", "replace"))
            if size > limit:
                return "\n".join(lines[:-1])  # code keeps the rest
        return "\n".join(lines)

    def _entry(self, said: replies.Disagreement) -> Entry | None:
        before = self._same_entry(said)
        if before is None and not said.positions:
            self._reject(said.topic or said.id, "it has no positions")
            return None
        name = before["id"] if before else _free(said.id, "D", self.entries)
        if said.id and said.id != name:
            self.aliases[said.id] = name
        old = before or {"topic": said.topic, "resolution": None, "suggestion": None}
        return {
            "id": name,
            "topic": old["topic"] or said.topic,
            "positions": self._positions(before["positions"] if before else [], said.positions[:POSITIONS]),
            "resolution": said.resolution or old["resolution"],
            "suggestion": said.suggestion or old["suggestion"],
            "status": said.status,
        }

    def _positions(self, before: Sequence[dict[str, Any]], said: Sequence[replies.Position]) -> list[dict[str, Any]]:
        """Let a side's new words take the place of its old ones, unless only the old ones are true."""
        new = [{**position.model_dump(), "verified": self._stands(position)} for position in said]
        true = {position["subtask_id"] for position in before if position["verified"]}
        new = [position for position in new if position["verified"] or position["subtask_id"] not in true]
        named = {position["subtask_id"] for position in new}
        return [*(position for position in before if position["subtask_id"] not in named), *new]

    def _same_entry(self, said: replies.Disagreement) -> Entry | None:
        """Find the entry that is meant: by its id, or because the very same words are set against each other.

        An id that stands for something else already, with another topic and other words, is a new entry's.
        """
        quotes = _quotes(position.model_dump() for position in said.positions)
        known = self.entries.get(said.id)
        if known is not None:
            other = said.status == "kept" and said.topic and quotes and folded(said.topic) != folded(known["topic"])
            if not other or quotes & _quotes(known["positions"]):
                return known
        twins = (
            entry for entry in self.entries.values() if len(quotes) >= SIDES and _quotes(entry["positions"]) == quotes
        )
        return next(twins, None)

    def _take_gap(self, said: replies.Gap) -> None:
        subtask_id = said.subtask_id if said.subtask_id in self._texts else None
        known = self._same_gap(said, subtask_id)
        if known and said.id and said.id != known["id"]:
            self.aliases[said.id] = known["id"]
        if known and known.get("kind"):
            return  # a fact, which no reply takes away
        if said.status != "kept":
            self.gaps.pop(known["id"] if known else "", None)
        elif known:
            said_now = {"subtask_id": subtask_id, "what": said.what, "why": said.why}
            self.gaps[known["id"]] = known | {key: value for key, value in said_now.items() if value}
        elif said.what:
            name = _free(said.id, "G", self.gaps)
            self.aliases |= {said.id: name} if said.id and said.id != name else {}
            self.gaps[name] = {"id": name, "subtask_id": subtask_id, "what": said.what, "why": said.why}

    def _same_gap(self, said: replies.Gap, subtask_id: str | None) -> Gap | None:
        """Find the gap that is meant: by its subtask, where code has found it, by its words, or by its id."""
        for gap in self.gaps.values():
            if (gap.get("kind") and subtask_id and gap["subtask_id"] == subtask_id) or said.what == gap["what"] != "":
                return gap
        named = self.gaps.get(said.id)
        other = named and named.get("kind") and said.what and subtask_id != named["subtask_id"]
        return None if other else named  # the id is code's; this is another gap

    def _stands(self, position: replies.Position) -> bool:
        name = position.subtask_id
        if name not in self._sources:
            self._sources[name] = Source(self._texts.get(name, ""))
        return self._sources[name].has(position.quote)

    def faults(self, *, final: bool) -> list[str]:
        """Say what is wrong with the entries, worded for the model. Where it is `final`, what is open needs advice."""
        faults = list[str]()
        for entry in self.entries.values():
            which = f"{entry['id']} ({entry['topic'][:120]})"
            if final and entry["status"] == "kept" and not entry["suggestion"]:
                faults.append(f"{which}: it is open and has no suggestion.")
            if entry["status"] == "withdrawn" or entry["id"] not in self._touched:
                continue
            for position in entry["positions"]:
                side = position["subtask_id"]
                if side not in self._texts:
                    known = ", ".join([*self._texts][:200])
                    faults.append(f"{which}: there is no subtask {side[:20]!r}; a side is one of {known}.")
                elif not position["verified"]:
                    faults.append(
                        f"{which}: the quote {position['quote'][:120]!r} does not stand in what {side} wrote."
                    )
            if len(self._sides(entry)) < SIDES:
                faults.append(f"{which}: it needs positions of two different subtasks, or of one and the request.")
        return faults

    def _sides(self, entry: Entry) -> set[str]:
        """The different sides of an entry. The request is one only with words that stand in it."""
        return {
            position["subtask_id"]
            for position in entry["positions"]
            if position["subtask_id"] in self._texts and (position["subtask_id"] != REQUEST or position["verified"])
        }

    def settle(self) -> None:
        """Take out what is no entry: without two sides, or withdrawn. It is kept in `rejected`, with the reason."""
        for name, entry in [*self.entries.items()]:
            sides = self._sides(entry)
            if entry["status"] == "withdrawn":
                self._reject(entry["topic"], entry["resolution"] or "withdrawn")
            elif len(sides) < SIDES:
                self._reject(entry["topic"], "it has no two different sides")
            else:
                kept = [position for position in entry["positions"] if position["subtask_id"] in sides]
                self.entries[name] = {**entry, "positions": kept}
                continue
            del self.entries[name]

    def _reject(self, topic: str, why: str) -> None:
        self.rejected.append({"topic": topic, "why": why})


def _quotes(positions: Iterable[Mapping[str, Any]]) -> set[tuple[str, str]]:
    return {(position["subtask_id"], folded(position["quote"])) for position in positions if position["quote"]}


def _free(wish: str, letter: str, taken: Mapping[str, Any]) -> str:
    names = chain(filter(None, [wish]), (f"{letter}{number}" for number in count(1)))
    return next(name for name in names if name not in taken)
