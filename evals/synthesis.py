"""Synthesis: is every planted disagreement, false quote, failure and gap still there at the end of a run?

    python -m evals.synthesis       scripted; no model is called (python -m evals measures what a model sees)

Conflicts are in evals/synthesis/conflicts.yaml; the graph is the real one.
"""

import json
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from evals.answers import figures
from graph import graph
from nodes.models.scripted import Line, Script, register
from nodes.state import Context
from nodes.synthesis.language import words_for

FOLDER = Path(__file__).parent / "synthesis"
EXTRA = (
    "publicist",
    "Write the leaflet and say when it is handed out, and by whom.",
    "Leaflets go out three weeks ahead.",
)
AGAIN, PART, CONTINUE = "The ledger in that reply", "these are part", "Your reply was cut off"

Pair = dict[str, Any]


@dataclass
class Tally:
    """Hits and misses by figure."""

    counts: dict[str, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0]))
    misses: list[str] = field(default_factory=list)

    def take(self, name: str, case: str, *, good: bool) -> None:
        """Count one check; say which case failed."""
        self.counts[name][0] += good
        self.counts[name][1] += 1
        if not good:
            self.misses.append(f"{name}: {case}")

    def lines(self) -> Iterator[str]:
        """Write the figures."""
        for name, (good, of) in self.counts.items():
            yield f"{name:<42}{good:>4} of {of:<4}{100 * good / of:6.1f} %   target 100"


@dataclass(frozen=True)
class Case:
    """One scripted run: what the synthesiser says, and what must be true in the end."""

    name: str
    pair: Pair
    say: str
    again: str | None = None  # to the faults
    part: str | None = None  # to a part of the results
    later: str | None = None  # in the second round
    third: str | None = EXTRA[2]  # None: that worker fails
    padding: int = 0
    context: dict[str, Any] = field(default_factory=dict)
    rest: str | None = None  # of an answer that was cut off
    checks: tuple[Callable[["Case", dict[str, Any], Tally], None], ...] = ()


def entry(pair: Pair, *, resolution: str | None = None, false: bool = False, third: bool = False) -> dict[str, Any]:
    """Write the planted disagreement as a synthesiser's entry."""
    positions = [
        {
            "subtask_id": subtask_id,
            "claim": side["claim"],
            "quote": _bent(side["quote"]) if false and subtask_id == "S1" else side["quote"],
        }
        for subtask_id, side in (("S1", pair["one"]), ("S2", pair["two"]))
    ]
    if third:
        positions.append({"subtask_id": "S9", "claim": "something else", "quote": "nobody wrote this"})
    return {"topic": pair["topic"], "positions": positions, "resolution": resolution}


def _bent(quote: str) -> str:
    """Change a quote so that it is false: a figure where there is one, else its sense."""
    changed = "".join("7" if char.isdecimal() and char not in "7٧７" else char for char in quote)
    return changed if changed != quote else f"never {quote} whatsoever"


def said(answer: str, *entries: dict[str, Any], follow_ups: Any = ()) -> str:
    """Write a synthesiser's reply."""
    return json.dumps({"disagreements": entries, "gaps": [], "follow_ups": list(follow_ups), "answer": answer}, ensure_ascii=False)  # fmt: skip


def preserved(case: Case, state: dict[str, Any], tally: Tally) -> None:
    """The planted entry is in the ledger, and the answer shows both sides."""
    sides = {"S1": case.pair["one"]["claim"], "S2": case.pair["two"]["claim"]}
    kept = any(
        sides.items() <= {each["subtask_id"]: each["claim"] for each in entry["positions"]}.items()
        for entry in state["disagreements"]
    )
    tally.take("entries preserved", case.name, good=kept and all(claim in state["answer"] for claim in sides.values()))


def verified(case: Case, state: dict[str, Any], tally: Tally) -> None:
    """True quotes are shown as verified."""
    marks = [each["verified"] for entry in state["disagreements"] for each in entry["positions"]]
    tally.take("true quotes verified", case.name, good=bool(marks) and all(marks))


def caught(case: Case, state: dict[str, Any], tally: Tally) -> None:
    """No false quote is verified, in data or in the answer."""
    false = _bent(case.pair["one"]["quote"])
    marked = [
        each["verified"] for entry in state["disagreements"] for each in entry["positions"] if each["quote"] == false
    ]
    told = false not in state["answer"] or words_for(state["answer"])["unverified"] in state["answer"]
    tally.take("false quotes caught", case.name, good=not any(marked) and told)


def settled(case: Case, state: dict[str, Any], tally: Tally) -> None:
    """The answer says how a resolved disagreement was resolved."""
    tally.take("resolutions told", case.name, good="the request says so" in state["answer"])


def failure_named(case: Case, state: dict[str, Any], tally: Tally) -> None:
    """A failed worker is a gap and is named in the answer."""
    gap = any(gap["subtask_id"] == "S3" and gap["why"].startswith("failed") for gap in state["gaps"])
    named = f"{EXTRA[0]}:" in state["answer"] and "[S3]" in state["answer"]
    tally.take("failed workers named", case.name, good=gap and named and not state["complete"])


def unused_named(case: Case, state: dict[str, Any], tally: Tally) -> None:
    """A result that was left out is named as unused."""
    gap = any(gap["subtask_id"] == "S3" and gap["why"].startswith("unused") for gap in state["gaps"])
    tally.take("dropped contributions named", case.name, good=gap and not state["complete"])


