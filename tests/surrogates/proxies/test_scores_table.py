"""Scores of many architectures: remembered, combined, and written as a table."""

from __future__ import annotations

import sqlite3

import numpy as np
import pytest

from warmnas.bench import Table, open_benchmark, space
from warmnas.surrogates.proxies import GaussianInputs, Memory, ProbeRecipe, log_ranks, proxies, score, to_table
from warmnas.surrogates.proxies import memory as memory_module
from warmnas.surrogates.proxies.memory import key_of

NB201 = space("nasbench201")
INPUTS = GaussianInputs((3, 8, 8), 4)
RECIPE = ProbeRecipe(batch=8, width=4, cells=1, seed=3)
CELLS = np.stack([NB201.from_string(text) for text in ("334131", "320300", "310000", "020300")])
NAMES = ["params", "live-params", "naswot", "synflow"]


def test_nothing_is_measured_twice(tmp_path, monkeypatch):
    memory = Memory(tmp_path / "sub" / "memory.db")
    first = score(NB201, CELLS, NAMES, INPUTS, RECIPE, memory)
    memory.close()
    monkeypatch.setattr(memory_module, "measure", None)
    again = score(NB201, CELLS, NAMES, INPUTS, RECIPE, Memory(tmp_path / "sub" / "memory.db"))
    for name in NAMES:
        np.testing.assert_array_equal(first.parts[name], again.parts[name])
    assert first.seconds == again.seconds
    assert first.problems == again.problems
    with pytest.raises(TypeError):
        score(NB201, CELLS, NAMES, INPUTS, ProbeRecipe(8, 4, 1, seed=4), Memory(tmp_path / "sub" / "memory.db"))


def test_seconds_count_a_network_once():
    two = score(NB201, CELLS[[1, 3]], ["naswot"], INPUTS, RECIPE, Memory(None))
    one = score(NB201, CELLS[[1]], ["naswot"], INPUTS, RECIPE, Memory(None))
    assert two.seconds["naswot"] < 1.9 * one.seconds["naswot"] + 0.05


def test_keys_follow_what_matters():
    def key(name, cell=1, inputs=INPUTS, recipe=RECIPE, init=0):
        return key_of(NB201, CELLS[cell], proxies[name](), inputs, recipe, init)

    assert key("naswot") == key("naswot", cell=3)  # the same live part
    assert key("params") != key("params", cell=3)
    other = ProbeRecipe(batch=9, width=4, cells=1, seed=3)
    assert key("params") == key("params", recipe=other, init=5)
    assert len({key("naswot"), key("naswot", recipe=other), key("naswot", init=1), key("swap")}) == 4
    assert key("naswot") != key("naswot", inputs=GaussianInputs((3, 8, 8), 5))
    assert key("naswot") == key("naswot", recipe=ProbeRecipe(8, 4, 1, seed=3, inits=7))


def test_a_damaged_or_forbidden_file_is_no_reason_to_fail(tmp_path):
    (tmp_path / "m.db").write_text("no database, but long enough to be looked at as if it were one" * 20)
    (tmp_path / "file").write_text("")
    expected = score(NB201, CELLS[:1], ["synflow"], INPUTS, RECIPE).of("synflow")
    for path in (tmp_path / "m.db", tmp_path / "file" / "m.db"):
        np.testing.assert_array_equal(
            score(NB201, CELLS[:1], ["synflow"], INPUTS, RECIPE, Memory(path)).of("synflow"), expected
        )
    memory = Memory(tmp_path / "good.db")
    score(NB201, CELLS[:1], ["synflow"], INPUTS, RECIPE, memory)
    memory.close()
    with sqlite3.connect(tmp_path / "good.db") as file:
        file.execute("UPDATE measured SET result = '[oops'")
    found = score(NB201, CELLS[:1], ["synflow"], INPUTS, RECIPE, Memory(tmp_path / "good.db")).of("synflow")
    np.testing.assert_array_equal(found, expected)


def test_log_ranks():
    parts = np.array([[1.0, 10.0], [2.0, 30.0], [3.0, 30.0], [-np.inf, 5.0]])
    expected = np.log([2 / 4, 3 / 4, 1, 1 / 4]) + np.log([2 / 4, 3.5 / 4, 3.5 / 4, 1 / 4])
    np.testing.assert_allclose(log_ranks(parts), expected)


def test_a_table_beside_the_benchmark(tmp_path):
    cells = np.stack([NB201.from_string(t) for t in ("334131", "112412", "334131", "310000")])
    scores = score(NB201, cells, NAMES, INPUTS, RECIPE)
    known = open_benchmark("nasbench201")
    table = to_table(scores, INPUTS, RECIPE, "scored", known)
    table.save(tmp_path / "t.h5")
    table = Table.open(tmp_path / "t.h5")
    assert table.name == "scored"
    assert len(table.names) == 3
    for task in known.tasks:
        np.testing.assert_allclose(table.values(task), known.values(task, known.rows(cells[[0, 1, 3]])))
    column = table.column("score_naswot", known.tasks[0])
    assert column is not None
    np.testing.assert_array_equal(column, scores.of("naswot")[[0, 1, 3]])
    assert table.data["score_naswot"].dims == ("architecture", "init")
    np.testing.assert_array_equal(table.data["score_params"].values[:, 0], scores.of("params")[[0, 1, 3]])


def test_a_table_without_accuracies(tmp_path):
    chain = space("chain")
    cells = chain.sample(3, np.random.default_rng(0))
    scores = score(chain, cells, ["live-params", "synflow"], INPUTS, RECIPE)
    to_table(scores, INPUTS, RECIPE, "chains").save(tmp_path / "t.h5")
    table = Table.open(tmp_path / "t.h5")
    assert table.tasks == ("gaussian",)
    assert len(table.candidates("gaussian")) == 0
    assert "Nothing was trained" in table.info()["notes"]
    column = table.column("score_synflow", "gaussian")
    assert column is not None
    np.testing.assert_array_equal(np.sort(column), np.sort(scores.of("synflow")))
