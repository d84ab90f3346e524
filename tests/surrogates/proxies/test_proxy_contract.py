"""What holds for every proxy that is registered, on every space whose networks are networks of images."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest

from warmnas.bench import UnknownName, WarmnasError, space
from warmnas.surrogates import proxies as room
from warmnas.surrogates.proxies import (
    ArrayInputs,
    GaussianInputs,
    Measurement,
    ProbeRecipe,
    make_proxies,
    measure,
    proxies,
    score,
)

ALL = list(proxies)
INPUTS = GaussianInputs((3, 8, 8), 4)
RECIPE = ProbeRecipe(batch=8, width=4, cells=1, seed=3)
OTHERS = {"chain": "conv3x3-w2-s1,res-w2-s2,max-s1", "nats-size": "64:32:64:8:64"}
NB201 = space("nasbench201")
CELL = NB201.from_string("334131")


def test_all_of_the_field_are_there_and_torch_is_not_imported_for_them():
    code = "import sys; from warmnas.surrogates.proxies import proxies; list(proxies); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd="/")
    assert all(proxies[name].name == name for name in ALL)


@pytest.fixture(scope="module")
def together() -> list[dict[str, Measurement]]:
    """All proxies on one cell, in one order and in the other."""
    orders = [ALL, ALL[::-1]]
    return [dict(zip(o, measure(NB201, CELL, make_proxies(o), INPUTS, RECIPE), strict=True)) for o in orders]


@pytest.mark.parametrize("name", ALL)
def test_numbers_that_are_finite_and_the_same_again(name, together):
    first = together[0][name]
    assert len(first.parts) == len(proxies[name].parts)
    assert all(map(math.isfinite, first.parts))
    assert not first.problem
    assert first.seconds > 0
    # The order in which proxies share a network's passes changes nothing.
    assert together[1][name].parts == first.parts


@pytest.mark.parametrize("name", ALL)
def test_every_space_of_image_networks(name):
    for of, text in OTHERS.items():
        other = space(of)
        recipe = ProbeRecipe(batch=8, width=8, cells=1)
        (measured,) = measure(other, other.from_string(text), make_proxies([name]), INPUTS, recipe)
        assert not any(map(math.isnan, measured.parts))
        assert math.isfinite(max(measured.parts)), (of, measured)


@pytest.mark.parametrize("name", ALL)
def test_what_no_path_uses_counts_only_where_it_should(name):
    # Edge 1<-0 ends in node 1, which nothing leaves: the live part is the same.
    with_dead, without = (NB201.from_string(text) for text in ("320300", "020300"))
    scores = score(NB201, np.stack([with_dead, without]), [name], INPUTS, RECIPE)
    parts = scores.parts[name][:, 0]
    if proxies[name].whole:
        assert parts[0] > parts[1]
    else:
        np.testing.assert_array_equal(parts[0], parts[1])


@pytest.mark.parametrize("name", ALL)
def test_a_disconnected_network_is_last_and_the_reason_is_said(name):
    cells = np.stack([NB201.from_string(text) for text in ("334131", "310000", "112412")])
    scores = score(NB201, cells, [name], INPUTS, RECIPE)
    if proxies[name].drawn:
        assert "no path" in scores.problems[name][1]
        assert np.isneginf(scores.of(name)[1])
        assert np.isfinite(scores.of(name)[[0, 2]]).all()
    else:
        assert np.isfinite(scores.of(name)).all()


@pytest.mark.parametrize("name", ALL)
def test_a_network_that_overflows_is_no_silent_nan(name):
    huge = np.random.default_rng(0).normal(size=(80, 3, 8, 8)) * 1e36
    inputs = ArrayInputs(huge, np.arange(80) % 4, 4)
    (measured,) = measure(NB201, NB201.from_string("334131"), make_proxies([name]), inputs, RECIPE)
    assert not any(math.isnan(part) for part in measured.parts)
    assert bool(measured.problem) == any(map(math.isinf, measured.parts))


def test_seeds_and_inits_are_different_draws():
    drawn = [name for name in ALL if proxies[name].drawn]
    draws = [
        measure(NB201, CELL, make_proxies(drawn), INPUTS, ProbeRecipe(8, 4, 1, seed=s), init=i)
        for s, i in ((0, 0), (0, 1), (1, 0))
    ]
    for name, one, init, seed in zip(drawn, *draws, strict=True):
        assert len({one.parts, init.parts, seed.parts}) == 3 or name == "swap", name  # which may agree by chance
    scores = score(NB201, CELL[None], ["synflow"], INPUTS, ProbeRecipe(8, 4, 1, inits=3))
    assert scores.parts["synflow"].shape == (1, 3, 1)
    assert scores.of("synflow")[0] == pytest.approx(scores.parts["synflow"].mean())
    assert len(set(scores.parts["synflow"].ravel())) == 3


def test_architectures_have_independent_weights(make_probe):
    stems = [make_probe(cell).network().stem[0].weight for cell in ("334131", "333333")]
    assert not (stems[0] == stems[1]).any()


def test_what_is_measured_together_leaves_the_global_generator_alone():
    import torch

    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    measure(NB201, CELL, make_proxies(["naswot", "az-nas", "zen", "jacob-cov"]), INPUTS, RECIPE)
    assert (torch.random.get_rng_state() == before).all()


def test_bad_arguments():
    with pytest.raises(UnknownName, match="naswot"):
        make_proxies(["naswott"])
    for field, value in (("batch", 1), ("width", 0), ("cells", 1.5), ("seed", -1), ("inits", True)):
        with pytest.raises(WarmnasError, match=field):
            ProbeRecipe(**{field: value})  # type: ignore[arg-type]
    graphs = space("nasbench-graph")
    with pytest.raises(WarmnasError, match="no image network"):
        score(graphs, graphs.sample(1, np.random.default_rng(0)), ["params"], INPUTS)
    with pytest.raises(WarmnasError, match="genes"):
        score(NB201, np.zeros((1, 5), dtype=np.int8), ["params"], INPUTS)


def test_public_names():
    assert set(room.__all__) >= {"Proxy", "proxies", "score", "to_table"}
