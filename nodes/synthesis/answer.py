"""Answer: a synthesiser's text with its marks read, and what it leaves untold added shortly, in its own language. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nodes.state import State, plans_of
from nodes.synthesis import gaps
from nodes.synthesis.gaps import Gap
from nodes.synthesis.language import Words, words_for
from nodes.synthesis.ledger import REQUEST, Entry, Ledger
from nodes.synthesis.markdown import with_sections, without_markdown
from nodes.synthesis.rounds import is_fallback, settled
from nodes.synthesis.sources import listed_sources
from prompts.replies import FollowUp, Synthesis

_ID = r"[SDGsdg]\d{1,4}"
# [S1], [S1, S3], [S1 und D2]: one mark or several in one pair of brackets.
_MARK = re.compile(
    rf"(?P<space>[ \t]?)\[(?P<ids>{_ID}(?:[ ]{{0,2}}(?:[,;&/]|and|und|et|y|e|en|и|و|和)?[ ]{{0,2}}{_ID}){{0,200}})\]"
)
_ONE = re.compile(r"([SDG])(\d{1,4})", re.IGNORECASE)


@dataclass(frozen=True)
class Joint:
    """What came of joining.

    Attributes:
        reply: ledger, follow-ups and answer, as the model gave them.
        condensed: ids of results that code had to shorten.
        parts: how many parts were joined in steps before (0: all was read at once).
        cut_off: the answer still has no end.
        offered: how many follow-ups could be asked for.
    """

    reply: Synthesis
    condensed: Sequence[str] = ()
    parts: int = 0
    cut_off: bool = False
    offered: int = 0


@dataclass(frozen=True)
class Composed:
    """An answer as the reader gets it.

    Attributes:
        text: the whole of it.
        body: the model's part, its marks read.
        unknown: how many marks were taken out, for there is nothing of that name.
    """

    text: str
    body: str
    unknown: int = 0


def composed(joint: Joint, ledger: Ledger, state: State) -> Composed:
    """Put together what the model wrote and what it left untold. Gaps that show only now are added to the ledger."""
    outcomes, names = state["outcomes"], names_of(state)
    body = marked(joint.reply.answer.strip(), {*names, *ledger.entries, *ledger.gaps}, ledger.aliases)
    late = gaps.condensed(outcomes, joint.condensed)
    if body.ids:
        late += gaps.unused(outcomes, cited(body.ids | settled(state, plans_of(state)), ledger))
    late += [gaps.WITHOUT_END] if joint.cut_off else []
    named = {gap["subtask_id"] for gap in ledger.gaps.values() if gap.get("kind")}
    ledger.add(gap for gap in late if gap["subtask_id"] is None or gap["subtask_id"] not in named)
    words = words_for(body.text, state["request"])
    sections = _closing(ledger, body.ids, state, body.text, words)
    sections += [f"*{words['parts'].format(parts=joint.parts)}*"] if joint.parts else []
    return Composed(with_sections(body.text, sections), body.text, body.unknown)


def one_result(ledger: Ledger, state: State) -> Composed:
    """Give the only result of a plan as the answer; what was left out of the plan is told behind it."""
    body = state["outcomes"][0]["output"].strip()
    words = words_for(body, state["request"])
    return Composed(with_sections(body, _closing(ledger, (), state, body, words)), body)


def one_by_one(ledger: Ledger, state: State, reason: str) -> Composed:
    """Give the results themselves, in order, where they could not be joined; `reason` is why, in English."""
    usable = [
        outcome for outcome in state["outcomes"] if outcome["output"] and outcome["status"] in ("done", "partial")
    ]
    words = words_for(state["request"], *(outcome["output"] for outcome in usable))
    why = f" ({reason})" if words is words_for() else ""
    parts = [f"*{words['one_by_one']}{why}*"]
    parts += [f"## {outcome['specialist']} [{outcome['id']}]\n\n{outcome['output']}" for outcome in usable]
    text = "\n\n".join([*parts, *_closing(ledger, (), state, "", words)])
    return Composed(text, text)


def handed(follow_up: FollowUp, ledger: Ledger, state: State) -> dict[str, Any]:
    """Make a follow-up a subtask that carries exactly what it is to settle, in the words of those who hold it."""
    ids = ledger.open_of(follow_up.settles)
    names = {**names_of(state), REQUEST: words_for(state["request"])["request"]}
    open_entries = ledger.handed(ids, names)
    replaced = [gap["subtask_id"] for name in ids if (gap := ledger.gaps.get(name)) and gap.get("kind")]
    settles = [*ids, *filter(None, replaced)]
    return {"specialist": follow_up.specialist, "task": follow_up.task, "handed": open_entries, "settles": settles}


def names_of(state: State) -> dict[str, str]:
    """Give the specialists by the ids of their subtasks."""
    return {outcome["id"]: outcome["specialist"] for outcome in state["outcomes"]}


def _closing(ledger: Ledger, ids: Collection[str], state: State, text: str, words: Words) -> list[str]:
    """Write what stands behind a text that marks these ids: what it leaves untold, its sources, and a fallback."""
    sections = [*untold(ledger, ids, names_of(state), words), *listed_sources(state["outcomes"], text, words)]
    return [*sections, f"*{words['fallback']}*"] if is_fallback(state) else sections


@dataclass(frozen=True)
class Marked:
    """An answer whose marks all name something.

    Attributes:
        text: with each mark in brackets of its own.
        ids: what it marks: subtasks (S1), entries (D1) and gaps (G1).
        unknown: how many marks were taken out, for there is nothing of that name.
    """

    text: str
    ids: frozenset[str]
    unknown: int


def marked(answer: str, known: Collection[str], aliases: Mapping[str, str]) -> Marked:
    """Read the marks of an answer: [S1, S3] becomes [S1] [S3], and what names nothing is taken out."""
    ids, unknown = set[str](), 0

    def rewritten(match: re.Match[str]) -> str:
        nonlocal unknown
        named = [f"{letter.upper()}{int(number)}" for letter, number in _ONE.findall(match["ids"])]
        kept = dict.fromkeys(name for raw in named if (name := aliases.get(raw, raw)) in known)
        unknown += sum(aliases.get(raw, raw) not in known for raw in named)
        ids.update(kept)
        return match["space"] + " ".join(f"[{name}]" for name in kept) if kept else ""

    text = _MARK.sub(rewritten, answer)
    return Marked(text, frozenset(ids), unknown)


def cited(ids: Collection[str], ledger: Ledger) -> set[str]:
    """Give the subtasks that an answer draws on: those it marks, and the sides of the entries that it tells."""
    sides = {
        position["subtask_id"]
        for name, entry in ledger.entries.items()
        if name in ids
        for position in entry["positions"]
    }
    return {name for name in ids if name.startswith("S")} | sides


def untold(ledger: Ledger, ids: Collection[str], names: Mapping[str, str], words: Words) -> list[str]:
    """Write the sections that tell what an answer has not marked: entries first, then gaps. Nothing where all is told."""
    entries = list[str]()
    for name, entry in ledger.entries.items():
        if name not in ids:
            entries.append(_told(entry, names, words))
        elif doubtful := [position for position in entry["positions"] if not position["verified"]]:
            held = "; ".join(_held(position, names, words) for position in doubtful)
            entries.append(f"- {without_markdown(entry['topic'])} [{name}]: {held} ({words['unverified']})")
    missing = [_missing(gap, words) for name, gap in ledger.gaps.items() if name not in ids]
    sections = ((words["differ"], entries), (words["missing"], missing))
    return [f"## {heading}\n\n" + "\n".join(lines) for heading, lines in sections if lines]


def _told(entry: Entry, names: Mapping[str, str], words: Words) -> str:
    sides = "; ".join(
        _held(position, names, words) + ("" if position["verified"] else f" ({words['unverified']})")
        for position in entry["positions"]
    )
    end = ""
    if entry["resolution"]:
        end = f" {words['settled']}: {without_markdown(entry['resolution'])}"
    elif entry["suggestion"]:
        end = f" {words['suggestion']}: {without_markdown(entry['suggestion'])}"
    return f"- {without_markdown(entry['topic'])} [{entry['id']}]: {sides.rstrip('.')}.{end}"


def _held(position: Mapping[str, Any], names: Mapping[str, str], words: Words) -> str:
    side = position["subtask_id"]
    who = words["request"] if side == REQUEST else f"{without_markdown(names.get(side, ''))} [{side}]".strip()
    return f"{who}: {without_markdown(position['claim'])}"


def _missing(gap: Gap, words: Words) -> str:
    kind = gap.get("kind")
    what = words["cut_off"] if kind == "cut_off" else without_markdown(gap["what"])
    which = f" [{gap['subtask_id']}]" if gap["subtask_id"] else ""
    why = "" if kind == "cut_off" else words[kind] if kind else without_markdown(gap["why"])
    return f"- {what}{which}" + (f" ({why})" if why else "") + f" [{gap['id']}]"
