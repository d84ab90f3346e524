"""Each stopper does what its paper says, on curves small enough to follow by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from warmnas.bench import ACCURACY, FloatArray, UnknownName, WarmnasError
from warmnas.search.stop_simulation import FixedOrder, Recorded, Search, Simulation
from warmnas.search.stoppers import Decision, History, Setting, Stopper, make_stopper
from warmnas.search.stoppers.baker import BakerStopper
from warmnas.search.stoppers.extrapolating import rows_of
from warmnas.search.stoppers.hyperband import Hyperband
from warmnas.surrogates.curves import Curves, curve_models

from .stop_tables import CELLS, setting

GENOTYPES = CELLS.from_index(np.arange(15_000, 15_300))


def run(stopper: Stopper, values: FloatArray, order: Sequence[int] | None = None, workers: int = 1) -> Search:
    recorded = Recorded(GENOTYPES[: len(values)], values, np.ones_like(values), ACCURACY)
    return Simulation(stopper, recorded, FixedOrder(range(len(values)) if order is None else order), workers).run()


def plain(total: int, levels: tuple[int, ...] | None = None) -> Setting:
    return Setting(total, CELLS, levels=levels)


def constant(finals: Sequence[float] | FloatArray, epochs: int) -> FloatArray:
    """Curves that stand at their final values from the first epoch on."""
    return np.repeat(np.array(finals, dtype=float)[:, None], epochs, axis=1)


def history_of(total: int, curves: Sequence[Sequence[float]], left: int | None = None) -> History:
    history = History(total, left=left)
    for place, curve in enumerate(curves):
        trial = history.add(GENOTYPES[place])
        for value in curve:
            history.record(trial, value)
        if len(curve) < total:
            history.stop(trial)
    return history


def test_none_trains_everything() -> None:
    search = run(make_stopper("none", plain(5)), constant([3, 1, 2], 5))
    assert search.spent == 15
    assert search.overhead >= 0


def test_last_compares_at_the_same_epoch() -> None:
    history = history_of(4, [[10, 20, 30, 60], [15, 19]])
    stopper = make_stopper("last", plain(4))
    assert stopper.decide(history, 1) is Decision.STOP
    assert make_stopper("last[slack=1]", plain(4)).decide(history, 1) is Decision.CONTINUE
    assert make_stopper("last[grace=3]", plain(4)).decide(history, 1) is Decision.CONTINUE


def test_median_rule_uses_running_averages() -> None:
    # Running averages after two epochs: 15, 25 and 50; their median is 25.
    whole = [[10, 20, 90], [20, 30, 90], [40, 60, 90]]
    stopper = make_stopper("median", plain(3))
    assert stopper.decide(history_of(3, [*whole, [24.9, 12]]), 3) is Decision.STOP
    assert stopper.decide(history_of(3, [*whole, [25, 12]]), 3) is Decision.CONTINUE  # its best so far is not worse
    assert stopper.decide(history_of(3, [*whole[:2], [1, 1]]), 2) is Decision.CONTINUE  # two are too few
    assert make_stopper("median[quantile=1]", plain(3)).decide(history_of(3, [*whole, [49, 40]]), 3) is Decision.STOP


def test_threshold_is_set_on_sources_or_given() -> None:
    where, _, _ = setting(epochs=10)
    stopper = make_stopper("threshold", where)
    assert stopper.check_epochs(10) == [2]
    pooled = np.concatenate([source.values[:, 1] for source in where.sources])
    bar = np.sort(pooled)[int(np.ceil(0.25 * len(pooled))) - 1]
    assert stopper.decide(history_of(10, [[1, bar - 0.1]]), 0) is Decision.STOP
    assert stopper.decide(history_of(10, [[1, bar]]), 0) is Decision.CONTINUE
    given_bar = make_stopper("threshold[epoch=1,least=40]", plain(10))
    assert given_bar.decide(history_of(10, [[39.9]]), 0) is Decision.STOP
    assert given_bar.decide(history_of(10, [[40]]), 0) is Decision.CONTINUE


def test_i_epoch_finishes_the_best_few_by_their_value_after_i() -> None:
    values = constant([5, 9, 1, 7, 8], 6)
    values[2, 1:] = 99  # a late bloomer that nobody waits for
    search = run(make_stopper("i-epoch[epochs=1,finish=2]", plain(6)), values)
    assert search.history.seen.tolist() == [1, 6, 1, 1, 6]
    assert search.returned == 1
    later = run(make_stopper("i-epoch[epochs=2,finish=2]", plain(6)), values)
    assert later.history.seen.tolist() == [2, 6, 6, 2, 2]
    assert later.returned == 2


def test_zero_epoch_trains_the_best_by_prediction() -> None:
    where, values, genotypes = setting(candidates=20)
    stopper = make_stopper("zero-epoch[finish=3]", where)
    recorded = Recorded(genotypes, values, np.ones_like(values), ACCURACY)
    search = Simulation(stopper, recorded, FixedOrder(range(20))).run()
    assert sorted(set(search.history.seen.tolist())) == [0, where.total]
    assert search.history.complete.sum() == 3
    chosen = np.flatnonzero(search.history.complete)
    assert values[chosen, -1].mean() > values[:, -1].mean()
    again = make_stopper("zero-epoch[finish=3]", replace(where, sources=()))
    first = Simulation(again, recorded, FixedOrder(range(20))).run()
    params = CELLS.live_params(genotypes, 10)
    assert params is not None
    assert set(np.flatnonzero(first.history.complete)) == set(np.argsort(-params, kind="stable")[:3].tolist())


@pytest.mark.parametrize(("eta", "columns"), [(3, [1, 3, 9]), (2, [1, 2, 4, 8, 16])])
def test_successive_halving_keeps_one_in_eta(eta: int, columns: list[int]) -> None:
    values = constant(np.random.default_rng(0).permutation(np.arange(1.0, 27 + 1)), 20)
    search = run(make_stopper(f"successive-halving[eta={eta}]", plain(20)), values)
    seen, size = search.history.seen, 27
    for column in columns:
        size = max(size // eta, 1)
        assert (seen > column).sum() == size
    assert search.returned == int(values[:, -1].argmax())


def test_hyperband_brackets_are_those_of_the_paper() -> None:
    stopper = Hyperband()
    stopper.setting = plain(81)
    assert stopper.check_epochs(81) == [1, 3, 9, 27]  # Li et al. 2018, table 1: R = 81, eta = 3
    assert stopper._sizes == [81, 34, 15, 8, 5]
    values = constant(np.random.default_rng(1).permutation(np.arange(1.0, 143 + 1)), 81)
    search = run(make_stopper("hyperband", plain(81)), values)
    seen = search.history.seen
    assert [int((seen[:81] >= r).sum()) for r in (1, 3, 9, 27, 81)] == [81, 27, 9, 3, 1]
    assert [int((seen[81:115] >= r).sum()) for r in (3, 9, 27, 81)] == [34, 11, 3, 1]
    assert [int((seen[115:130] >= r).sum()) for r in (9, 27, 81)] == [15, 5, 1]
    assert [int((seen[130:138] >= r).sum()) for r in (27, 81)] == [8, 2]
    assert (seen[138:] == 81).all()


def test_asha_promotes_without_waiting() -> None:
    # The third candidate makes three on the first rung: the best of them goes on before the fourth begins.
    values = constant([1, 3, 2, 9, 8, 7, 6, 5, 4], 9)
    stopper, asked = make_stopper("asha", plain(9)), []
    promote = stopper.promote

    def listening(history: History) -> list[int]:
        again = promote(history)
        asked.append((len(history), again))
        return again

    stopper.promote = listening  # type: ignore[method-assign]
    search = run(stopper, values)
    assert (3, [1]) in asked
    assert next(history for history, again in asked if again) == 3
    assert search.history.seen[3] == 9


def test_asha_with_workers_ends_sooner() -> None:
    values = constant(np.random.default_rng(2).permutation(np.arange(1.0, 60 + 1)), 27)
    alone, four = (run(make_stopper("asha", plain(27)), values, workers=n) for n in (1, 4))
    assert alone.elapsed == alone.spent
    assert four.elapsed < alone.elapsed / 2.5
    assert alone.returned == four.returned == int(values[:, -1].argmax())


@pytest.mark.parametrize("name", ["lc-pfn", "domhan"])
def test_extrapolation_stops_by_p_better(name: str) -> None:
    curve = [20, 40, 50, 55.0]
    model = curve_models["domhan-fast" if name == "domhan" else name]()
    final = model.final_values(Curves(np.array([curve]), total=10))
    history = history_of(10, [[*range(51, 60), 60], curve])
    for best in (57.0, 62.0, 90.0):
        history.best = best
        p = float(final.p_better(best)[0])
        assert rows_of(final.mixture)[0].above(best / 100) == pytest.approx(p, abs=1e-9)
        for delta in (p - 0.01, p + 0.01):
            if 0 <= delta <= 1:
                said = make_stopper(f"{name}[delta={delta!r}]", plain(10)).decide(history, 1)
                assert said is (Decision.STOP if p <= delta else Decision.CONTINUE)


def test_nobody_is_stopped_by_extrapolation_before_there_is_an_incumbent() -> None:
    history = history_of(10, [[1, 1, 1, 1, 1]])
    assert make_stopper("lc-pfn[delta=1]", plain(10)).decide(history, 0) is Decision.CONTINUE


def test_what_was_foreseen_is_what_would_have_been_said() -> None:
    where, values, genotypes = setting(6, 8)
    recorded = Recorded(genotypes, values, np.ones_like(values), ACCURACY)
    foreseen, asked = (make_stopper("lc-pfn", where) for _ in range(2))
    foreseen.foresee(values)
    searches = [Simulation(s, recorded, FixedOrder(range(6))).run() for s in (foreseen, asked)]
    np.testing.assert_array_equal(searches[0].history.seen, searches[1].history.seen)
    assert searches[0].overhead > 0


def test_chandrashekaran_says_what_the_curve_model_says() -> None:
    _, values, _ = setting(12, 10)
    curves = [*values[:6].tolist(), values[6, :4].tolist()]
    history = history_of(10, curves)
    final = curve_models["chandrashekaran"]().fit(Curves(values[:6])).final_values(Curves(values[[6], :4], total=10))
    for best in (40.0, 60.0, 80.0):
        stopper = make_stopper("chandrashekaran[builds=6]", plain(10))
        assert stopper.p_better(history, 6, best) == pytest.approx(float(final.p_better(best)[0]), abs=1e-6)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("name", "builds"), [("baker", 8), ("chandrashekaran", 5)])
def test_builds_are_paid(name: str, builds: int) -> None:
    where, values, genotypes = setting(14, 8)
    recorded = Recorded(genotypes, values, np.ones_like(values), ACCURACY)
    options = f"builds={builds},delta=1" + (",trials=2" if name == "baker" else "")
    search = Simulation(make_stopper(f"{name}[{options}]", where), recorded, FixedOrder(range(14))).run()
    assert search.history.seen.tolist() == [8] * builds + [1] * (14 - builds)  # delta=1 gives up the rest at once


def test_baker_is_tuned_on_sources_and_predicts_by_its_support_vectors() -> None:
    where, values, genotypes = setting(14, 8)
    stopper = BakerStopper(builds=10, trials=3).prepare(where)
    assert sorted(stopper._options) == sorted(stopper.checks)
    history = History(8)
    for candidate in range(12):
        trial = history.add(genotypes[candidate])
        history.extend(trial, values[candidate, : 8 if candidate < 10 else 3])
    learned = stopper.learn_at(history, np.arange(10), 3)
    from sklearn.svm import NuSVR

    from warmnas.surrogates.curves.baker import features, scale, unscale

    def seen(rows: slice, until: int) -> FloatArray:
        codes = CELLS.one_hot(genotypes[rows]).reshape(len(genotypes[rows]), -1)
        return features(Curves(values[rows, :until], total=8, encodings=codes), 3, 8)

    x, finals = seen(slice(0, 10), 8), values[:10, -1] / 100
    options = stopper._options[3]
    width = np.where(x.std(axis=0) > 0, x.std(axis=0), 1)
    svr = NuSVR(C=options.c, gamma=options.gamma / x.shape[1], nu=options.nu).fit(
        (x - x.mean(axis=0)) / width, scale(finals)
    )
    expected = unscale(svr.predict((seen(slice(10, 12), 3) - x.mean(axis=0)) / width), finals)
    np.testing.assert_allclose(learned.predict(seen(slice(10, 12), 3)), expected, atol=1e-9)
    p = norm.cdf((expected[0] - 0.6) / learned.std)
    assert stopper.p_of(learned, history, 10, 60.0) == pytest.approx(p, abs=1e-9)


def test_baker_learns_anew_every_twenty_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    where, values, genotypes = setting(50, 4)
    libraries = set()
    learn_at = BakerStopper.learn_at

    def listening(self: BakerStopper, history: History, library: np.ndarray, seen: int) -> object:
        libraries.add((len(history) - 1 - 8) // 20)
        assert library.max() < 8 + (len(history) - 1 - 8) // 20 * 20
        return learn_at(self, history, library, seen)

    monkeypatch.setattr(BakerStopper, "learn_at", listening)
    recorded = Recorded(genotypes, values, np.ones_like(values), ACCURACY)
    Simulation(make_stopper("baker[builds=8,trials=1]", where), recorded, FixedOrder(range(50))).run()
    assert libraries == {0, 1}  # the second block gave up all of its own, so there was nothing new to learn from


def test_lcrank_orders_by_architecture_where_the_sources_agree() -> None:
    where, values, genotypes = setting(16, 6)
    stopper = make_stopper("lcrank[steps=60,members=1,delta=0.5]", where)
    recorded = Recorded(genotypes, values, np.ones_like(values), ACCURACY)
    search = Simulation(stopper, recorded, FixedOrder(range(16))).run()
    assert 16 < search.spent < values.size
    assert values[:, -1].max() - values[search.returned, -1] < 10


def test_methods_that_read_curves_refuse_schedules() -> None:
    where = plain(2, levels=(12, 200))
    with pytest.raises(WarmnasError, match="no prefixes"):
        make_stopper("lc-pfn", where)
    assert make_stopper("successive-halving", where).checks == {1}


@pytest.mark.parametrize(
    ("spec", "match"),
    [
        ("nobody", "stopper 'nobody'"),
        ("i-epoch[epoch=1]", "option of i-epoch 'epoch'"),
        ("i-epoch[epochs=0]", "epochs is a number"),
        ("lc-pfn[delta=2]", "delta is a number"),
        ("asha[eta=1]", "eta is a whole number"),
        ("domhan[sampler=gibbs]", "Choices: least-squares, mcmc"),
        ("median[quantile=half]", "quantile is a number"),
        ("last[slack=-1]", "slack is a number"),
    ],
)
def test_wrong_options_are_named(spec: str, match: str) -> None:
    with pytest.raises((UnknownName, WarmnasError), match=match):
        make_stopper(spec, plain(10))


def test_history_refuses_what_cannot_be() -> None:
    history = history_of(2, [[1, 2]])
    with pytest.raises(WarmnasError, match="has 2 of its 2 epochs"):
        history.record(0, 3.0)
    trial = history.add(GENOTYPES[1])
    with pytest.raises(WarmnasError, match="call fail"):
        history.record(trial, float("nan"))
    with pytest.raises(WarmnasError, match="at least one"):
        History(0)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.floats(0, 100), min_size=0, max_size=4), min_size=1, max_size=40))
def test_history_keeps_what_it_is_told(curves: list[list[float]]) -> None:
    history = history_of(4, curves)
    assert history.seen.tolist() == [len(curve) for curve in curves]
    finals = [curve[3] for curve in curves if len(curve) == 4]
    assert history.best == (max(finals) if finals else None)
    if finals:
        assert history.incumbent == next(i for i, c in enumerate(curves) if len(c) == 4 and c[3] == max(finals))
    for place, curve in enumerate(curves):
        np.testing.assert_array_equal(history.values[place, : len(curve)], curve)
        assert np.isnan(history.values[place, len(curve) :]).all()
    leader = history.leader()
    assert (leader == -1) == (not any(curves))
