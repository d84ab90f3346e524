"""One network: it learns what there is to learn and nothing else, repeats itself, and says when it failed."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from warmnas.bench import WarmnasError
from warmnas.bench.spaces.nasbench201 import NASBench201Space
from warmnas.metadata.training import Diverged, Epoch, OutOfMemory, Recipe, costs, stack_size, train
from warmnas.metadata.training.loop import guarded

CELLS = NASBench201Space()
BEST = "|nor_conv_3x3~0|+|nor_conv_3x3~0|nor_conv_3x3~1|+|skip_connect~0|nor_conv_1x1~1|nor_conv_3x3~2|"
TINY = Recipe(epochs=2, batch=8, width=2, cells=1, resolution=8)


def epochs(task: Any, recipe: Recipe, cell: str = "333333", seed: int = 0) -> list[Epoch]:
    seen: list[Epoch] = []
    train(CELLS, CELLS.from_string(cell), task, recipe, seed, report=seen.append)
    return seen


@pytest.mark.parametrize(
    ("cell", "params", "millions"), [("333333", 1_531_546, 220.12), (BEST, 1_073_466, 153.27), ("000000", 73_306, 7.78)]
)
def test_costs_are_those_of_the_benchmark(cell: str, params: int, millions: float) -> None:
    before = torch.random.get_rng_state()
    counted, flops = costs(CELLS, CELLS.from_string(cell), (3, 32, 32), 10, Recipe())
    assert counted == params
    assert round(flops / 1e6, 2) == millions
    assert torch.equal(before, torch.random.get_rng_state())


def test_costs_count_edges_that_no_path_uses() -> None:
    idle, none = (costs(CELLS, CELLS.from_string(cell), (3, 8, 8), 10, TINY) for cell in ("333000", "000000"))
    stages = [(2, 8), (4, 4), (8, 2)]  # width, side
    assert idle[0] - none[0] == 3 * sum(9 * c * c + 2 * c for c, _ in stages)
    assert idle[1] - none[1] == 3 * sum(9 * c * c * side**2 for c, side in stages)


def test_digits_are_learned(digits: Any) -> None:
    seen = epochs(digits, Recipe(epochs=4, batch=64, width=4, cells=1, resolution=8), "333133")
    assert [e.epoch for e in seen] == [1, 2, 3, 4]
    assert seen[-1].val_accuracy > 80
    assert seen[-1].test_accuracy > 80
    assert seen[-1].train_loss < seen[0].train_loss
    assert all(e.seconds > 0 for e in seen)


def test_random_labels_give_chance(noise: Any) -> None:
    task = noise((256, 1000, 1000), classes=4)
    last = epochs(task, replace(TINY, epochs=6, batch=32, width=4))[-1]
    assert abs(last.val_accuracy - 25) < 6  # four standard errors of 1,000 images
    assert abs(last.test_accuracy - 25) < 6
    assert last.train_accuracy > last.val_accuracy


def test_constant_images_give_chance(noise: Any) -> None:
    task = noise((64, 100, 100), classes=4)
    grey = [replace(part, images=np.full_like(part.images, 77)) for part in (task.train, task.val, task.test)]
    task = replace(task, train=grey[0], val=grey[1], test=grey[2])
    last = epochs(task, TINY)[-1]
    assert np.isfinite(last.train_loss)
    share = np.bincount(task.val.labels, minlength=4)  # one class is named for all
    assert last.val_accuracy in share * (100 / len(task.val.labels))


def test_a_training_repeats_itself_and_leaves_random_states_alone(noise: Any) -> None:
    task = noise(flip=True, crop=True)
    torch.manual_seed(5)
    before = torch.random.get_rng_state()
    first, again, other = (epochs(task, TINY, seed=s) for s in (3, 3, 4))
    assert torch.equal(before, torch.random.get_rng_state())
    assert [e[:-1] for e in first] == [e[:-1] for e in again]
    assert first[-1][:-1] != other[-1][:-1]


def test_divergence_is_raised_after_what_was_reported(noise: Any) -> None:
    seen: list[Epoch] = []
    recipe = replace(TINY, epochs=30, rate=1e9)
    with pytest.raises(Diverged, match=r"in epoch \d+ of 30"):
        train(CELLS, CELLS.from_string("333333"), noise(), recipe, 0, report=seen.append)
    assert len(seen) < 30
    assert all(np.isfinite(e.train_loss) for e in seen)


@pytest.mark.parametrize("side", [1, 2, 3, 8])
@pytest.mark.parametrize("images", [2, 8, 17])
def test_small_images_and_a_last_image_alone(noise: Any, images: int, side: int) -> None:
    task = noise((images, 4, 4), side=side, classes=2, crop=True)
    assert len(epochs(task, replace(TINY, resolution=side))) == 2


@pytest.mark.parametrize("cell", ["000000", "000100", "300000", "444444"])
def test_cells_without_convolutions_or_paths_are_trained(noise: Any, cell: str) -> None:
    assert len(epochs(noise(), TINY, cell)) == 2


def test_images_that_are_not_what_the_recipe_says_are_refused(noise: Any) -> None:
    with pytest.raises(WarmnasError, match="images of 8 x 8, but the recipe's resolution is 16 x 16"):
        epochs(noise(), replace(TINY, resolution=16))
    with pytest.raises(WarmnasError, match="24 training images, but the recipe's train_size is 10"):
        epochs(noise(), replace(TINY, train_size=10))
    with pytest.raises(WarmnasError, match="no images in test"):
        epochs(noise((24, 8, 0)), TINY)


def test_memory_that_ran_out_has_its_own_error() -> None:
    with pytest.raises(OutOfMemory, match="allocate"), guarded():
        torch.empty(2**60, dtype=torch.uint8)
    with pytest.raises(OutOfMemory, match="CUDA"), guarded():
        raise torch.OutOfMemoryError("CUDA out of memory")
    with pytest.raises(RuntimeError, match="other"), guarded():
        raise RuntimeError("other")


def test_stacks_are_for_small_images_on_a_cpu() -> None:
    assert stack_size(Recipe()) == 1
    assert stack_size(Recipe(width=16, resolution=16)) == 1
    assert stack_size(Recipe(width=8, resolution=8)) > 1


def test_the_recipe_needs_no_torch() -> None:
    statement = "import warmnas.metadata; from warmnas.metadata.training import Recipe"
    code = f"import sys; {statement}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd="/")
