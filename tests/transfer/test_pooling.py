from __future__ import annotations

import numpy as np
import pytest

from warmnas.bench import WarmnasError, space
from warmnas.transfer.pooling import once, thinned, usable

CELLS = space("nasbench201")
X = CELLS.sample(12, np.random.default_rng(0)).reshape(2, 6, 6)


def test_complete_sources_are_kept_as_they_are() -> None:
    values = np.arange(12.0).reshape(2, 6)
    ((genotypes, kept),) = usable([(X, values)], CELLS)
    assert genotypes is X
    assert kept is values


def test_rows_that_were_not_measured_are_replaced_within_their_run() -> None:
    values = np.arange(12.0).reshape(2, 6)
    values[0, [1, 4]], values[1, 0] = np.nan, np.inf
    ((genotypes, kept),) = usable([(X, values)], CELLS)
    assert np.isfinite(kept).all()
    for run in range(2):
        measured = {x.tobytes(): v for x, v in zip(X[run], values[run], strict=True) if np.isfinite(v)}
        assert {x.tobytes() for x in genotypes[run]} == set(measured)
        assert all(measured[x.tobytes()] == v for x, v in zip(genotypes[run], kept[run], strict=True))


def test_a_source_that_a_run_knows_nothing_of_is_left_out() -> None:
    values = np.ones((2, 6))
    values[1] = np.nan
    assert usable([(X, values)], CELLS) == []


def test_another_space_is_refused_in_one_line() -> None:
    with pytest.raises(WarmnasError, match=r"5 genes, the target .nasbench201. of 6.*--sources none"):
        usable([(X[..., :5], np.ones((2, 6)))], CELLS)


def test_what_all_runs_share_is_looked_at_once() -> None:
    values = np.arange(6.0)
    shared = np.broadcast_to(X[0], (3, 6, 6)), np.broadcast_to(values, (3, 6))
    assert once(shared)[1].shape == (1, 6)
    own = np.tile(X[0], (3, 1, 1)), np.tile(values, (3, 1))
    assert once(own)[1].shape == (3, 6)
    few = thinned(shared, 4)
    assert once(few)[1].shape == (1, 4)
    np.testing.assert_array_equal(few[0][0], X[0][few[1][0].astype(int)])
    np.testing.assert_array_equal(thinned(own, 4)[1], few[1])
