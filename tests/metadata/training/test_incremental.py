"""Training one layer at a time: a result per prefix, on the weights of the prefix before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from warmnas.bench import WarmnasError, space
from warmnas.bench.networks.chain import ChainNetwork
from warmnas.metadata.training import Diverged, Epoch, Recipe, stack_size, train, train_stack
from warmnas.metadata.training.incremental import prefix_seed, train_incremental
from warmnas.metadata.training.loop import Data, Training
from warmnas.metadata.training.trainer import initial_network

CHAINS = space("chain")
TINY = Recipe(epochs=2, batch=8, width=2, cells=1, resolution=8, incremental=True)
CHAIN = "conv3x3-w2-s1,skip1,res-w4-s2,max-s1"


def prefixes(task: Any, recipe: Recipe = TINY, chain: str = CHAIN, seed: int = 0) -> list[Epoch]:
    seen: list[Epoch] = []
    train(CHAINS, CHAINS.from_string(chain), task, recipe, seed, report=seen.append)
    return seen


def same(one: list[Epoch], other: list[Epoch]) -> bool:
    """Everything but the time."""
    return [row[:5] for row in one] == [row[:5] for row in other]


def test_a_result_per_layer(noise: Any) -> None:
    seen = prefixes(noise())
    assert [row.epoch for row in seen] == [1, 2, 3, 4]
    assert all(row.seconds > 0 for row in seen)
    assert all(0 <= row.val_accuracy <= 100 and np.isfinite(row.train_loss) for row in seen)


def test_a_training_repeats_itself_and_leaves_random_states_alone(noise: Any) -> None:
    task = noise(flip=True, crop=True)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, again, other = (prefixes(task, seed=seed) for seed in (3, 3, 4))
    assert same(first, again)
    assert not same(first, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_beginning_of_a_chain_is_trained_as_it_is_alone(noise: Any) -> None:
    """Chains that begin alike have equal first prefixes, but for the last of the shorter one: its classifier is its own."""
    task = noise(flip=True, crop=True)
    long, short = prefixes(task), prefixes(task, chain="conv3x3-w2-s1,skip1,res-w4-s2")
    assert same(long[:2], short[:2])
    assert not same(long[2:3], short[2:])


def test_it_is_the_recipe_s_training_of_every_prefix_in_turn(noise: Any) -> None:
    """Written out: each prefix as a training of its own, on layers that stay."""
    task, recipe = noise(flip=True, crop=True), replace(TINY, epochs=3)
    genotype = CHAINS.from_string(CHAIN)
    network = initial_network(CHAINS, genotype, (3, 8, 8), len(task.classes), recipe, 1)
    assert isinstance(network, ChainNetwork)
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    data, expected = Data.of(task, recipe, torch.device("cpu")), []
    for layers in (1, 2, 3, 4):
        own = prefix_seed(1, layers)
        torch.manual_seed(int(np.random.default_rng(np.random.SeedSequence(own, spawn_key=(0,))).integers(2**63)))
        prefix = network.prefix(layers) if layers < 4 else network
        (*_, (last,)) = Training(prefix, lambda x, net=prefix: net(x)[None], data, recipe, own).epochs()  # type: ignore[misc]
        expected.append(last._replace(epoch=layers))
    assert same(prefixes(task, recipe, seed=1), expected)


def test_weights_are_kept_from_prefix_to_prefix(noise: Any) -> None:
    """At a learning rate of nearly nothing the trained chain is the untrained one; at a real one every layer has moved."""
    task, genotype = noise(), CHAINS.from_string(CHAIN)
    still = replace(TINY, rate=1e-12, weight_decay=0.0)
    first = initial_network(CHAINS, genotype, (3, 8, 8), 4, TINY, 0)
    assert isinstance(first, ChainNetwork)
    for recipe, moved in ((still, False), (TINY, True)):
        trained = train_incremental(CHAINS, genotype, task, recipe, 0)
        for (name, one), other in zip(first.named_parameters(), trained.parameters(), strict=True):
            assert torch.allclose(one, other, atol=1e-9) != moved, name


def test_prefixes_of_digits_get_better(digits: Any) -> None:
    recipe = Recipe(epochs=3, batch=64, width=4, cells=1, resolution=8, incremental=True)
    seen = prefixes(digits, recipe, "conv3x3-w1-s1,conv3x3-w2-s1,conv3x3-w4-s2,res-w4-s1")
    assert seen[-1].val_accuracy > 85
    assert seen[-1].test_accuracy > 85
    assert seen[-1].val_accuracy > seen[0].val_accuracy + 20
    assert seen[-1].train_loss < seen[0].train_loss


def test_a_prefix_that_diverges_ends_the_training(noise: Any) -> None:
    seen: list[Epoch] = []
    wild = replace(TINY, rate=1e30)
    with pytest.raises(Diverged, match="prefix 1 of 4"):
        train(CHAINS, CHAINS.from_string(CHAIN), noise(), wild, 0, report=seen.append)
    assert seen == []


def test_several_are_trained_one_after_another(noise: Any) -> None:
    task, seen = noise(), []
    chains = ["max-s1", "conv3x3-w2-s1,skip1"]
    genotypes = np.stack([CHAINS.from_string(chain) for chain in chains])
    assert train_stack(CHAINS, genotypes, task, TINY, [0, 1], report=lambda i, row: seen.append((i, row))) == {}
    for i, chain in enumerate(chains):
        assert same([row for j, row in seen if j == i], prefixes(task, chain=chain, seed=i))
    assert stack_size(replace(TINY, width=1)) == 1


def test_a_space_without_prefixes_is_refused(noise: Any) -> None:
    cells = space("nasbench201")
    with pytest.raises(WarmnasError, match="nasbench201: its networks are no chains"):
        train(cells, cells.from_string("333333"), noise(), TINY, 0)


def test_images_that_are_not_the_recipe_s_are_refused(noise: Any) -> None:
    with pytest.raises(WarmnasError, match="resolution is 16 x 16"):
        prefixes(noise(), replace(TINY, resolution=16))
