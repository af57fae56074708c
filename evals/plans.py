"""Plans: how well nodes.plan tells good plans from bad ones. Run: python -m evals.plans [--misses] [--part NAME]."""

import argparse
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from nodes.plan import check, checked_frame
from nodes.specialists import Roster, Specialist

DATA = Path(__file__).parent / "plans"
PARTS = ("tuning", "held_out")  # the checks were tuned on the first alone; the second was written before
BUILT_IN = Specialist("estimator", "works out quantities", built_in=True)  # a closed team is not offered it
# Faults whose border is a matter of taste and whose mending is the same count as one another.
ALIKE = {
    "empty": "nonsense",
    "placeholder": "nonsense",
    "one_word": "nonsense",
    "near_duplicate": "double",
    "duplicate": "double",
}


@dataclass(frozen=True)
class Judged:
    """One subtask of one plan (or the plan's frame), with its label and the kinds of fault that were found."""

    part: str
    plan: str
    language: str
    good_plan: bool
    label: str | None
    text: str
    kinds: tuple[str, ...]

    @property
    def caught(self) -> bool:
        """Tell whether its fault was found, under its own name or one that is mended alike."""
        return any(ALIKE.get(kind, kind) == ALIKE.get(self.label or "", self.label) for kind in self.kinds)


def plans(part: str) -> list[dict[str, Any]]:
    """Read the plans of one part."""
    loaded: list[dict[str, Any]] = yaml.safe_load((DATA / f"{part}.yaml").read_text(encoding="utf-8"))
    return loaded


def drafted(plan: dict[str, Any]) -> list[dict[str, Any]]:
    """Return a plan's subtasks as check() is given them."""
    return [{**subtask, "task": " ".join([subtask["task"]] * subtask.get("repeat", 1))} for subtask in plan["subtasks"]]


def judged(part: str) -> Iterator[Judged]:
    """Check every plan of one part."""
    for plan in plans(part):
        roster = Roster.of([BUILT_IN, *(Specialist(name, name) for name in plan.get("roster", []))])
        findings = check(drafted(plan), plan["request"], roster, improvise="roster" not in plan)
        good = "frame_fault" not in plan and not any("fault" in subtask for subtask in plan["subtasks"])
        about = part, plan["id"], plan["language"], good
        if "frame" in plan:
            kinds = tuple("shares" for _ in checked_frame(plan["frame"])[1])
            yield Judged(*about, plan.get("frame_fault"), str(plan["frame"]), kinds)
        for position, subtask in enumerate(plan["subtasks"]):
            kinds = tuple(finding.kind for finding in findings if finding.position == position)
            text = f"{subtask['specialist']}: {subtask['task']}"
            yield Judged(*about, subtask.get("fault"), text, kinds)


def rates(rows: Iterable[Judged], by: str) -> list[tuple[str, str, str]]:
    """Return lines of a table: what, how many of the faulty were caught, and how many of the sound were touched."""
    groups = defaultdict[str, list[Judged]](list)
    sound = [row for row in rows if row.label is None]
    for row in rows:
        if getattr(row, by) is not None:
            groups[getattr(row, by)].append(row)
    lines = []
    for key, members in sorted(groups.items()):
        faulty = [row for row in members if row.label]
        mine = sound if by == "label" else [row for row in members if row.label is None]
        alarms = sum(key in row.kinds if by == "label" else bool(row.kinds) for row in mine)
        lines.append((key, _share(sum(row.caught for row in faulty), len(faulty)), _share(alarms, len(mine))))
    return lines


def _share(some: int, of: int) -> str:
    return f"{some}/{of} = {some / of:.1%}" if of else "-"


def _table(title: str, lines: list[tuple[str, str, str]]) -> None:
    print(f"\n{title:16} {'caught':>18} {'false alarms':>18}")
    for line in lines:
        print(f"{line[0]:16} {line[1]:>18} {line[2]:>18}")


def _misses(rows: Iterable[Judged]) -> None:
    for row in rows:
        if (row.label and not row.caught) or (not row.label and row.kinds):
            print(
                f"- {row.plan} {row.language} label={row.label} found={', '.join(row.kinds) or 'nothing'} | {row.text[:150]}"
            )


def main() -> None:
    """Print catch rates and false alarms by fault and by language, for each part; the result is the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--misses", action="store_true", help="list every miss and every false alarm")
    parser.add_argument("--part", choices=PARTS, action="append", help="only this part")
    given = parser.parse_args()
    results = []
    for part in given.part or PARTS:
        start = time.process_time()
        rows = list(judged(part))
        seconds = time.process_time() - start
        print(f"\n== {part}: {len({row.plan for row in rows})} plans, {len(rows)} rows, {seconds * 1000:.0f} ms")
        _table("by fault", rates(rows, "label"))
        _table("by language", rates(rows, "language"))
        if given.misses:
            _misses(rows)
        faulty, sound = [row for row in rows if row.label], [row for row in rows if not row.label]
        caught, alarms = sum(row.caught for row in faulty), sum(bool(row.kinds) for row in sound)
        results.append(f"{part} caught {caught}/{len(faulty)}, false alarms {alarms}/{len(sound)}")
    print(f"\nplans: {'; '.join(results)}")


if __name__ == "__main__":
    main()
