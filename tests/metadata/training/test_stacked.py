"""A stack of different networks computes what each computes alone: outputs, gradients, batch norm, steps of SGD."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from warmnas.bench import Genotypes, SearchSpace, WarmnasError
from warmnas.bench.networks.nasbench201 import NASBench201Network
from warmnas.bench.networks.stacked import StackedNetwork
from warmnas.bench.spaces.nasbench201 import NASBench201Space
from warmnas.metadata.training import Epoch, Recipe, train, train_stack
from warmnas.metadata.training.loop import Data, Training, losses
from warmnas.metadata.training.trainer import initial_network

CELLS = NASBench201Space()
# All operations, a disconnected cell, dead edges, equal neighbours, no convolution at all.
STRINGS = ("333333", "213402", "000000", "300000", "111111", "234120", "444414", "334131", "334131", "212343")
DISCONNECTED = ("000000", "300000")
GENOTYPES = np.stack([CELLS.from_string(text) for text in STRINGS])
TINY = Recipe(epochs=2, batch=8, width=3, cells=2, resolution=8)
SHAPE = (3, 8, 8)


def alone(genotypes: Genotypes = GENOTYPES, seeds: Iterator[int] | range | None = None) -> list[NASBench201Network]:
    """Networks in float64, each with its own initial weights."""
    found = []
    for genotype, seed in zip(genotypes, seeds or range(len(genotypes)), strict=True):
        network = initial_network(CELLS, genotype, SHAPE, 4, TINY, seed).double()
        assert isinstance(network, NASBench201Network)
        found.append(network)
    return found


def assert_equal_states(stack: StackedNetwork, networks: list[NASBench201Network], tolerance: float) -> None:
    for i, network in enumerate(networks):
        mine, own = stack.unstack(i), network.state_dict()
        assert mine.keys() == own.keys()
        for name, value in own.items():
            if STRINGS[i] in DISCONNECTED and name.startswith(("stem", "cells")) and "running" in name:
                continue  # statistics that nothing reads, behind which the weights of a stack decay
            torch.testing.assert_close(mine[name], value, rtol=tolerance, atol=tolerance, msg=f"{STRINGS[i]} {name}")


@pytest.fixture
def batch() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    images = torch.randn(6, *SHAPE, generator=generator, dtype=torch.float64)
    return images.contiguous(memory_format=torch.channels_last), torch.tensor([0, 1, 2, 3, 0, 1])


def test_a_stack_holds_the_networks_it_was_made_of() -> None:
    networks = alone()
    stack = StackedNetwork(networks)
    assert_equal_states(stack, networks, 0)
    other = CELLS.build(GENOTYPES[1], SHAPE, 4, width=3, cells=2)
    other.load_state_dict(stack.unstack(1))


@pytest.mark.parametrize("training", [True, False])
def test_outputs_are_those_alone(batch: tuple[torch.Tensor, torch.Tensor], training: bool) -> None:
    networks = alone()
    stack = StackedNetwork(networks).train(training)
    separate = torch.stack([network.train(training)(batch[0]) for network in networks])
    torch.testing.assert_close(stack(batch[0]), separate, rtol=0, atol=1e-12)
    assert_equal_states(stack, networks, 1e-12)  # the running statistics of batch norm


def test_gradients_are_those_alone(batch: tuple[torch.Tensor, torch.Tensor]) -> None:
    networks = alone()
    stack = StackedNetwork(networks)
    losses(stack(batch[0]), batch[1]).sum().backward()
    for network in networks:
        nn.functional.cross_entropy(network(batch[0]), batch[1]).backward()
    compared = 0
    for tensor, name, models in stack._tensors():
        if not isinstance(tensor, nn.Parameter):
            continue
        assert tensor.grad is not None
        for i, mine in zip(models, tensor.grad.chunk(len(models)), strict=True):
            own = dict(networks[i].named_parameters())[name].grad
            expected = torch.zeros_like(mine) if own is None else own
            torch.testing.assert_close(mine, expected, rtol=0, atol=1e-10, msg=f"{STRINGS[i]} {name}")
            compared += own is not None
    assert compared == sum(p.grad is not None for network in networks for p in network.parameters())


def test_several_steps_of_sgd_are_those_alone(noise: Any) -> None:
    task, recipe = noise((30, 8, 8), flip=True, crop=True), replace(TINY, batch=10, weight_decay=0.05)
    networks = alone()
    stack = StackedNetwork(networks)
    data = Data.of(task, recipe, torch.device("cpu"))
    rows = list(Training(stack, stack, data, recipe, 7).epochs())
    for i, network in enumerate(networks):
        own = list(Training(network, lambda x, network=network: network(x)[None], data, recipe, 7).epochs())  # type: ignore[misc]
        np.testing.assert_allclose([r[i][:-1] for r in rows], [r[0][:-1] for r in own], rtol=0, atol=1e-9)
    assert_equal_states(stack, networks, 1e-9)


def test_train_stack_is_train(noise: Any) -> None:
    task = noise((40, 60, 60), flip=True, crop=True)
    seen: dict[int, list[Epoch]] = {i: [] for i in range(len(GENOTYPES))}
    lost = train_stack(CELLS, GENOTYPES, task, TINY, [5] * len(GENOTYPES), report=lambda i, row: seen[i].append(row))
    assert lost == {}
    for i, genotype in enumerate(GENOTYPES):
        own: list[Epoch] = []
        train(CELLS, genotype, task, TINY, 5, report=own.append)
        np.testing.assert_allclose(seen[i][0][1], own[0][1], rtol=2e-3)
        np.testing.assert_allclose(seen[i][0][3:5], own[0][3:5], atol=5)  # an image or two
        # In float32 rounding grows with every step; that the two are the same is tested in float64 above.
        np.testing.assert_allclose([e[1] for e in seen[i]], [e[1] for e in own], rtol=1e-2)
        np.testing.assert_allclose([e[3:5] for e in seen[i]], [e[3:5] for e in own], atol=10)


def test_the_weights_of_a_seed_do_not_depend_on_the_stack(noise: Any) -> None:
    kept: list[nn.Module] = []

    class Spy(NASBench201Space):
        def build(self, genotype: Genotypes, shape: Any, classes: int, **size: int) -> nn.Module:
            network = super().build(genotype, shape, classes, **size)
            kept.append(network)
            return network

    once = replace(TINY, epochs=1)
    train_stack(Spy(), GENOTYPES[:3], noise(), once, [1, 2, 3])
    for genotype, seed, network in zip(GENOTYPES, [1, 2, 3], kept, strict=False):
        fresh = initial_network(CELLS, genotype, SHAPE, 4, TINY, seed)
        assert all(torch.equal(a, b) for a, b in zip(fresh.parameters(), network.parameters(), strict=True))


def test_a_network_that_is_not_finite_does_not_disturb_the_others(noise: Any) -> None:
    data = Data.of(noise(), TINY, torch.device("cpu"))
    networks = alone()
    for parameter in networks[1].parameters():
        nn.init.constant_(parameter, float("nan"))
    stack = StackedNetwork(networks)
    rows = list(Training(stack, stack, data, TINY, 7).epochs())[-1]
    for i, network in enumerate(networks):
        if i != 1:
            own = list(Training(network, lambda x, network=network: network(x)[None], data, TINY, 7).epochs())[-1][0]  # type: ignore[misc]
            np.testing.assert_allclose(rows[i][:-1], own[:-1], rtol=0, atol=1e-9)
    assert np.isnan(rows[1].train_loss)


def test_a_stack_reports_who_diverged(noise: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoiled(space: SearchSpace, genotype: Genotypes, *rest: Any) -> nn.Module:
        network = initial_network(space, genotype, *rest)
        if (genotype == GENOTYPES[1]).all():
            nn.init.constant_(next(network.parameters()), float("inf"))
        return network

    monkeypatch.setattr("warmnas.metadata.training.stacked.initial_network", spoiled)
    reported: list[int] = []
    lost = train_stack(CELLS, GENOTYPES[:3], noise(), TINY, [0, 0, 0], report=lambda i, row: reported.append(i))
    assert list(lost) == [1]
    assert "epoch 1 of 2" in str(lost[1])
    assert reported == [0, 2, 0, 2]


def test_a_stack_of_which_none_is_left_stops(noise: Any) -> None:
    reported: list[int] = []
    recipe = replace(TINY, epochs=50, rate=1e9)
    lost = train_stack(CELLS, GENOTYPES[:2], noise(), recipe, [0, 0], report=lambda i, row: reported.append(row.epoch))
    assert sorted(lost) == [0, 1]
    assert max(reported, default=0) < 50


def test_networks_that_cannot_be_stacked_are_trained_one_after_another(noise: Any) -> None:
    class Plain(NASBench201Space):
        def build(self, genotype: Genotypes, shape: Any, classes: int, **size: int) -> nn.Module:
            rate = 1.0 if genotype[0] == 3 else float("nan")
            layer = nn.Linear(shape[0] * shape[1] * shape[2], classes)
            nn.init.constant_(layer.weight, rate)
            return nn.Sequential(nn.Flatten(), layer)

    reported: list[int] = []
    lost = train_stack(Plain(), GENOTYPES[:2], noise(), TINY, [0, 0], report=lambda i, row: reported.append(i))
    assert reported == [0, 0]
    assert list(lost) == [1]


def test_an_empty_stack_is_no_work_and_sizes_are_not_mixed(noise: Any) -> None:
    assert train_stack(CELLS, GENOTYPES[:0], noise(), TINY, []) == {}
    networks = [NASBench201Network(GENOTYPES[0], SHAPE, 4, width=width) for width in (2, 3)]
    with pytest.raises(WarmnasError, match="one size"):
        StackedNetwork(networks)
