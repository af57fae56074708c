"""Ledger: disagreements and gaps as data that code has checked. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from rapidfuzz import fuzz

from nodes.state import Dropped, Outcome
from nodes.text import folded, terms
from prompts.replies import Disagreement, Gap

SAME_TOPIC = 80  # of 100, RapidFuzz's token_set_ratio of two topics, or of two claims
NEAR_QUOTE = 92  # of 100, RapidFuzz's partial_ratio of the folded quote in the folded output
SAID = 0.7  # of a resolution's words that stand in the answer, for the answer to tell it
ALIKE, UNLIKE = 0.6, 0.15  # of a result's different words that stand in the answer
MANY_WORDS = 20  # different words of a result
LEAST_QUOTE = 8  # folded characters; a shorter quote must stand there exactly, as whole words
LONGEST_QUOTE = 2_000  # folded characters; a longer one must stand there exactly: near matching takes too long
_CITED = re.compile(r"\[(S\d+)\]")

# Reasons for a drop after which nothing that was asked for is missing.
_NOTHING_LOST = ("the same as", "follow-up", "nearly the same", "repeats a finished", "empty task", "placeholder")


def quoted(quote: str, output: str) -> bool:
    """Tell whether a quote stands in an output: exactly once white space and punctuation are folded, or nearly."""
    said, text = folded(quote), folded(output)
    if not said:
        return False
    if f" {said} " in f" {text} " or (len(said) >= LEAST_QUOTE and said in text):
        return True
    if not LEAST_QUOTE <= len(said) <= LONGEST_QUOTE or not _numbers(quote) <= _numbers(output):
        return False  # a changed figure is another claim, however alike the words are
    found = fuzz.partial_ratio_alignment(said, text, score_cutoff=NEAR_QUOTE)
    return found is not None and _numbers(said) <= _numbers(text[max(0, found.dest_start - 4) : found.dest_end + 4])


def _numbers(text: str) -> set[str]:
    """Figures as digits alone: 19:00 and 19.00 are one figure, not two."""
    return {re.sub(r"\D", "", one) for one in re.findall(r"\d+(?:[.,:]\d+)*", text)}


def checked(
    disagreements: Sequence[Disagreement], outcomes: Sequence[Outcome]
) -> tuple[list[dict[str, Any]], list[str]]:
    """Check every position against what that worker wrote.

    Returns:
        The entries as state keeps them, each position with `verified`; and every fault, worded for the model.
    """
    outputs = {outcome["id"]: outcome["output"] for outcome in outcomes}
    entries, faults = [], list[str]()
    for entry in disagreements:
        positions = []
        for position in entry.positions:
            told = position.model_dump()
            told["verified"] = quoted(position.quote, outputs.get(position.subtask_id, ""))
            positions.append(told)
            where = f"disagreement {entry.topic!r}, position of {position.subtask_id or '(no subtask)'}"
            if position.subtask_id not in outputs:
                faults.append(f"{where}: there is no such subtask; there are {', '.join(outputs)}.")
            elif not told["verified"]:
                faults.append(f"{where}: the quote {position.quote[:120]!r} does not stand in that result.")
        if len({one["subtask_id"] for one in positions if one["subtask_id"] in outputs}) < 2:  # noqa: PLR2004
            faults.append(f"disagreement {entry.topic!r}: it needs positions of two different subtasks.")
            for one in positions:
                one["verified"] = False
        entries.append({"topic": entry.topic, "positions": positions, "resolution": entry.resolution})
    return entries, faults


def shown(entry: dict[str, Any], answer: str) -> bool:
    """Tell whether an answer's text tells a disagreement: every position, by its claim, its quote or its figures."""
    text = folded(answer)
    return bool(entry["positions"]) and all(_position_shown(one, text, answer) for one in entry["positions"])


def told(entry: dict[str, Any], answer: str, outcomes: Sequence[Outcome]) -> bool:
    """Tell whether an answer shows a disagreement as its reader needs it: who holds what, and how it was settled.

    One with a quote that is not verified never counts: the text would tell it as if it were.
    """
    if not shown(entry, answer) or not all(one["verified"] for one in entry["positions"]):
        return False
    names = {outcome["id"]: folded(outcome["specialist"]) for outcome in outcomes}
    sections = [(folded(part), part) for part in re.split(r"\n(?=#)", answer)]
    for one in entry["positions"]:
        name, cited = names.get(one["subtask_id"]), f"[{one['subtask_id']}]"
        if not any(
            (cited in part or (name and name in text)) and _position_shown(one, text, part) for text, part in sections
        ):
            return False
    own = set(terms(entry["resolution"] or ""))
    return not own or len(own & set(terms(answer))) / len(own) >= SAID


