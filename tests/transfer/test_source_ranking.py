from __future__ import annotations

import numpy as np

from warmnas.transfer.source_ranking import mean_source_rank


def test_mean_rank_over_the_sources_that_measured_a_candidate() -> None:
    first = (np.array([[0, 1, 2]]), np.array([[5.0, 7.0, 6.0]]))  # ranks 1, 0, .5
    second = (np.array([[1, 3]]), np.array([[1.0, 2.0]]))  # ranks 1, 0
    scores = mean_source_rank([first, second], (1, 5))
    np.testing.assert_allclose(scores, [[1.0, 0.5, 0.5, 0.0, np.nan]])


def test_ties_share_their_rank() -> None:
    scores = mean_source_rank([(np.array([[0, 1, 2]]), np.array([[1.0, 1.0, 0.0]]))], (1, 3))
    np.testing.assert_allclose(scores, [[0.25, 0.25, 1.0]])


def test_rows_that_the_target_does_not_have_are_left_out_but_count_as_rivals() -> None:
    scores = mean_source_rank([(np.array([[-1, 0, 1]]), np.array([[9.0, 5.0, 1.0]]))], (1, 2))
    np.testing.assert_allclose(scores, [[0.5, 1.0]])


def test_values_that_are_the_same_for_all_runs_are_ranked_alike() -> None:
    rows, values = np.broadcast_to(np.arange(4), (3, 4)), np.array([3.0, 1.0, 4.0, 2.0])
    shared = mean_source_rank([(rows, np.broadcast_to(values, (3, 4)))], (3, 4))
    copied = mean_source_rank([(rows, np.tile(values, (3, 1)))], (3, 4))
    np.testing.assert_array_equal(shared, copied)


def test_no_source_knows_nothing() -> None:
    assert np.isnan(mean_source_rank([], (2, 3))).all()
