"""Pool: what is over is drawn by those who need it, and the whole is never exceeded."""

import random

from hypothesis import given
from hypothesis import strategies as st

from nodes.budget import Price, Purse, missing
from nodes.memory import Memory
from nodes.pool import Pool, pool_of


def test_a_draw_takes_an_equal_part_at_most() -> None:
    """Of four workers one draws no more than a quarter, however much it misses."""
    pool = Pool(Purse(None, 1_000), workers=4)

    drawn = pool.draw(Purse(None, 5_000))

    assert (drawn, pool.left) == (Purse(None, 250), Purse(None, 750))


def test_what_is_left_is_there_for_the_others() -> None:
    """A finished worker's rest can be drawn; the last one closes the pool."""
    pool = Pool(Purse(1.0, 0), workers=2)

    pool.leave(Purse(0.5, 600))
    drawn = pool.draw(Purse(2.0, 400))
    pool.leave(Purse(0.0, 0))

    assert drawn == Purse(1.5, 400)
    assert pool_of(pool.name) is None


def test_surcharge() -> None:
    """What is drawn costs more than it gives where the synthesis has to read it."""
    pool = Pool(Purse(None, 900), workers=1, surcharge=(1.0, 3.0))

    drawn = pool.draw(Purse(None, 200))

    assert (drawn.tokens, pool.left.tokens) == (200, 300)


def test_another_process_finds_none() -> None:
    """A pool is known in the process that made it alone."""
    pool = Pool(Purse(None, 900), workers=1)

    assert pool_of(pool.name) is pool
    assert Memory().of(Pool).get(pool.name) is None


@given(st.integers(0, 10**6), st.integers(1, 20), st.floats(1.0, 5.0), st.integers(0, 2**32))
def test_never_more_than_the_whole(whole: int, workers: int, surcharge: float, seed: int) -> None:
    """Whatever is drawn and left, in whatever order, all draws together stay within what there was."""
    chance, drawn, given_back = random.Random(seed), 0, 0
    pool = Pool(Purse(None, whole), workers, (1.0, surcharge))

    for _ in range(50):
        if chance.random() < 0.2 and pool.workers > 1:
            rest = chance.randrange(0, 5_000)
            given_back += rest
            pool.leave(Purse(None, rest))
        drawn += pool.draw(Purse(None, chance.randrange(0, 10_000))).tokens or 0

    assert drawn * surcharge <= (whole + given_back) * (1 + 1e-12)  # a product of floats is off by its last bit
    assert pool.left.tokens is not None
    assert 0 <= pool.left.tokens <= whole + given_back


def test_missing() -> None:
    """What a call needs beyond the purse is told in the kinds that are limited."""
    assert missing(Purse(None, 100), None, 80, 50) == Purse(None, 30)
    assert missing(Purse(None, 200), None, 80, 50) == Purse(None, 0)
    assert (missing(Purse(0.5, None), Price(0.01, 0.02), 10, 40).usd or 0) > 0.39
