"""The categorical space: columns of any table, strings of which nothing is known, and tables that carry it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from warmnas.bench import CategoricalSpace, CorruptFile, Table, WarmnasError
from warmnas.bench.spaces.categorical import digits_of

words = st.text(min_size=1, max_size=6).map(str.strip).filter(bool)
columns = st.dictionaries(words, st.sets(words, min_size=2, max_size=5).map(sorted), min_size=1, max_size=4)


@settings(max_examples=60, deadline=None)
@given(named=columns, seed=st.integers(0, 99))
def test_any_columns_have_strings_that_read_back(named: dict[str, list[str]], seed: int) -> None:
    s = CategoricalSpace(list(named.items()))
    for genotype in s.sample(5, np.random.default_rng(seed)):
        text = s.to_string(genotype)
        np.testing.assert_array_equal(s.from_string(text), genotype)
        if len(named) > 1:
            np.testing.assert_array_equal(s.from_string(";".join(reversed(text.split(";")))), genotype)
    again = CategoricalSpace.of_table(s.attributes(), sorted(named.popitem()[1]))
    assert again.columns == s.columns or len(s.columns) == 1


@given(choices=st.integers(1, 10**7))
def test_digits_hold_all_choices_in_int8(choices: int) -> None:
    digits, base = digits_of(choices)
    assert base <= 127
    assert base**digits >= choices > (base - 1) ** digits
    assert digits == 1 or 127 ** (digits - 1) < choices


@pytest.mark.parametrize("count", [127, 128, 129, 15_625, 17_000])
def test_a_column_of_many_choices_is_numbered_in_digits(count: int) -> None:
    s = CategoricalSpace([("architecture", [f"net-{i}" for i in range(count)])])
    genotypes = s.from_values(np.arange(count)[:, None])
    assert genotypes.dtype == np.int8
    assert s.valid(genotypes).all()
    np.testing.assert_array_equal(s.values(genotypes)[:, 0], np.arange(count))
    np.testing.assert_array_equal(s.from_string(f"net-{count - 1}"), genotypes[-1])
    assert s.valid(s.all_genotypes()).sum() == count if s.size < 2**20 else True
    drawn = s.values(s.sample(4000, np.random.default_rng(0)))
    assert abs(drawn.mean() / (count - 1) - 0.5) < 0.03


def test_strings_need_not_be_escaped_by_hand() -> None:
    s = CategoricalSpace([("a", ["x=1;y", "x"]), ("b", ["50%", "50%25"])])
    assert s.to_string(np.array([0, 1], np.int8)) == "a=x%3D1%3By;b=50%2525"


@pytest.mark.parametrize(
    ("named", "message"),
    [
        ([], "names that differ"),
        ([("a", "xy"), ("a", "xy")], "names that differ"),
        ([("a", ["x"])], "column 'a' needs two different values"),
        ([("a", ["x", "y", "x"])], "column 'a' has 'x' twice"),
        ([("a", ["x", " y"])], "blanks at its ends"),
        ([("a", ["x", ""])], "empty"),
        ([(" a", "xy")], "no name of a column"),
        ([(f"c{i}", "abcdefgh") for i in range(21)], "too many; leave out columns"),
    ],
)
def test_columns_that_make_no_space_are_refused(named: list[tuple[str, list[str]]], message: str) -> None:
    with pytest.raises(WarmnasError, match=message):
        CategoricalSpace(named)


@pytest.mark.parametrize("text", ["", "a=x", "a=x;b=1;b=1", "a=x;c=1", "a=z;b=1", "x;1", "a=x;b=1;"])
def test_strings_that_are_no_architecture_are_refused(text: str) -> None:
    s = CategoricalSpace([("a", "xy"), ("b", "12")])
    with pytest.raises(WarmnasError, match="of this table"):
        s.from_string(text)


def dataset(s: CategoricalSpace, n: int, **attrs: str) -> xr.Dataset:
    genotypes = s.from_index(
        s.index(s.from_values(np.stack(np.unravel_index(np.arange(n), [len(c.choices) for c in s.columns]), 1)))
    )
    metric = {"name": "accuracy", "unit": "percent", "direction": "maximize", "bounds": [0, 100]}
    values = np.linspace(10, 90, n)[None]
    return xr.Dataset(
        {"val_accuracy": (("task", "architecture"), values, {"units": "percent"})},
        {
            "task": ["t"],
            "genotype": (("architecture", "gene"), genotypes),
            "name": ("architecture", np.array([s.to_string(g) for g in genotypes], dtype=object)),
        },
        {
            "name": "mine",
            "source": "mine",
            "licence": "MIT",
            "splits": json.dumps({"t": {"val": "v"}}),
            "metrics": json.dumps({"t": metric}),
            **s.attributes(),
            **attrs,
        },
    )


STRINGS = CategoricalSpace([("architecture", [f"net {i} of a stranger" for i in range(15_625)])])
GRID = CategoricalSpace([("kernel", ["3x3", "5x5"]), ("depth", list("123")), ("width", [str(w) for w in range(130)])])


@pytest.mark.parametrize(("s", "n"), [(STRINGS, 15_625), (GRID, 780)], ids=["strings", "grid"])
def test_a_table_carries_its_space(s: CategoricalSpace, n: int, tmp_path: Path) -> None:
    Table(dataset(s, n)).save(tmp_path / "t.h5")
    table = Table.open(tmp_path / "t.h5")
    assert isinstance(table.space, CategoricalSpace)
    assert table.space.columns == s.columns
    assert table.row(table.names[n // 2]) == n // 2
    assert table.function_classes == n
    np.testing.assert_array_equal(table.rows(table.genotypes), np.arange(n))


@pytest.mark.parametrize("genes", ["", "no json", "[]", "[1]", '[["a"]]', '[["a", ["x", "x"]]]', '{"a": 1}', "null"])
def test_a_table_with_a_damaged_space_is_refused(genes: str) -> None:
    with pytest.raises(WarmnasError) as caught:
        Table(dataset(GRID, 780, genes=genes))
    assert "\n" not in str(caught.value)


def test_a_genotype_behind_the_last_choice_is_refused() -> None:
    damaged = dataset(GRID, 780)
    damaged["genotype"].values[0, -2:] = 11
    with pytest.raises(CorruptFile, match="no architecture of categorical"):
        Table(damaged)
