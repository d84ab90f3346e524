"""Supernets against the stand-alone networks of their paths, and mixtures against sums by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from warmnas.bench import space
from warmnas.bench.networks.mixture import MixedOperation, Mixture, edges, recalibrate, shuffled
from warmnas.bench.networks.supernets import build_supernet, layout
from warmnas.search.oneshot.parts.mixed import edge_softmax
from warmnas.search.oneshot.state import masked_softmax

CELLS, DARTS, S4 = space("nasbench201"), space("darts"), space("darts-s4")


def whole(of, weights):
    active = tuple(tuple(tuple(range(k)) for _ in range(e)) for e, k in layout(of).shapes)
    return Mixture(active, weights)


def one_hot(of, genotype):
    """The mixture of all operations whose weights are those of one genotype."""
    weights = []
    for (e, k), columns in zip(layout(of).shapes, layout(of).columns(genotype), strict=True):
        rows = torch.zeros(e, k)
        for edge, column in enumerate(columns):
            if column >= 0:
                rows[edge, int(column)] = 1
        weights.append(rows)
    return whole(of, tuple(weights))


@pytest.mark.parametrize(("of", "cells"), [(CELLS, 1), (DARTS, 2)])
def test_a_path_is_the_mixture_of_its_one_hot_weights(of, cells):
    torch.manual_seed(0)
    net = build_supernet(of, (3, 8, 8), 5, 4, cells)
    genotype = of.sample(1, np.random.default_rng(2))[0]
    images = torch.randn(6, 3, 8, 8)
    with torch.no_grad():
        path, mixed = net(images, layout(of).path(genotype)), net(images, one_hot(of, genotype))
    assert path.shape == (6, 5)
    assert torch.allclose(path, mixed, atol=1e-5)


def test_a_path_with_its_weights_is_the_benchmark_network():
    """Same cells as the stand-alone network: with its weights put in, the same logits in training mode."""
    genotype = CELLS.from_string("314203")
    alone = CELLS.build(genotype, (3, 8, 8), 4, width=4, cells=1)
    net = build_supernet(CELLS, (3, 8, 8), 4, 4, 1)
    given = alone.state_dict()
    wanted = {}
    for name in net.state_dict():
        parts = name.split(".")
        if parts[0] == "stages" and parts[2] == "edges":
            if int(parts[5]) != int(genotype[int(parts[3])]):
                continue
            source = ".".join(["cells", parts[1], "layers", parts[3], *parts[6:]])
        else:
            renamed = {"stages": "cells", "last": "head", "head": "classifier"}[parts[0]] if parts[0] != "stem" else "stem"
            source = ".".join([renamed, *(parts[2:] if parts[0] == "head" else parts[1:])])
        wanted[name] = given[source]
    net.load_state_dict(wanted, strict=False)
    images = torch.randn(5, 3, 8, 8)
    assert torch.allclose(net(images, layout(CELLS).path(genotype)), alone.train()(images), atol=1e-5)


def test_a_disconnected_cell_gives_equal_logits():
    net = build_supernet(CELLS, (1, 8, 8), 3, 4, 1)
    out = net(torch.randn(4, 1, 8, 8), layout(CELLS).path(CELLS.from_string("000000")))
    assert torch.allclose(out, out[:1].expand_as(out))


def test_what_a_path_does_not_use_gets_no_gradient():
    net = build_supernet(CELLS, (1, 8, 8), 3, 4, 1)
    net(torch.randn(4, 1, 8, 8), layout(CELLS).path(CELLS.from_string("300000"))).sum().backward()
    assert all(p.grad is None for name, p in net.named_parameters() if ".edges." in name)  # edge 0 leads nowhere
    net(torch.randn(4, 1, 8, 8), layout(CELLS).path(CELLS.from_string("000300"))).sum().backward()
    used = {name.split(".")[3] for name, p in net.named_parameters() if ".edges." in name and p.grad is not None}
    assert used == {"3"}


def test_operations_by_hand():
    torch.manual_seed(1)
    layers = {1: nn.Identity(), 2: nn.AvgPool2d(3, 1, 1), 3: nn.Conv2d(4, 4, 3, padding=1)}
    mixed, x = MixedOperation(layers), torch.randn(2, 4, 5, 5)
    weights = torch.tensor([[0.1, 0.2, 0.3, 0.4]], requires_grad=True)
    out = mixed(x, edges(Mixture((((0, 1, 2, 3),),), (weights,)), 0)[0])
    assert torch.allclose(out, 0.2 * x + 0.3 * layers[2](x) + 0.4 * layers[3](x), atol=1e-6)
    assert out is not None
    out.sum().backward()
    assert weights.grad is not None
    assert weights.grad[0].tolist() == pytest.approx(
        [0.0, float(x.sum()), float(layers[2](x).sum()), layers[3](x).sum().item()], rel=1e-4
    )
    assert mixed(x, edges(Mixture((((0,),),)), 0)[0]) is None


def test_idle_paths_have_no_gradient_and_straight_weights_have():
    layers: dict[int, nn.Module] = {i: nn.Conv2d(2, 2, 1, bias=False) for i in (0, 1)}
    mixed, x = MixedOperation(layers), torch.randn(2, 2, 3, 3)
    gates = torch.tensor([[1.0, 0.0]], requires_grad=True)
    out = mixed(x, edges(Mixture((((0, 1),),), (gates,), still=(((1,),),)), 0)[0])
    assert out is not None
    out.square().sum().backward()
    assert next(layers[1].parameters()).grad is None
    assert next(layers[0].parameters()).grad is not None
    assert gates.grad is not None
    assert gates.grad[0, 1] == pytest.approx((2 * layers[0](x) * layers[1](x)).sum().item(), rel=1e-3)
    gates.grad = None
    out = mixed(x, edges(Mixture((((0,),),), (gates,), straight=True), 0)[0])
    assert out is not None
    assert torch.allclose(out, layers[0](x), atol=1e-6)
    out.sum().backward()
    assert gates.grad is not None
    assert gates.grad[0, 1] == pytest.approx(out.numel())


def test_partial_channels_pass_by():
    """Of four parts one is processed; the shuffle takes channels of the parts in turn."""
    mixed, x = MixedOperation({0: nn.Identity()}, partial=4), torch.randn(2, 8, 3, 3)
    out = mixed(x, edges(Mixture((((0,),),), (torch.tensor([[2.0]]),)), 0)[0])
    wanted = shuffled(torch.cat([2 * x[:, :2], x[:, 2:]], dim=1), 4)
    assert out is not None
    assert torch.equal(out, wanted)
    assert torch.equal(out[:, 0], 2 * x[:, 0])
    assert torch.equal(out[:, 1], x[:, 2])
    pooled: torch.Tensor | None = MixedOperation({0: nn.AvgPool2d(2)}, stride=2, partial=4)(
        torch.randn(2, 8, 4, 4), edges(Mixture((((0,),),)), 0)[0]
    )
    assert pooled is not None
    assert pooled.shape == (2, 8, 2, 2)


def test_recalibration_gives_the_batch_statistics_back():
    torch.manual_seed(0)
    net = build_supernet(CELLS, (1, 8, 8), 3, 4, 1, running=True)
    path = layout(CELLS).path(CELLS.from_string("333333"))
    images = torch.randn(32, 1, 8, 8)
    net.train()
    with torch.no_grad():
        wanted = net(images, path)
    recalibrate(net, [images], path)
    net.eval()
    with torch.no_grad():
        assert torch.allclose(net(images, path), wanted, atol=0.05)
    norms = [m for m in net.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(m.momentum == 0.1 for m in norms)


def test_noise_is_no_path_for_gradients():
    net = build_supernet(S4, (1, 8, 8), 3, 4, 2)
    noise = layout(S4).read((np.tile([1.0, 0.0], (14, 1)),) * 2)
    images = torch.randn(4, 1, 8, 8, requires_grad=True)
    net(images, layout(S4).path(noise)).sum().backward()
    assert layout(S4).skips(noise) == 0
    assert images.grad is None or float(images.grad.abs().sum()) == 0


def test_softmaxes():
    logits, mask = torch.randn(3, 4), torch.tensor([[True, True, False, True], [False] * 4, [True] * 4])
    p = masked_softmax(logits, mask)
    assert p.sum(dim=1).tolist() == pytest.approx([1.0, 0.0, 1.0])
    assert p[0, 2] == 0
    targets = torch.tensor([t for _, t in layout(CELLS).ends])
    beta = edge_softmax(torch.randn(6), targets)
    assert [float(beta[targets == node].sum()) for node in (1, 2, 3)] == pytest.approx([1.0, 1.0, 1.0])