def _position_shown(position: dict[str, Any], text: str, answer: str) -> bool:
    for words in (position["claim"], position["quote"]):
        said = folded(words)
        if said and (said in text or (len(said) >= LEAST_QUOTE and fuzz.partial_ratio(said, text) >= NEAR_QUOTE)):
            return _numbers(words) <= _numbers(answer)
    return False


def merged(told: Sequence[Disagreement], found: Sequence[Disagreement]) -> list[Disagreement]:
    """Add the entries that were found before and that the newer ledger leaves out.

    Twice the same entry is better than one lost: they are one only if their subtasks, topics and positions are alike.
    """
    kept = list(told)
    for entry in found:
        if not any(_same_entry(entry.model_dump(), other.model_dump()) for other in kept):
            kept.append(entry)
    return kept


def _same_entry(one: dict[str, Any], two: dict[str, Any]) -> bool:
    first, second = ({each["subtask_id"]: each for each in entry["positions"]} for entry in (one, two))
    both = first.keys() & second.keys()
    if not both or (len(both) < 2 and first.keys() != second.keys()):  # noqa: PLR2004
        return False
    alike = all(_same_position(first[each], second[each]) for each in both)
    topics = fuzz.token_set_ratio(folded(one["topic"]), folded(two["topic"]))
    return alike and (
        topics >= SAME_TOPIC or all(_overlap(first[each]["quote"], second[each]["quote"]) for each in both)
    )


def _same_position(one: dict[str, Any], two: dict[str, Any]) -> bool:
    if _overlap(one["quote"], two["quote"]):
        return True
    figures = _numbers(one["claim"]), _numbers(two["claim"])
    return figures[0] == figures[1] and (
        bool(figures[0]) or fuzz.token_set_ratio(folded(one["claim"]), folded(two["claim"])) >= SAME_TOPIC
    )


def _overlap(one: str, two: str) -> bool:
    first, second = folded(one), folded(two)
    return bool(first and second) and (first in second or second in first)


