"""The sets of our own."""

from collections import Counter

import pytest
import yaml

from evals import sets
from evals.intervals import kappa
from evals.items import SUITES, items
from nodes.text import folded


def test_conflicts() -> None:
    """Forty conflicts in six languages, at least half of which turn on no figure."""
    read = yaml.safe_load((sets.FOLDER / "conflicts.yaml").read_text(encoding="utf-8"))

    assert len(read) == 40
    assert len({each["language"] for each in read}) == 6
    assert sum(not each["figures"] for each in read) >= 20


@pytest.mark.parametrize("dispute", [each for each in sets.disputes() if each.golds], ids=lambda each: each.id)
def test_golds(dispute: sets.Dispute) -> None:
    """Each answer stands in its own document, and in no other."""
    texts = [folded(document.text) for document in dispute.documents]

    assert [[folded(gold) in text for text in texts[:2]] for gold in dispute.golds] == [[True, False], [False, True]]
    assert not any(folded(gold) in text for gold in dispute.golds for text in texts[2:])


def test_requests() -> None:
    """Thirty requests with 10 to 15 criteria each, and facts that stand in them."""
    read = sets.requests()

    assert len(read) == 30
    assert all(10 <= len({*each.criteria}) == len(each.criteria) <= 15 for each in read)
    assert all(any(way in each.request for way in fact.split("|")) for each in read for fact in each.facts)


def test_graded() -> None:
    """Sixty plans, of which neither nearly all nor nearly none hold to any criterion: else kappa means little."""
    read = sets.graded()
    holding = Counter(name for plan in read for name, grade in plan.grades.items() if grade)

    assert len(read) == 60
    assert all(20 <= holding[name] <= 40 for name in sets.JUDGED)


def test_graded_twice() -> None:
    """The two gradings agree as the README says."""
    read = yaml.safe_load((sets.FOLDER / "graded.yaml").read_text(encoding="utf-8"))
    pairs = [pair for plan in read for pair in zip(plan.get("first", plan["grades"]), plan["grades"], strict=True)]

    assert f"kappa of the two passes is {kappa(pairs):.2f}" in (sets.FOLDER.parent / "README.md").read_text("utf-8")


def test_keys() -> None:
    """What a worker alone knows stands in its own result and nowhere else in the scene."""
    for scene in sets.scenes():
        for worker in scene.workers:
            others = [scene.request, *(other["task"] for other in scene.workers)]
            others += [other["text"] for other in scene.workers if other is not worker]

            assert all(key in worker["text"] for key in worker["keys"])
            assert not any(folded(key) in folded(other) for key in worker["keys"] for other in others)


def test_items() -> None:
    """Each suite has items with names of their own, mixed in an order that does not change."""
    for suite in SUITES:
        names = [item["id"] for item in items(suite)]

        assert len({*names}) == len(names) > 20
        assert names == [item["id"] for item in items(suite)]


def test_a_small_part_has_some_of_all() -> None:
    """The first few items of a suite are of every kind: LIMIT=6 measures recall and false alarms alike."""
    assert len({bool(item["item"]["golds"]) for item in items("conflict")[:2]}) == 2
    assert len({item["ceiling"] for item in items("equal")[:3]}) == 3
    assert len({(item["kind"], item["item"].get("kind")) for item in items("split")[:12]}) == 4


def test_all_numbers_of_dead() -> None:
    """From nobody to everybody dies, of every fault."""
    seen = {(item["fault"], item["dead"]) for item in items("survival") if item["dead"]}

    assert seen == {(fault, dead) for fault in ("429", "timeout", "garbage", "cut") for dead in (1, 2, 3, 4)}
