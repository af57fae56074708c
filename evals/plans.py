"""Plans: how well nodes.plan.checks tells good plans from bad ones. Run: python -m evals.plans [--misses] [--part NAME]."""

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nodes.plan.checks import Finding, check
from nodes.specialists.registry import Roster, Specialist

DATA = Path(__file__).parent / "plans"
PARTS = ("tuning", "held_out")  # the checks were tuned on the first alone; the second was written before
# Faults whose border is a matter of taste and whose mending is the same count as one another.
ALIKE = {
    "empty": "nonsense",
    "placeholder": "nonsense",
    "one_word": "nonsense",
    "near_duplicate": "double",
    "duplicate": "double",
}
KINDS = {"name": "nameless"}  # label → the kind that check() gives


@dataclass(frozen=True)
class Judged:
    """One subtask of one plan, with its label and what was found."""

    part: str
    plan: str
    language: str
    good_plan: bool
    label: str | None
    subtask: dict[str, Any]
    found: tuple[Finding, ...]

    @property
    def caught(self) -> bool:
        """Tell whether its fault was found, under its own name or one that is mended alike."""
        label = KINDS.get(self.label or "", self.label or "")
        return any(ALIKE.get(one.kind, one.kind) == ALIKE.get(label, label) for one in self.found)


def plans(part: str) -> list[dict[str, Any]]:
    """Read the plans of one part."""
    loaded: list[dict[str, Any]] = yaml.safe_load((DATA / f"{part}.yaml").read_text(encoding="utf-8"))
    return loaded


def drafted(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a plan's subtasks as check() is given them."""
    kept = ("specialist", "cross_check", "depends_on")
    return [
        {**{key: one[key] for key in kept if key in one}, "task": " ".join([one["task"]] * one.get("repeat", 1))}
        for one in plan["subtasks"]
    ]


def judged(part: str) -> Iterator[Judged]:
    """Check every plan of one part."""
    for plan in plans(part):
        roster = Roster.of(Specialist(name, name) for name in plan.get("roster", []))
        found = check(drafted(plan), plan["request"], roster, improvise="roster" not in plan)
        good = not any("fault" in one for one in plan["subtasks"])
        for index, subtask in enumerate(plan["subtasks"]):
            mine = tuple(one for one in found if one.index == index)
            yield Judged(part, plan["id"], plan["language"], good, subtask.get("fault"), subtask, mine)


def rates(rows: list[Judged], by: str) -> list[tuple[str, str, str, str]]:
    """Return lines of a table: what, caught of the faulty, false alarms on good plans and on sound subtasks of bad ones."""
    groups: dict[str, list[Judged]] = defaultdict(list)
    for row in rows:
        key = getattr(row, by)
        if key is not None:
            groups[key].append(row)
    lines = []
    for key in [*sorted(groups), "all"]:
        some = rows if key == "all" else groups[key]
        faulty = [row for row in some if row.label]
        kind = KINDS.get(key, key)
        sound = [row for row in (rows if by == "label" else some) if row.label is None]
        alarms = [
            row
            for row in sound
            if row.found and (by != "label" or key == "all" or any(one.kind == kind for one in row.found))
        ]
        lines.append(
            (
                key,
                _share(sum(row.caught for row in faulty), len(faulty)),
                _share(sum(row.good_plan for row in alarms), sum(row.good_plan for row in sound)),
                _share(sum(not row.good_plan for row in alarms), sum(not row.good_plan for row in sound)),
            )
        )
    return lines


def _share(some: int, of: int) -> str:
    return f"{some}/{of} = {some / of:.1%}" if of else "-"


def touched(rows: list[Judged], prefix: str) -> tuple[int, int]:
    """Return how many good plans whose name holds a word were touched at all, and how many there are."""
    found: Counter[str] = Counter()
    for row in rows:
        if row.good_plan and prefix in row.plan:
            found[row.plan] += len(row.found)
    return sum(count > 0 for count in found.values()), len(found)


def _table(title: str, lines: list[tuple[str, str, str, str]]) -> None:
    print(f"\n{title:16} {'caught':>18} {'alarms, good plans':>20} {'alarms, bad plans':>20}")
    for line in lines:
        print(f"{line[0]:16} {line[1]:>18} {line[2]:>20} {line[3]:>20}")


def _misses(rows: list[Judged]) -> None:
    for row in rows:
        if (row.label and not row.caught) or (not row.label and row.found):
            kinds = ", ".join(f"{one.kind}: {one.told[-110:]}" for one in row.found) or "nothing"
            print(
                f"- {row.plan} {row.language} label={row.label} | {row.subtask['specialist']}: {row.subtask['task'][:150]}\n    → {kinds}"
            )


def main() -> None:
    """Print catch rates and false alarms by fault and by language, for each part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misses", action="store_true", help="list every miss and every false alarm")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part")
    given = parser.parse_args()
    for part in given.part or PARTS:
        start = time.perf_counter()
        rows = list(judged(part))
        seconds = time.perf_counter() - start
        good = len({row.plan for row in rows if row.good_plan})
        print(
            f"\n== {part}: {len({row.plan for row in rows})} plans, {good} good, {len(rows)} subtasks, {seconds * 1000:.0f} ms"
        )
        for word, name in (("", "all"), ("seed", "seed kind")):
            print(f"good plans touched ({name}): {'/'.join(map(str, touched(rows, word)))}")
        _table("by fault", rates(rows, "label"))
        _table("by language", rates(rows, "language"))
        if given.misses:
            _misses(rows)


if __name__ == "__main__":
    main()
