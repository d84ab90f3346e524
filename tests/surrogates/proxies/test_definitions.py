"""The cheap proxies against independent references: closed forms, module hooks, loops over samples, parameter .grad."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from warmnas.bench import WarmnasError, space
from warmnas.surrogates.proxies import GaussianInputs, ProbeRecipe, measure, proxies
from warmnas.surrogates.proxies.naswot import agreement
from warmnas.surrogates.proxies.recording import RELU, batch_variances, block_features, relu_signs, watch
from warmnas.surrogates.proxies.swap import Swap, different_rows
from warmnas.surrogates.proxies.synflow import synaptic_flow
from warmnas.surrogates.proxies.zen import STEP, zen_score

NB201: Any = space("nasbench201")
CELLS = ("334131", "112412", "111111", "300300")
cells = pytest.mark.parametrize("cell", CELLS)


def value(name, probe):
    (number,) = proxies[name]().measure(probe)
    return number


# --- costs ---------------------------------------------------------------------------------------------------------
def test_costs_of_the_benchmark():
    found = measure(
        NB201,
        NB201.from_string("333333"),
        [proxies[n]() for n in ("params", "live-params", "flops", "live-flops")],
        GaussianInputs(),
        ProbeRecipe(),
    )
    assert [m.parts[0] for m in found[:2]] == [1_531_546] * 2
    assert found[2].parts == found[3].parts
    assert found[2].parts[0] == pytest.approx(220.12e6, rel=1e-4)


@given(st.lists(st.integers(0, 4), min_size=6, max_size=6))
@settings(max_examples=15, deadline=None)
def test_parameters_follow_the_closed_form(genes):
    cell = np.array(genes, dtype=np.int8)
    recipe = ProbeRecipe(width=4, cells=2)
    whole, live = measure(
        NB201, cell, [proxies["params"](), proxies["live-params"]()], GaussianInputs((3, 8, 8), 7), recipe
    )
    assert whole.parts[0] == NB201.params(cell, 7, width=4, cells=2)
    assert live.parts[0] == NB201.params(NB201.live(cell), 7, width=4, cells=2)


# --- gradients -----------------------------------------------------------------------------------------------------
@cells
def test_grad_norm_and_snip(make_probe, cell):
    network = make_probe(cell).network()
    images, labels = make_probe(cell).batch()
    functional.cross_entropy(network(images), labels).backward()
    layers: list[Any] = [m.weight for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    layers = [w for w in layers if w.grad is not None]
    assert value("grad-norm", make_probe(cell)) == pytest.approx(sum(w.grad.square().sum().sqrt().item() for w in layers))
    assert value("snip", make_probe(cell)) == pytest.approx(sum((w.grad * w).abs().sum().item() for w in layers), rel=1e-5)


def test_the_loss_is_a_sum_of_norms_and_not_the_norm_of_all(make_probe):
    gradients = [g for _, g in make_probe().gradients()]
    assert value("grad-norm", make_probe()) > 1.5 * torch.cat([g.flatten() for g in gradients]).norm().item()


def test_a_shared_pass_is_charged_to_everybody(make_probe):
    probe = make_probe()
    proxies["grad-norm"]().measure(probe)
    assert probe.charged == 0
    proxies["snip"]().measure(probe)
    assert probe.charged > 0


# --- synflow -------------------------------------------------------------------------------------------------------
def test_every_layer_of_a_chain_conserves_the_flow():
    layers: list[Any] = [
        nn.Conv2d(3, 5, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(5, 4, 1),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    ]
    network: Any = nn.Sequential(*layers, nn.Linear(4, 6)).double()
    total = functional.conv2d(torch.ones(1, 3, 6, 6).double(), layers[0].weight.abs(), padding=1)
    total = functional.conv2d(total, layers[2].weight.abs()).mean((2, 3)) @ network[-1].weight.abs().T
    assert synaptic_flow(network, (3, 6, 6)) == pytest.approx(3 * total.sum().item(), rel=1e-12)


@cells
def test_synflow_by_differences(make_probe, cell):
    network = make_probe(cell).network().double()
    for parent in list(network.modules()):
        for key, child in parent.named_children():
            if isinstance(child, nn.BatchNorm2d):
                setattr(parent, key, nn.Identity())
    for key, p in network.named_parameters():
        p.data = torch.zeros_like(p) if "bias" in key else p.abs().detach()
    ones, expected, step = torch.ones(1, 3, 8, 8).double(), 0.0, 1e-6
    with torch.no_grad():
        start = network(ones).sum()
        for layer in network.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                layer.weight.mul_(1 + step)  # d R / d log of the layer's scale = sum of W * dR/dW
                expected += float((network(ones).sum() - start) / step)
                layer.weight.div_(1 + step)
    assert value("synflow", make_probe(cell)) == pytest.approx(math.log(expected), abs=1e-4)


def test_synflow_beyond_single_precision():
    probe_of = GaussianInputs((3, 32, 32))
    (measured,) = measure(NB201, NB201.from_string("333333"), [proxies["synflow"]()], probe_of, ProbeRecipe(width=24))
    assert measured.parts[0] > math.log(torch.finfo(torch.float32).max)
    assert not measured.problem


# --- activation patterns ---------------------------------------------------------------------------------------------
def hooked_signs(network, images):
    """As copies of the methods do it: a hook on every ReLU module."""
    found = []
    for module in network.modules():
        if isinstance(module, nn.ReLU):
            module.register_forward_hook(lambda m, x, y: found.append((x[0] > 0).flatten(1)))
    network(images)
    return found


@cells
def test_naswot_counts_hamming_distances(make_probe, cell):
    probe = make_probe(cell)
    codes = torch.cat(hooked_signs(probe.network(), probe.batch()[0]), 1).numpy()
    n, units = codes.shape
    kernel = [[units - np.count_nonzero(codes[i] != codes[j]) for j in range(n)] for i in range(n)]
    assert value("naswot", make_probe(cell)) == pytest.approx(np.linalg.slogdet(np.array(kernel, float))[1], rel=1e-9)


def test_naswot_of_two_equal_patterns_is_last():
    codes = torch.rand(5, 40) > 0.5
    codes[3] = codes[0]
    assert torch.linalg.slogdet(agreement([codes])).sign <= 0 or torch.linalg.slogdet(agreement([codes]))[1] < -20


@given(st.integers(2, 70), st.integers(1, 50), st.integers(0, 2**31))
@settings(max_examples=30, deadline=None)
def test_swap_counts_different_rows(images, units, seed):
    signs = [torch.rand(images, units, generator=torch.Generator().manual_seed(seed)) > 0.9 for _ in range(2)]
    assert different_rows(signs) == len({tuple(row.tolist()) for part in signs for row in part.T})


@cells
def test_swap(make_probe, cell):
    probe = make_probe(cell)
    codes = torch.cat(hooked_signs(probe.network(), probe.batch()[0]), 1)
    assert value("swap", make_probe(cell)) == len({tuple(unit.tolist()) for unit in codes.T})


def test_swap_regularised_by_size(make_probe):
    parameters = sum(p.numel() for p in make_probe().network().parameters())
    plain = value("swap", make_probe())
    assert Swap(mu=parameters, sigma=1.0).measure(make_probe()) == (plain,)
    (less,) = Swap(mu=parameters + 10.0, sigma=100.0).measure(make_probe())
    assert less == pytest.approx(plain / math.e)
    with pytest.raises(WarmnasError, match="mu and sigma"):
        Swap(mu=3.0)


def test_every_relu_call_is_seen_once():
    for of, cell, relus in (("nasbench201", "320300", 3 + 4 + 1), ("chain", "conv3x3-w1-s1,res-w1-s1,skip1", 1 + 1 + 2)):
        network = space(of).build(space(of).from_string(cell), (3, 8, 8), 4, width=4, cells=1).train()
        # Dead edges hold ReLU modules; a residual block's last ReLU is a function and no module.
        assert len([m for m in network.modules() if isinstance(m, nn.ReLU)]) != relus
        assert len(relu_signs(network, torch.randn(4, 3, 8, 8))) == relus


def test_one_module_called_twice_is_two_records():
    relu, seen = nn.ReLU(inplace=True), []
    with watch(RELU, lambda x: seen.append(x.clone())):
        relu(relu(torch.tensor([-1.0, 2.0])))
    assert [x.tolist() for x in seen] == [[-1.0, 2.0], [0.0, 2.0]]


def test_blocks_of_the_benchmarks_network():
    network = NB201.build(NB201.from_string("334131"), (3, 32, 32), 10).train()
    features = block_features(network, torch.randn(2, 3, 32, 32))
    assert [tuple(f.shape[1:]) for f in features] == [(16, 32, 32)] * 6 + [(32, 16, 16)] * 6 + [(64, 8, 8)] * 6


# --- the Jacobian --------------------------------------------------------------------------------------------------
@cells
def test_jacobian_row_by_row(make_probe, cell):
    probe = make_probe(cell)
    network, images = probe.network(), probe.batch()[0]
    jacobian = torch.autograd.functional.jacobian(lambda x: network(x).sum(), images).flatten(1).numpy().astype(float)
    values = np.linalg.eigvalsh(np.corrcoef(jacobian)) + 1e-5
    assert value("jacob-cov", make_probe(cell)) == pytest.approx(-np.sum(np.log(values) + 1 / values), rel=1e-6)


def test_batch_norm_uses_the_batch(make_probe):
    # In evaluation mode an untrained batch norm does nothing, and the images would not influence each other.
    probe = make_probe()
    network, images = probe.network(), probe.batch()[0]
    other = torch.cat([images[:1], images[1:] * 2 + 1])
    assert not torch.allclose(network(images)[0], network(other)[0])
    network.eval()
    assert torch.allclose(network(images)[0], network(other)[0], atol=1e-6)


# --- Zen -----------------------------------------------------------------------------------------------------------
@cells
def test_zen_reads_the_batch_variance(make_probe, cell):
    probe = make_probe(cell)
    network = probe.network("normal")
    x, direction = (probe.noise(8, 3, 8, 8, key=key) for key in (1, 2))
    found = zen_score(probe.network("normal"), x, x + STEP * direction)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    sizes: dict[Any, int] = {}  # of the norms that are called
    for norm in norms:
        norm.momentum = 1.0  # running statistics are then those of the last batch, with Bessel's correction
        norm.register_forward_hook(lambda m, inputs, y: sizes.__setitem__(m, inputs[0][:, 0].numel()))
    maps = []
    network.head[2].register_forward_hook(lambda m, inputs, y: maps.append(inputs[0].detach()))
    network(x)
    variances = [norm.running_var.mean().item() * (n - 1) / n for norm, n in sizes.items()]
    network(x + STEP * direction)
    change = np.mean([np.linalg.norm((b - a).numpy()) for a, b in zip(*maps, strict=True)])
    assert found == pytest.approx(math.log(change) + sum(math.log(math.sqrt(v)) for v in variances), abs=1e-4)


def test_batch_norms_that_are_called_as_functions_are_measured_too():
    x = torch.randn(6, 5, 4, 4, dtype=torch.float64) * torch.arange(1, 6).view(5, 1, 1)
    found: list[float] = []
    norm: Any = nn.BatchNorm2d(5, eps=1e-3).double()
    nn.init.uniform_(norm.weight)
    with batch_variances(found):
        first, second = norm(x), functional.batch_norm(x, None, None, training=True, eps=0.5)
    assert found == pytest.approx([x.numpy().var((0, 2, 3)).mean()] * 2)
    assert norm.running_var.tolist() == [1.0] * 5  # the network's own statistics stay
    assert torch.allclose(first, nn.BatchNorm2d(5, eps=1e-3).double()(x) * norm.weight.view(5, 1, 1))
    assert torch.allclose(second, functional.batch_norm(x, None, None, training=True, eps=0.5))


def test_zen_of_a_network_without_batch_norm():
    network: Any = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    x, moved = torch.randn(2, 5, 3, 6, 6)
    change = functional.conv2d(moved - x, network[0].weight).detach().flatten(1).norm(dim=1).mean()
    assert zen_score(network, x, moved) == pytest.approx(math.log(change), abs=1e-5)


def running(network):
    return [float(v.mean()) for name, v in network.named_buffers() if name.endswith("running_var")]


def test_default_momentum_would_penalise_depth(make_probe):
    probe = make_probe("333333")
    x = probe.noise(8, 3, 8, 8, key=1)
    network: Any = probe.network("normal")
    network(x), network(x)
    true: Any = probe.network("normal")
    for norm in true.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = 1.0
    true(x)
    offsets = [0.5 * math.log(a / b) for a, b in zip(running(network), running(true), strict=True) if b > 30]
    assert len(offsets) > 5
    assert np.mean(offsets) == pytest.approx(0.5 * math.log(0.19), abs=0.05)
    assert value("zen", make_probe("333333")) > 0
