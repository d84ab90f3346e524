"""The NAS-Bench-201 network against the benchmark's own, written again from its code with the names of its weights.

The package nas-bench-201 reads the archives but has no network in it; the one that its records' weights belong to is that
of D-X-Y/AutoDL-Projects (xautodl/models/cell_infers and cell_operations).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from warmnas.bench import Genotypes, WarmnasError
from warmnas.bench.networks.nasbench201 import NASBench201Network
from warmnas.bench.networks.official_weights import load_official, official_name
from warmnas.bench.spaces.complete_cell import EDGES, NONE
from warmnas.bench.spaces.nasbench201 import NASBench201Space

CELLS = NASBench201Space()


class ReLUConvBN(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        convolution = nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False)
        self.op = nn.Sequential(nn.ReLU(inplace=False), convolution, nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.op(x)  # type: ignore[no-any-return]


class Zero(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.mul(0.0)


class InferCell(nn.Module):
    """Every edge is computed, ``none`` as a product with zero."""

    def __init__(self, text: str, width: int) -> None:
        super().__init__()
        self.nodes = [[pair.split("~") for pair in node.strip("|").split("|")] for node in text.split("+")]
        layers: dict[str, Callable[[], nn.Module]] = {
            "none": Zero,
            "skip_connect": nn.Identity,
            "nor_conv_1x1": lambda: ReLUConvBN(width, width, 1, 1),
            "nor_conv_3x3": lambda: ReLUConvBN(width, width, 3, 1),
            "avg_pool_3x3": lambda: nn.AvgPool2d(3, 1, 1, count_include_pad=False),
        }
        self.layers = nn.ModuleList(layers[name]() for node in self.nodes for name, _ in node)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        values, layers = [x], iter(self.layers)
        for node in self.nodes:
            values.append(sum(next(layers)(values[int(source)]) for _, source in node))
        return values[-1]


class ResNetBasicblock(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv_a = ReLUConvBN(inputs, outputs, 3, 2)
        self.conv_b = ReLUConvBN(outputs, outputs, 3, 1)
        self.downsample = nn.Sequential(nn.AvgPool2d(2, 2, 0), nn.Conv2d(inputs, outputs, 1, bias=False))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.downsample(x) + self.conv_b(self.conv_a(x))
        return out


class TinyNetwork(nn.Module):
    def __init__(self, width: int, repeats: int, text: str, classes: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width))
        self.cells = nn.ModuleList()
        for stage in range(3):
            if stage:
                self.cells.append(ResNetBasicblock(width << (stage - 1), width << stage))
            self.cells.extend(InferCell(text, width << stage) for _ in range(repeats))
        self.lastact = nn.Sequential(nn.BatchNorm2d(4 * width), nn.ReLU(inplace=True))
        self.classifier = nn.Linear(4 * width, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem(x)
        for cell in self.cells:
            x = cell(x)
        out: torch.Tensor = self.classifier(self.lastact(x).mean((2, 3)))
        return out


def fed_zeros(genotype: Genotypes) -> list[int]:
    """Edges from nodes that nothing reaches."""
    reached = {0}
    for (source, target), kind in zip(EDGES, genotype, strict=True):
        if kind != NONE and source in reached:
            reached.add(target)
    return [edge for edge, (source, _) in enumerate(EDGES) if source not in reached]


def pair(genotype: Genotypes, seed: int, silent: bool = True, **size: int) -> tuple[TinyNetwork, NASBench201Network]:
    """The benchmark's network with weights and statistics from a seed, and ours with the same.

    ``silent``: the batch norms of convolutions that are fed zeros give zeros.
    """
    width, cells = size.get("width", 2), size.get("cells", 1)
    torch.manual_seed(seed)
    theirs = TinyNetwork(width, cells, CELLS.to_string(genotype), 7).double()
    for tensor in (t for t in theirs.state_dict().values() if t.dtype == torch.float64):
        tensor.copy_(torch.rand_like(tensor) + 0.1 if tensor.dim() == 1 else torch.randn_like(tensor) / 3)
    for name, tensor in theirs.state_dict().items():
        edges = [f".layers.{edge}.op.2." for edge in fed_zeros(genotype)]
        if silent and any(edge in name for edge in edges) and name.endswith(("bias", "running_mean")):
            tensor.zero_()
    ours = NASBench201Network(genotype, (3, 8, 8), 7, width, cells).double()
    load_official(ours, theirs.state_dict())
    return theirs, ours


IMAGES = torch.randn(3, 3, 8, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(0))


@settings(max_examples=15, deadline=None)
@given(number=st.integers(0, 5**6 - 1), seed=st.integers(0, 99))
def test_equal_weights_give_equal_logits(number: int, seed: int) -> None:
    theirs, ours = pair(CELLS.from_index(np.array(number)), seed)
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(IMAGES), theirs.eval()(IMAGES))
        torch.testing.assert_close(ours.train()(IMAGES), theirs.train()(IMAGES))  # batch statistics
        torch.testing.assert_close(ours.eval()(IMAGES), theirs.eval()(IMAGES))  # and what was remembered of them


@settings(max_examples=8, deadline=None)
@given(number=st.integers(0, 5**6 - 1), seed=st.integers(0, 99))
def test_equal_weights_have_equal_gradients(number: int, seed: int) -> None:
    theirs, ours = pair(CELLS.from_index(np.array(number)), seed)
    for network in (theirs, ours):
        network(IMAGES).square().sum().backward()
    others = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        if parameter.grad is not None:
            torch.testing.assert_close(parameter.grad, others[official_name(name)].grad, rtol=1e-6, atol=1e-8)


def test_only_what_is_fed_zeros_makes_a_difference() -> None:
    """|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|nor_conv_1x1~2|: node 2 is zero, and its batch norm has a shift."""
    genotype = CELLS.from_string("000302")
    assert fed_zeros(genotype) == [2, 4, 5]
    for silent in (True, False):
        theirs, ours = pair(genotype, 1, silent)
        with torch.no_grad():
            assert torch.allclose(ours.eval()(IMAGES), theirs.eval()(IMAGES)) == silent


def test_at_full_size_every_tensor_has_its_place() -> None:
    genotype = CELLS.from_string("|nor_conv_3x3~0|+|none~0|nor_conv_1x1~1|+|skip_connect~0|avg_pool_3x3~1|nor_conv_3x3~2|")
    theirs, ours = pair(genotype, 0, width=16, cells=5)
    assert len(ours.state_dict()) == len(theirs.state_dict())
    with torch.no_grad():
        torch.testing.assert_close(ours.eval()(IMAGES[:1]), theirs.eval()(IMAGES[:1]))


@pytest.mark.parametrize("change", ["other cell", "wider", "missing", "more"])
def test_weights_of_another_network_are_refused(change: str) -> None:
    genotype = CELLS.from_string("334131")
    _, ours = pair(genotype, 0)
    other = CELLS.from_string("234131") if change == "other cell" else genotype
    state = dict(TinyNetwork(3 if change == "wider" else 2, 1, CELLS.to_string(other), 7).state_dict())
    if change == "missing":
        del state["lastact.0.weight"]
    if change == "more":
        state["cells.99.layers.0.op.1.weight"] = torch.zeros(1)
    before = {name: tensor.clone() for name, tensor in ours.state_dict().items()}
    with pytest.raises(WarmnasError, match=r"weights of another network: '.*' does not fit"):
        load_official(ours, state)
    assert all(torch.equal(before[name], tensor) for name, tensor in ours.state_dict().items())
