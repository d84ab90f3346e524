"""Scores, curves of a table, and the study that joins them."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy.stats import spearmanr

from warmnas.bench import ACCURACY, SplitAbsent, Table, WarmnasError, space
from warmnas.metadata.quality import spearman
from warmnas.surrogates.curves import Curves, FinalValues, NormalMixture, curve_models
from warmnas.surrogates.curves.scores import score
from warmnas.surrogates.curves.study import curve_study, main, split_by_class, study_table
from warmnas.surrogates.curves.tables import table_curves

CELLS = space("nasbench201")
TASKS = ("a", "b", "c")


def make_table(architectures: int = 40, epochs: int = 10, with_losses: bool = True) -> Table:
    """Three tasks, two of one family, two seeds, some trainings missing or broken off."""
    rng = np.random.default_rng(0)
    genotypes = CELLS.sample(architectures, np.random.default_rng(1))
    genotypes = genotypes[np.unique(CELLS.index(genotypes), return_index=True)[1]]
    n, t = len(genotypes), np.arange(1, epochs + 1)
    ends = (40 + 8 * (genotypes == 3).sum(axis=1))[None, :, None, None] + rng.normal(0, 2, (3, n, 2, 1))
    values = np.clip(ends * (1 - 0.7 * t**-0.9) + 0.3 * rng.standard_normal((3, n, 2, epochs)), 0, 100)
    values[0, 0] = np.nan
    values[0, 1, 1] = np.nan
    values[0, 2, 0, 6:] = np.nan
    data = {"val_accuracy": (("task", "architecture", "seed", "epoch"), values)}
    if with_losses:
        data["train_loss"] = (("task", "architecture", "seed", "epoch"), 3 - values / 40)
    metric = {"name": "accuracy", "unit": "percent", "direction": "maximize", "bounds": [0, 100]}
    attrs = {"space": "nasbench201", "name": "made-up", "source": "a test", "licence": "none"}
    attrs |= {"splits": json.dumps({t: {"val": "v"} for t in TASKS}), "metrics": json.dumps(dict.fromkeys(TASKS, metric))}
    coords = {"task": list(TASKS), "family": ("task", ["x", "x", "y"]), "epoch": t, "seed": [0, 1]}
    coords |= {
        "genotype": (("architecture", "gene"), genotypes),
        "name": ("architecture", [CELLS.to_string(g) for g in genotypes]),
    }
    return Table(xr.Dataset(data, coords, attrs))


def test_curves_of_a_table():
    table = make_table()
    curves, rows = table_curves(table, "a")
    n = len(table.names)
    assert len(curves) == 2 * n - 3  # two trainings of the first architecture and one of the second are not there
    assert 0 not in rows
    assert (rows == 1).sum() == 1
    assert (~curves.complete).sum() == 1
    assert curves.encodings is not None
    np.testing.assert_array_equal(curves.encodings, CELLS.one_hot(table.genotypes[rows]).reshape(len(rows), -1))
    assert curves.train_losses is not None
    np.testing.assert_allclose(curves.train_losses, 3 - curves.values / 40)


def test_a_table_whose_epochs_are_not_all_there():
    table = make_table()
    sparse = Table(table.data.isel(epoch=[1, 4, 9]))
    curves, _ = table_curves(sparse, "b")
    dense, _ = table_curves(table, "b")
    assert curves.total == 10
    np.testing.assert_allclose(curves.unit[:, [1, 4, 9]], dense.unit[:, [1, 4, 9]])
    np.testing.assert_allclose(curves.unit[:, 0], dense.unit[:, 1])


def test_a_table_without_epochs_or_split_says_so():
    table = make_table()
    with pytest.raises(WarmnasError, match="no learning curves"):
        table_curves(Table(table.data.isel(epoch=-1, drop=True)), "a")
    with pytest.raises(SplitAbsent):
        table_curves(table, "a", "test")
    assert table_curves(make_table(with_losses=False), "a")[0].train_losses is None


def test_no_function_of_the_test_part_is_among_the_earlier_builds():
    table = make_table()
    target, earlier = split_by_class(table, "a", ["c"], 20, 500, seed=0)
    assert target.encodings is not None
    assert earlier.encodings is not None
    keys = CELLS.class_keys(CELLS.decode(earlier.encodings, "one-hot"))
    taken = CELLS.class_keys(CELLS.decode(target.encodings, "one-hot"))
    assert len(target) == 20
    assert not set(keys.tolist()) & set(taken.tolist())
    assert len(split_by_class(table, "a", ["c"], 20, 500, seed=0, shared=True)[1]) > len(earlier)
    with pytest.raises(WarmnasError, match="no other task"):
        split_by_class(table, "a", [], 20, 500, seed=0)


def test_scores_of_a_perfect_and_of_a_shifted_forecast():
    rng = np.random.default_rng(2)
    centre = rng.uniform(0.3, 0.7, 400)
    truth = 100 * (centre + 0.05 * rng.standard_normal(400))
    unknown = np.full(400, np.nan)
    right = FinalValues(ACCURACY, NormalMixture(np.ones((400, 1)), centre[:, None], np.full((400, 1), 0.05)), unknown)
    off = FinalValues(ACCURACY, NormalMixture(np.ones((400, 1)), centre[:, None] + 0.15, np.full((400, 1), 0.05)), unknown)
    good, bad = score(right, right.mean, truth), score(off, off.mean, truth)
    assert good.log_loss == pytest.approx(np.log(5 * np.sqrt(2 * np.pi)) + 0.5, abs=0.1)  # entropy of a normal
    assert good.coverage == pytest.approx(0.9, abs=0.04)
    assert good.calibration < 0.04
    assert (bad.log_loss, bad.crps, bad.error, bad.calibration) > (good.log_loss, good.crps, good.error, good.calibration)
    assert bad.coverage < 0.2
    assert good.spearman == pytest.approx(spearmanr(centre, truth).statistic)


def test_a_constant_order_has_no_correlation():
    assert np.isnan(spearman(np.ones(4), np.arange(4.0)))


def test_a_study_of_a_table_and_its_command(tmp_path, capsys):
    table = make_table()
    scores = study_table(table, "a", ["last", "sotl", "lc-pfn"], count=30)
    assert set(scores["method"]) == {"last", "sotl", "lc-pfn"}
    assert sorted(scores["fraction"].unique()) == [0.1, 0.2, 0.4, 0.6, 0.8]
    assert np.isfinite(scores.drop(columns=["method", "task"]).to_numpy(dtype=float)).all()
    errors = scores[scores["method"] == "last"].sort_values("fraction")["error"].to_numpy()
    assert errors[-1] < errors[0]
    table.save(tmp_path / "t.h5")
    call = ["--table", str(tmp_path / "t.h5"), "--task", "a", "--method", "last", "--curves", "30"]
    assert main([*call, "--out", str(tmp_path / "s.csv")]) == 0
    written = pd.read_csv(tmp_path / "s.csv")
    np.testing.assert_allclose(written["crps"], scores[scores["method"] == "last"]["crps"])
    assert main(["--table", str(tmp_path / "none.h5"), "--task", "a", "--out", str(tmp_path / "s.csv")]) == 2
    assert "none.h5" in capsys.readouterr().err


def test_a_study_wants_final_values():
    with pytest.raises(WarmnasError, match="curve 1 does not go to the end"):
        curve_study(Curves(np.array([[10.0, 20], [10, np.nan]])), {"last": curve_models["last"]()}, None)
