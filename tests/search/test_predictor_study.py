"""The predictor study: what is trained on and what is judged, the metrics, the noise ceiling, and the folder it writes."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from warmnas.bench import UnknownName, WarmnasError
from warmnas.search.predictor_metrics import judge, noise_ceiling
from warmnas.search.predictor_records import write_predictor_study
from warmnas.search.predictor_study import (
    RIVAL,
    PredictorProtocol,
    PredictorStudy,
    fitting,
    make_predictor,
    predictor_study,
)
from warmnas.search.report import page
from warmnas.search.report.curves import linear_ticks
from warmnas.search.report.markup import Html
from warmnas.surrogates.predictors import Predictor, predictors

TASK = "cifar100"
PROTOCOL = PredictorProtocol((TASK,), budget=40, splits=5, seed=3)


class Spy(Predictor):
    """Notes what it is shown, and predicts the first gene."""

    seen: list[Any] = []  # noqa: RUF012

    def __init__(self, space, seed=0, bias=0.0):
        self.space, self.seed, self.bias = space, seed, bias

    def fit(self, genotypes, values):
        Spy.seen.append(("fit", genotypes.copy(), values.copy(), self.seed))
        return self

    def predict(self, genotypes, return_std=False):
        Spy.seen.append(("predict", genotypes.copy()))
        return genotypes[:, 0] + self.bias

    def _fit(self, genotypes, values): ...
    def _predict(self, genotypes): ...
    def _learned(self): ...
    def _restore(self, arrays): ...


@pytest.fixture
def spy(monkeypatch):
    monkeypatch.setitem(predictors._entries, "spy", Spy)
    Spy.seen = []
    return Spy.seen


def test_no_class_of_the_test_part_is_trained_on(few_cells, spy):
    predictor_study([few_cells], ["spy"], PROTOCOL)
    keys = few_cells.space.class_keys
    splits = [spy[i : i + 6] for i in range(0, len(spy), 6)]  # three sizes, a fit and a prediction each
    assert len(splits) == 5
    for split in splits:
        trained, tested = [call for call in split if call[0] == "fit"], [call for call in split if call[0] == "predict"]
        assert [len(call[1]) for call in trained] == [10, 20, 40] == list(PROTOCOL.sizes)
        for fit, test in zip(trained, tested, strict=True):
            np.testing.assert_array_equal(test[1], tested[0][1])  # every size is judged on the same architectures
            np.testing.assert_array_equal(fit[1], trained[-1][1][: len(fit[1])])
            both = [*keys(fit[1]), *keys(test[1])]
            assert len(set(both)) == len(both)
    assert len(set(keys(few_cells.genotypes))) == 40 + len(splits[0][1][1])
    assert len({split[0][1].tobytes() for split in splits}) == 5


def test_nothing_of_the_test_part_is_seen(few_cells, vary, spy):
    predictor_study([few_cells], ["spy"], PROTOCOL)
    first, Spy.seen = list(spy), []
    trained = {few_cells.row(few_cells.space.to_string(g)) for call in first if call[0] == "fit" for g in call[1]}
    values = few_cells.data["val_accuracy"].values.copy()
    others = np.setdiff1d(np.arange(len(few_cells.names)), list(trained))
    values[:, others] = np.random.default_rng(0).uniform(10, 90, values[:, others].shape)
    predictor_study([vary(few_cells, val_accuracy=values)], ["spy"], PROTOCOL)
    for ours, theirs in zip(first, Spy.seen, strict=True):
        for a, b in zip(ours[1:], theirs[1:], strict=True):
            np.testing.assert_array_equal(a, b)


def test_predictors_share_their_splits_and_seeds_repeat(few_cells):
    one = predictor_study([few_cells], ["gp"], PROTOCOL)
    both = predictor_study([few_cells], ["gp-wl", "gp"], PROTOCOL)
    for metric, values in one.judged[0].values.items():
        np.testing.assert_array_equal(values, both.judged[1].values[metric])
    other = predictor_study([few_cells], ["gp"], PredictorProtocol((TASK,), 40, 5, seed=4))
    assert (other.judged[0].values["kendall"] != one.judged[0].values["kendall"]).any()
    assert one.protocol_hash() == both.protocol_hash() != other.protocol_hash()
    assert [j.predictor for j in both.judged] == ["gp-wl", "gp", RIVAL]


def test_one_recorded_seed_is_seen_where_asked_for(few_cells, spy):
    predictor_study([few_cells], ["spy"], PredictorProtocol((TASK,), 20, 1, observe="seed"))
    _, genotypes, values, _ = spy[-2]
    recorded = few_cells.seed_values(TASK)[few_cells.rows(genotypes)]
    assert (values[:, None] == recorded).any(axis=1).all()
    assert (values != np.nanmean(recorded, axis=1)).any()


def test_a_metric_to_minimise_is_judged_the_right_way_round(few_cells, vary):
    errors = vary(few_cells, direction="minimize", val_accuracy=100 - few_cells.data["val_accuracy"].values)
    up = predictor_study([few_cells], ["gp"], PROTOCOL).judged
    down = predictor_study([errors], ["gp"], PROTOCOL).judged
    for a, b in zip(up, down, strict=True):
        for metric in a.values:
            np.testing.assert_allclose(a.values[metric], b.values[metric], atol=0.02)


def test_metrics_of_known_orders():
    truth = np.arange(30.0)
    assert judge(truth, truth, 1) == pytest.approx((1, 1, 1, 0))
    assert judge(-truth, truth, 1) == pytest.approx((-1, -1, 0, 29))
    assert judge(-truth, truth, -1) == pytest.approx((1, 1, 1, 0))
    assert judge(np.zeros(30), truth, 1)[:2] == (0, 0)
    rng = np.random.default_rng(0)
    scores = truth + 8 * rng.standard_normal(30)
    concordant = np.sign((scores[:, None] - scores) * (truth[:, None] - truth)).sum() / (30 * 29)
    chosen, best = set(np.argsort(-scores)[:3]), {27, 28, 29}
    expected = (concordant, spearmanr(scores, truth)[0], len(chosen & best) / 3, 29 - truth[scores.argmax()])
    assert judge(scores, truth, 1) == pytest.approx(expected)


def test_the_ceiling_is_what_the_true_values_reach(cells, vary):
    rng = np.random.default_rng(1)
    table = vary(cells, rows=np.sort(rng.choice(15_625, 4000, replace=False)))
    shape = table.data["val_accuracy"].shape
    expected = rng.standard_normal(shape[:2])
    array = table.data["val_accuracy"]
    where = [array.sizes[d] if d in ("task", "architecture") else 1 for d in array.dims]
    noisy = expected.reshape(where) + 0.6 * rng.standard_normal(shape)
    noisy = vary(table, val_accuracy=np.where(np.isnan(array.values), np.nan, noisy))
    ceiling = noise_ceiling(noisy, TASK)
    reached = judge(expected[noisy.tasks.index(TASK)], noisy.values(TASK), 1)
    assert ceiling.kendall == pytest.approx(reached[0], abs=0.03)
    assert ceiling.spearman == pytest.approx(reached[1], abs=0.03)
    assert ceiling.top_precision == pytest.approx(reached[2], abs=0.06)


def test_without_seeds_there_is_no_ceiling(few_graphs):
    assert noise_ceiling(few_graphs, "cora").spearman is None


def test_what_does_not_fit_is_refused_beforehand(few_cells, few_graphs):
    for protocol, message in (
        (PredictorProtocol((TASK,), 2), "--budget 2"),
        (PredictorProtocol((TASK,), 5000), "function classes"),
        (PredictorProtocol((TASK,), 40, 0), "--runs 0"),
    ):
        with pytest.raises(WarmnasError, match=message):
            predictor_study([few_cells], ["gp"], protocol)
    with pytest.raises(UnknownName, match="did you mean 'trees'"):
        make_predictor("tree", few_cells.space)
    with pytest.raises(UnknownName, match="option of trees"):
        make_predictor("trees[leaves=3]", few_cells.space)
    assert make_predictor("trees[trees=7]", few_cells.space).get_params()["trees"] == 7
    assert "bananas" in fitting([few_cells, few_graphs])


@pytest.fixture(scope="module")
def result(few_cells) -> PredictorStudy:
    return predictor_study([few_cells], ["gp", "trees[trees=20]"], PROTOCOL)


def test_the_folder_holds_summary_splits_and_a_page_with_the_ceiling(result, tmp_path, monkeypatch):
    monkeypatch.setattr(page, "_plotly", lambda: Html("/* plotly */"))
    content = write_predictor_study(result, tmp_path, "warmnas study <x>")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report.html", "splits.parquet", "summary.json"]
    assert json.loads((tmp_path / "summary.json").read_text()) == content
    frame = pd.read_parquet(tmp_path / "splits.parquet")
    assert len(frame) == 3 * 5 * 3
    row = next(row for row in content["rows"] if row["predictor"] == "gp")
    own = frame[(frame.predictor == "gp") & (frame.training == 40)].kendall
    assert row["kendall"]["40"] == pytest.approx(own.mean())
    assert row["kendall_sem"]["40"] == pytest.approx(own.std(ddof=1) / np.sqrt(5))
    text = (tmp_path / "report.html").read_text()
    assert "warmnas study &lt;x&gt;" in text
    assert "<x>" not in text
    data = [part.split(">", 1)[1].split("</script>")[0] for part in text.split('<script type="application/json"')[1:]]
    drawn = [json.loads(one) for one in data]
    assert [one["title"] for one in drawn][:2] == ["Spearman correlation", "Kendall tau"]
    assert drawn[0]["ceiling"] == content["ceilings"][TASK]["spearman"] > 0.9
    assert [curve["name"] for curve in drawn[0]["curves"]] == ["gp", "trees[trees=20]", RIVAL]


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-0.3, 0.97), (0, 7.3), (0, 0.004), (0, 0)])
def test_ticks_are_round_few_and_hold_the_values(low, high):
    ticks = linear_ticks(low, high)
    assert ticks[0] <= low <= high <= ticks[-1] or low == high
    assert len(ticks) <= 9
    assert 0 in ticks
