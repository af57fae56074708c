"""Intervals, and agreement beyond chance."""

import pytest

from evals.intervals import bootstrap, kappa, mean, ratio


def test_share() -> None:
    """Thirty of forty are 75 %, give or take about thirteen."""
    figure = bootstrap([1.0] * 30 + [0.0] * 10, mean)

    assert figure is not None
    assert (figure.percent(), figure.n) == ("75 % [60, 88]", 40)


def test_same_again() -> None:
    """The same items give the same interval: a table can be written again from its logs."""
    items = [0.0, 1.0, 1.0, 0.5]

    assert bootstrap(items, mean) == bootstrap(items, mean)


def test_nothing() -> None:
    """Of nothing there is no figure, and not a figure of zero."""
    assert bootstrap([], mean) is None
    assert ratio([(0.0, 0.0)]) is None


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([(1, 1)] * 20 + [(0, 0)] * 15 + [(1, 0)] * 5 + [(0, 1)] * 10, 0.4),  # the textbook's example
        ([(1, 1), (0, 0)], 1.0),
        ([(1, 0), (0, 1)], -1.0),
        ([(1, 1), (1, 1)], None),  # chance alone would agree
    ],
)
def test_kappa(pairs: list[tuple[int, int]], expected: float | None) -> None:
    """Cohen's kappa is what the textbook says."""
    assert kappa(pairs) == (expected if expected is None else pytest.approx(expected))
