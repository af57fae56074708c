"""From logs to the closing table and RESULTS.md."""

from evals import sets
from evals.results import Measured, closing, details, page, table


def conflicts(found: int, of: int) -> Measured:
    """Measure so many conflicts, so many of them found, each in two epochs."""
    made = Measured("openai:mine", "anthropic/other")
    for at in range(of):
        for epoch in (1, 2):
            hit = float(at < found)
            made.take("conflict", f"c{at}", epoch, {"recall|ours": hit, "right|ours": hit, "entries|ours": 1.0}, {})
    return made


def test_a_row_each() -> None:
    """The closing table has a row for each suite, with recall as a share and its interval."""
    rows = {suite: (told, count) for suite, told, count in closing(conflicts(30, 40))}

    assert [*rows] == ["split", "conflict", "survival", "equal tokens"]
    assert rows["conflict"] == ("recall 75 % [60, 88]; precision 75 % [60, 88]", 40)
    assert rows["survival"] == ("not yet run", 0)


def test_epochs_are_one_item() -> None:
    """Epochs of one item do not narrow the interval: they are not independent."""
    once = conflicts(30, 40)
    for epochs in once.samples["conflict"].values():
        del epochs[2]

    assert closing(once) == closing(conflicts(30, 40))


def test_kappa_by_criterion() -> None:
    """The judge's agreement with the grader is told in all and by criterion."""
    made = Measured("openai:mine", "anthropic/other")
    for at in range(20):
        grades = {
            f"{who}|{name}": float(at % 2)
            for who in ("judge", "grader")
            for name in ("complete", "apart", "independent", "fitting")
        }
        made.take("split", f"graded-{at}", 1, grades, {})

    assert closing(made)[0] == ("split", "judge's kappa 1.00 [1.00, 1.00]", 20)
    assert "| kappa, apart | 1.00 [1.00, 1.00] |" in details(made)


def test_not_yet_run() -> None:
    """Of real models nothing is claimed before one was run."""
    written = page(conflicts(30, 40), {"conflict": "recall 75 %"}, [])

    assert written.count("not yet run") == 4 + 3  # the real models' rows, and the scripted suites left out here
    assert "No model was asked" in written
    assert "| conflict | recall 75 % [60, 88]; precision 75 % [60, 88] | recall 75 % | 40 |" in written


def test_real_model() -> None:
    """A model's figures stand under its name and its judge's."""
    assert "### openai:mine, judged by anthropic/other" in page(None, {}, [conflicts(3, 4)])


def test_table() -> None:
    """A table is Markdown."""
    assert table([("a", 1)], ("x", "y")) == "| x | y |\n| --- | --- |\n| a | 1 |"


def test_what_is_published() -> None:
    """RESULTS.md, as it is kept in git, has nothing of scripts among the real models."""
    written = (sets.FOLDER.parent / "RESULTS.md").read_text(encoding="utf-8")
    real = written.partition("## Real models")[2].partition("## Scripted minds")[0]

    assert "not yet run" in real or "judged by" in real
    assert "scripted" not in real