def unmended(entries: Sequence[dict[str, Any]], better: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """List the entries that a second ledger leaves out: they are kept, as they were checked."""
    topics = {folded(entry["topic"]) for entry in better}
    return [
        one
        for one in entries
        if folded(one["topic"]) not in topics and not any(_same_entry(one, other) for other in better)
    ]


def disagreement_section(entries: Sequence[dict[str, Any]], outcomes: Sequence[Outcome]) -> str:
    """Write the section that shows disagreements to the reader: who holds what, and how it was settled."""
    names = {outcome["id"]: outcome["specialist"] for outcome in outcomes}
    lines = ["## Where the specialists disagree", ""]
    for entry in entries:
        lines.append(f"- **{_line(entry['topic'])}**")
        for one in entry["positions"]:
            who = f"{_line(names.get(one['subtask_id'], 'unknown'))} [{one['subtask_id']}]"
            quote = f": “{_line(one['quote'])}”" if one["quote"] else ""
            unverified = "" if one["verified"] else " (not verified: these words were not found in that result)"
            lines.append(f"  - {who} holds: {_line(one['claim'])}{quote}{unverified}")
        settled = entry["resolution"]
        lines.append(f"  - Settled: {_line(settled)}" if settled else "  - Open: nothing in the request settles it.")
    return "\n".join(lines)


def positions_for(task: str, undecided: Sequence[dict[str, Any]], names: Mapping[str, str]) -> str:
    """Write the positions of the open disagreements that a task is about, where it does not tell them itself."""
    lines = []
    for entry in undecided:
        about = fuzz.token_set_ratio(folded(entry["topic"]), folded(task)) >= SAME_TOPIC
        named = [one for one in entry["positions"] if _position_shown(one, folded(task), task)]
        if not (about or named) or len(named) == len(entry["positions"]):
            continue
        for one in entry["positions"]:
            quote = f" (“{_line(one['quote'])}”)" if one["verified"] else ""
            lines.append(f"- {_line(names.get(one['subtask_id'], 'another specialist'))}: {_line(one['claim'])}{quote}")
    return "\n\nThe positions that were taken:\n" + "\n".join(lines) if lines else ""


def missing_section(gaps: Sequence[dict[str, Any]]) -> str:
    """Write the section that names what is missing."""
    lines = ["## What is missing", ""]
    for gap in gaps:
        which = f" [{gap['subtask_id']}]" if gap["subtask_id"] else ""
        lines.append(f"- {_line(gap['what'])}{which}" + (f": {_line(gap['why'])}" if gap["why"] else ""))
    return "\n".join(lines)


def _line(text: str) -> str:
    return " ".join(text.split())


def code_gaps(outcomes: Sequence[Outcome], dropped: Sequence[Dropped]) -> list[dict[str, Any]]:
    """List the gaps that follow from data: what failed, was cut off, or was dropped though it was asked for."""
    gaps = list[dict[str, Any]]()
    for one in outcomes:
        if one["status"] == "done":
            continue
        what = f"{one['specialist']}: {_shortened(one['task'])}"
        why = f"{one['status'].replace('_', ' ')}: {one['error']}" if one["error"] else one["status"].replace("_", " ")
        gaps.append({"subtask_id": one["id"], "what": what, "why": why})
    for drop in dropped:
        if not drop["reason"].startswith(_NOTHING_LOST):
            what = f"{drop['specialist']}: {_shortened(drop['task'])}"
            gaps.append({"subtask_id": None, "what": what, "why": f"dropped: {drop['reason']}"})
    return gaps


def unused_gaps(outcomes: Sequence[Outcome], answer: str) -> list[dict[str, Any]]:
    """List finished subtasks that an answer neither cites nor resembles.

    Where an answer cites nothing at all, only a long result that left hardly a word in it is surely unused.
    """
    cited = set(_CITED.findall(answer))
    said = set(terms(answer))
    gaps = []
    for one in outcomes:
        own = set(terms(one["output"]))
        if one["status"] not in ("done", "partial") or one["id"] in cited:
            continue
        likeness = len(own & said) / max(1, len(own))
        if likeness > ALIKE if cited else (likeness > UNLIKE or len(own) < MANY_WORDS):
            continue
        what = f"{one['specialist']}: {_shortened(one['task'])}"
        gaps.append({"subtask_id": one["id"], "what": what, "why": "unused: the answer draws nothing from this result"})
    return gaps


def condensed_gaps(outcomes: Sequence[Outcome], condensed: Sequence[str]) -> list[dict[str, Any]]:
    """List the results that code had to shorten before they were joined."""
    why = "shortened before it was joined: no room for all of it"
    return [
        {"subtask_id": one["id"], "what": f"{one['specialist']}: part of the result", "why": why}
        for one in outcomes
        if one["id"] in condensed and one["status"] == "done"
    ]


def joined_gaps(told: Sequence[Gap], found: Sequence[dict[str, Any]], ids: set[str]) -> list[dict[str, Any]]:
    """Join the model's gaps and those found in code; one entry for each subtask, code's facts first."""
    named = {gap["subtask_id"] for gap in found if gap["subtask_id"]}
    kept = [gap.model_dump(exclude={"id"}) for gap in told if gap.subtask_id not in named]
    for gap in kept:
        if gap["subtask_id"] not in ids:
            gap["subtask_id"] = None
    return [*found, *kept]


def known_citations(answer: str, ids: set[str]) -> tuple[str, int]:
    """Write citations one by one, [S1, S3] as [S1] [S3], and take out those of unknown subtasks.

    Returns:
        The answer, and how many were taken out.
    """
    unknown = 0

    def keep(found: re.Match[str]) -> str:
        nonlocal unknown
        cited = [f"S{int(one)}" for one in re.findall(r"\d+", found["ids"])]
        known = [one for one in dict.fromkeys(cited) if one in ids]
        unknown += sum(one not in ids for one in cited)
        return found["space"] + " ".join(f"[{one}]" for one in known) if known else ""

    return re.sub(
        r"(?P<space>[ \t]?)\[(?P<ids>[Ss]\d{1,4}(?:\s*(?:(?:[,;&/]|and|und|et|y)\s*)?[Ss]\d{1,4})*)\]", keep, answer
    ), unknown


def _shortened(text: str, limit: int = 160) -> str:
    line = _line(text)
    return line if len(line) <= limit else f"{line[: limit - 1]}…"
