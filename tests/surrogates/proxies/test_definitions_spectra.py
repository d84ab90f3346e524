"""MeCo, AZ-NAS, TE-NAS and epsinas against brute force and closed forms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from warmnas.bench import space
from warmnas.surrogates.proxies import ProbeRecipe, proxies
from warmnas.surrogates.proxies.az_nas import entropy, mean_trainability, spectral_norm
from warmnas.surrogates.proxies.epsinas import disagreement, gains_of, responses
from warmnas.surrogates.proxies.meco import Meco, smallest_eigenvalue
from warmnas.surrogates.proxies.recording import outputs
from warmnas.surrogates.proxies.te_nas import condition_number, linear_regions, tangent_kernel
from warmnas.surrogates.proxies.weights import fill

RNG = np.random.default_rng(0)


# --- MeCo ----------------------------------------------------------------------------------------------------------
def test_meco_of_one_map():
    feature = RNG.normal(size=(5, 6, 6))
    expected = np.linalg.eigvalsh(np.corrcoef(feature.reshape(5, -1)))[0]
    assert smallest_eigenvalue(torch.from_numpy(feature)) == pytest.approx(expected)
    assert abs(smallest_eigenvalue(torch.from_numpy(RNG.normal(size=(9, 2, 2))))) < 1e-9  # more channels than pixels
    assert math.isnan(smallest_eigenvalue(torch.full((3, 2, 2), math.inf)))
    feature[2] = 7.0  # a constant channel correlates with nothing, itself included
    assert abs(smallest_eigenvalue(torch.from_numpy(feature))) < 1e-12


def test_a_tensor_counts_once_whoever_gives_it():
    conv = nn.Conv2d(3, 4, 3)
    nested: Any = nn.Sequential(nn.Sequential(nn.Sequential(conv, nn.Identity())), nn.Identity())
    with outputs(nested.modules()) as found:
        nested(torch.randn(1, 3, 8, 8))
    assert len(found) == 1


def test_meco_sums_over_maps(make_probe):
    probe = make_probe("112412")
    maps: dict[int, Any] = {}
    network = probe.network()
    for module in network.modules():
        module.register_forward_hook(lambda m, x, y: maps.setdefault(id(y), y))
    with torch.no_grad():
        network(probe.noise(1, 3, 16, 16, key=3))
    maps = {key: y for key, y in maps.items() if y.dim() == 4 and y.shape[-1] > 1}
    expected = sum(np.linalg.eigvalsh(np.nan_to_num(np.corrcoef(y[0].flatten(1).double()))).min() for y in maps.values())
    assert Meco().measure(make_probe("112412"))[0] == pytest.approx(expected, rel=1e-6)


# --- AZ-NAS --------------------------------------------------------------------------------------------------------
def test_entropy_of_known_spectra():
    isotropic = torch.from_numpy(np.linalg.qr(RNG.normal(size=(100, 5)))[0].T.reshape(5, 1, 10, 10)).transpose(0, 1)
    centred = isotropic - isotropic.mean((0, 2, 3), keepdim=True)
    values = np.linalg.eigvalsh(np.cov(centred[0].flatten(1)))
    share = values / values.sum()
    assert entropy(isotropic) == pytest.approx(-np.sum(share * np.log(share)), abs=1e-6)
    assert entropy(isotropic) == pytest.approx(math.log(5), abs=0.01)
    rank_one = torch.randn(4, 1, 3, 3).expand(4, 6, 3, 3)
    assert entropy(rank_one) == pytest.approx(0, abs=1e-6)


def test_spectral_norm_pixel_by_pixel():
    g_in, g_out = RNG.normal(size=(2, 3, 4, 4)), RNG.normal(size=(2, 5, 2, 2))
    total = np.zeros((12, 5))
    for n in range(2):
        for y in range(2):
            for x in range(2):
                # Channel by channel, the four pixels of the stride follow one another.
                patch = g_in[n, :, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].reshape(12)
                total += np.outer(patch, g_out[n, :, y, x])
    expected = np.linalg.svd(total / 8, compute_uv=False)[0]
    assert spectral_norm(torch.from_numpy(g_in), torch.from_numpy(g_out)) == pytest.approx(expected)


def test_trainability_of_linear_blocks():
    # A block that multiplies by an orthogonal matrix keeps the signal: s = 1, which is the best; a scaled one does not.
    start = torch.randn(64, 4, 8, 8, dtype=torch.float64, requires_grad=True)
    rotation = torch.from_numpy(np.linalg.qr(RNG.normal(size=(4, 4)))[0])
    turned = torch.einsum("nchw,dc->ndhw", start, rotation)
    torch.manual_seed(0)
    assert mean_trainability([start, turned]) == pytest.approx(0, abs=0.01)
    assert mean_trainability([start, 3 * turned]) == pytest.approx(2 - 3 - 1 / 3, abs=0.1)
    assert mean_trainability([start, start + 0 * start]) == -math.inf
    assert mean_trainability([start, 0.5 * turned]) == pytest.approx(2 - 0.5 - 2, abs=0.1)


def test_az_nas_ranks_among_its_own_candidates(make_probe):
    az = proxies["az-nas"]()
    parts = np.array([az.measure(make_probe(cell)) for cell in ("334131", "112412", "300300", "444444")])
    assert parts.shape == (4, 4)
    score = az.combine(parts)
    ranks = np.argsort(np.argsort(parts, axis=0), axis=0) + 1
    np.testing.assert_allclose(score, np.log(ranks / 4).sum(1))
    # The same measurements, other candidates, other scores.
    assert not np.allclose(az.combine(parts[:3]), score[:3])
    # A cell of nothing but one skip is the identity.
    assert az.measure(make_probe("000100"))[2] == -math.inf
    assert np.isfinite(parts[:, 2]).all()


# --- TE-NAS --------------------------------------------------------------------------------------------------------
def test_tangent_kernel_row_by_row():
    torch.manual_seed(0)
    layers = [nn.Conv2d(2, 3, 3, bias=False), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(3, 4)]
    network: Any = nn.Sequential(*layers).double().train()
    images = torch.randn(5, 2, 3, 3).double()
    rows = []
    for n in range(5):
        network.zero_grad()
        network(images)[n].sum().backward()  # batch norm couples the images
        rows.append(torch.cat([p.grad.flatten() for name, p in network.named_parameters() if "weight" in name]))
    expected = torch.stack(rows) @ torch.stack(rows).T
    torch.testing.assert_close(tangent_kernel(network, images), expected)


def test_condition_number():
    assert condition_number(torch.diag(torch.tensor([4.0, 2.0, 0.5]).double())) == 8
    assert condition_number(torch.diag(torch.tensor([4.0, 0.0]).double())) == math.inf
    assert condition_number(torch.diag(torch.tensor([4.0, -1e-9]).double())) == math.inf


def test_linear_regions_of_a_line():
    # Two thresholds on a line make three regions.
    layer = nn.Conv2d(1, 2, 1)
    layer.weight.data[:], layer.bias.data[:] = 1.0, torch.tensor([0.0, -1.0])  # type: ignore[union-attr]
    network = nn.Sequential(layer, nn.ReLU())
    batches = [torch.linspace(-3, 3, 50).reshape(-1, 1, 1, 1), torch.linspace(-1, 0.5, 20).reshape(-1, 1, 1, 1)]
    assert linear_regions(network, batches) == 3
    assert linear_regions(network, [batches[1]]) == 2


def test_te_nas_ranks():
    te = proxies["te-nas"]()
    parts = np.array([[-50.0, 100.0], [-10.0, 90.0], [-math.inf, 120.0]])
    np.testing.assert_array_equal(te.combine(parts), [2 + 2, 3 + 1, 1 + 3])


# --- epsinas -------------------------------------------------------------------------------------------------------
def test_disagreement():
    small, large = np.array([0.0, 1.0, 2.0, 4.0]), np.array([10.0, 30.0, np.inf, 20.0])
    # Scaled: missing, .25, .5, 1 and missing, 1, missing, .5
    assert disagreement(small, large) == pytest.approx((0.75 + 0.5) / 2 / np.mean([0.25, 0.5, 1, 1, 0.5]))
    assert math.isnan(disagreement(np.ones(4), large))
    assert math.isnan(disagreement(np.full(4, np.nan), large))


def test_fillings(make_probe):
    network = fill(make_probe().network(), 0.5)
    for name, parameter in network.named_parameters():
        assert (parameter == (0.0 if name.endswith("bias") else 0.5)).all()
    (score,) = proxies["epsinas"]().measure(make_probe())
    assert 0 < score < 2


def test_deep_networks_of_small_weights_still_have_a_number(make_probe):
    from warmnas.surrogates.proxies.recording import penultimate

    deep = make_probe("333333", recipe=ProbeRecipe(batch=4, width=4, cells=5))
    assert math.isfinite(proxies["epsinas"]().measure(deep)[0])
    with torch.no_grad():
        single = penultimate(fill(deep.network(), 1e-7), deep.batch()[0])
    assert len(single.unique()) < single.numel()  # what single precision leaves of it
    assert functional.relu(single).isfinite().all()


def whole_network(probe):
    """As the paper has it: every channel computed."""
    from warmnas.surrogates.proxies.recording import penultimate

    network, images = probe.network().double(), probe.batch()[0].double()
    with torch.no_grad():
        return [penultimate(fill(network, filling), images).numpy() for filling in (1e-7, 1.0)]


@pytest.mark.parametrize(("of", "cell"), [("nasbench201", "334131"), ("chain", "conv3x3-w2-s1,res-w2-s2,max-s1")])
def test_a_narrow_network_says_the_same(make_probe, of, cell):
    probe = make_probe(cell, of=of)
    narrow = probe.network(width=2, cells=1).double()
    gains = gains_of(probe.network(), narrow)
    assert max(gains) == 2
    found = responses(narrow, probe.batch()[0].double(), gains)
    assert found is not None
    for small, whole in zip(found, whole_network(make_probe(cell, of=of)), strict=True):
        first = small.reshape(len(whole), -1)[:, :1]
        np.testing.assert_allclose(whole, np.broadcast_to(first, whole.shape), rtol=1e-8)


def test_maps_side_by_side_are_measured_whole(make_probe):
    darts = space("darts")
    cell = darts.to_string(darts.sample(1, np.random.default_rng(3))[0])
    probe = make_probe(cell, of="darts", recipe=ProbeRecipe(batch=4, width=4, cells=2))
    narrow = probe.network(width=2, cells=2).double()
    assert responses(narrow, probe.batch()[0].double(), gains_of(probe.network(), narrow)) is None
    (score,) = proxies["epsinas"]().measure(probe)
    outputs = [x.ravel() for x in whole_network(probe)]
    assert score == pytest.approx(disagreement(*outputs), nan_ok=True)


def test_modules_that_share_out_their_channels_are_measured_whole(make_probe):
    of = space("nasbench101")
    drawn = of.sample(200, np.random.default_rng(1))
    drawn = drawn[of.valid(drawn) & of.connected(drawn)]
    cell = of.to_string(drawn[0])
    probe = make_probe(cell, of="nasbench101", recipe=ProbeRecipe(batch=4, width=8, cells=1))
    (score,) = proxies["epsinas"]().measure(probe)
    assert score == pytest.approx(disagreement(*(x.ravel() for x in whole_network(probe))), nan_ok=True)