def no_unknown(case: Case, state: dict[str, Any], tally: Tally) -> None:
    """An invented id is not cited, and its position is not verified."""
    marks = [e["verified"] for entry in state["disagreements"] for e in entry["positions"] if e["subtask_id"] == "S9"]
    counted = state["spend"].get("unknown_citations") == 1
    tally.take("invented ids removed and counted", case.name, good="[S9]" not in state["answer"] and counted and not any(marks))  # fmt: skip


def whole(case: Case, state: dict[str, Any], tally: Tally) -> None:
    """An answer that was cut off is whole again."""
    tally.take("cut-off answers completed", case.name, good="the very end" in state["answer"])


def joined(case: Case, state: dict[str, Any], tally: Tally) -> None:
    """Results over the window were joined in parts, and the answer says so."""
    tally.take("over-long results joined, and said so", case.name, good=_parts_told(state["answer"]))


def _parts_told(answer: str) -> bool:
    return words_for(answer)["parts"].split("{parts}")[0] in answer


def cases(pair: Pair) -> Iterator[Case]:
    """Write every case of one planted conflict."""
    first, second = pair["one"], pair["two"]
    text = f"## All\n\n{first['who']}: {first['claim']}. {second['who']}: {second['claim']}. [S1] [S2] [S3]"
    flat = "## All\n\nEverything has been worked out. [S1] [S2] [S3]"
    right, again = entry(pair), entry(pair, false=True)

    def case(name: str, say: str, *checks: Any, **more: Any) -> Case:
        return Case(f"{pair['language']} {pair['topic']}: {name}", pair, say, checks=checks, **more)

    yield case("told", said(text, right), preserved, verified)
    yield case("flattened", said(flat, right), preserved, verified)
    yield case("resolved", said(flat, entry(pair, resolution="the request says so")), preserved, settled)
    yield case("false quote, mended", said(text, again), preserved, caught, again=said("unchanged", right))
    yield case("false quote, kept", said(text, again), preserved, caught)
    yield case("false quote, withdrawn", said(text, again), preserved, caught, again=said("unchanged"))
    yield case("invented id", said(f"{flat} [S9]", entry(pair, third=True)), preserved, no_unknown)
    yield case("dropped", said("## All\n\nOnly this. [S1] [S2]", right), preserved, unused_named)
    yield case("failed worker", said("## All\n\nOnly this. [S1] [S2]", right), preserved, failure_named, third=None)
    yield case("over-long", said(flat), preserved, joined, part=said("Short. [S1] [S2] [S3]", right), padding=30_000, context={"context_window": 16_000})  # fmt: skip
    body = said(text + " word" * 300, right)
    yield case("cut off", body, preserved, whole, rest=" and this is the very end.", context={"synthesiser_max_output_tokens": len(body) // 4 - 100})  # fmt: skip
    more = [{"specialist": "weather adviser", "task": "Say what happens when it rains on the day, and who decides it."}]
    yield case("later round", said(flat, right, follow_ups=more), preserved, later=said(f"{flat} [S4]"), context={"max_rounds": 2})  # fmt: skip


def run(case: Case) -> dict[str, Any]:
    """Run the graph on a case's script."""
    pair = case.pair
    tasks = [(pair["one"]["who"], f"Work out, from your side: {pair['topic']} and all that hangs on it, with figures."),
             (pair["two"]["who"], "List what is needed on the day, with its amounts, hours and conditions in a table."),
             EXTRA[:2]]  # fmt: skip
    plan = {"subtasks": [{"specialist": who, "task": task, "cross_check": False} for who, task in tasks]}
    filler = "\n\n" + "Nothing else of note is said in this line. " * (case.padding // 43)
    texts = {pair["one"]["who"]: pair["one"]["text"] + filler, pair["two"]["who"]: pair["two"]["text"] + filler}
    texts |= {EXTRA[0]: case.third, "weather adviser": "If it rains, the hall is used; the host decides at noon."}
    lines = [Line(json.dumps(plan, ensure_ascii=False), ("You are the planner",))]
    lines += [Line(text, (f"You are a specialist: {who}.",)) for who, text in texts.items() if text]
    script = (
        (case.again or case.say, AGAIN),
        (case.rest, CONTINUE),
        (case.part, PART),
        (case.later, "\nS4, "),
        (case.say, ""),
    )
    lines += [Line(text, ("You are the synthesiser", words)) for text, words in script if text]
    register("evals", Script(tuple(lines), chunk=4_000))
    settings = {f"{role}_model": "scripted:evals" for role in ("planner", "worker", "synthesiser")} | {"max_rounds": 1}
    return dict(graph.invoke({"request": pair["request"]}, context=Context(**(settings | case.context))))


def main() -> int:
    """Run the whole set and print the figures; 1 when a target is missed."""
    tally, conflicts = Tally(), yaml.safe_load((FOLDER / "conflicts.yaml").read_text("utf-8"))
    for case in (case for pair in conflicts for case in cases(pair)):
        state = run(case)
        for check in case.checks:
            check(case, state, tally)
    counts = figures()
    print(f"{counts.pop('runs')} runs of six requests:")
    print("\n".join(f"{name:<52}{count:>4}   target 0" for name, count in counts.items()))
    tally.misses += [name for name, count in counts.items() if count]
    print(f"synthesis, scripted: {len(conflicts)} conflicts")
    print("\n".join([*tally.lines(), *(f"  missed {miss}" for miss in tally.misses)]))
    print(f"evals.synthesis: {'missed' if tally.misses else 'all targets met'}; {len(tally.misses)} misses")
    return 1 if tally.misses else 0


if __name__ == "__main__":
    sys.exit(main())
