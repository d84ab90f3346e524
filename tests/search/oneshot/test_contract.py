"""What every one-shot method promises; a new one is tested by being registered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from warmnas.bench import UnknownName, WarmnasError
from warmnas.search.oneshot import Diverged, make_method, methods
from warmnas.search.oneshot import loop as engine

# Those that draw architectures without learning from which, and those whose architecture parameters stay as they are.
UNMOVED = ("rsps", "spos", "darts-pt-fixed", "bender", "once-for-all", "nao-ws")


class Killed(Exception):
    pass


def kill(epoch, row):
    raise Killed


@pytest.mark.parametrize("name", [*methods, "robust-darts[variant=ada,products=2]"])
def test_killed_on_other_validation_images_it_still_ends_with_the_same_cell(name, run, noisy, tmp_path):
    """Equal seeds give equal cells, a resumed search is the search, and no decision reads what judges the cell."""
    whole = run(name)
    space = whole.search.space
    assert space.valid(whole.genotype[None])[0]
    np.testing.assert_array_equal(space.from_string(whole.cell), whole.genotype)
    assert whole.skips == whole.search.layout.skips(whole.genotype)
    assert 0 <= whole.accuracy <= 100
    assert len(whole.history) == 2 or whole.stopped
    assert all(np.isfinite(row["loss"]) for row in whole.history)
    assert name in UNMOVED or whole.alpha_change is None or whole.alpha_change > 0
    assert name != "rsps" or whole.alpha_change is None
    with pytest.raises(Killed):
        run(name, noisy, folder=tmp_path, report=kill)
    assert (tmp_path / "checkpoint.pt").is_file()
    resumed = run(name, noisy, folder=tmp_path)
    assert not list(tmp_path.iterdir())
    assert resumed.cell == whole.cell
    assert resumed.alpha_change == whole.alpha_change
    assert resumed.history == whole.history
    for (key, one), other in zip(
        whole.search.supernet.state_dict().items(), resumed.search.supernet.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other), key


@pytest.mark.parametrize("name", ["darts-2nd", "gdas", "enas", "setn", "fair-darts"])
def test_spaces_of_two_cells(name, run):
    found = run(name, of="darts-s3", epochs=1, batch=16)
    assert found.search.space.valid(found.genotype[None])[0]
    assert found.cell.startswith("Genotype(normal=")


def test_partial_channels_on_darts(run):
    assert run("pc-darts[k=2]", of="darts-s3", epochs=1).alpha_change > 0


def test_too_few_images(run):
    with pytest.raises(WarmnasError, match="34 training images make halves of 17, fewer than a batch of 18"):
        run("darts", batch=18)


def test_a_space_without_supernet(run):
    with pytest.raises(WarmnasError, match="chain has no supernet"):
        run("darts", of="chain")


def test_partial_channels_need_channels(run):
    with pytest.raises(WarmnasError, match="width: 4 channels in 3 parts"):
        run("pc-darts[k=3]")


def test_names_and_options():
    with pytest.raises(UnknownName, match="did you mean 'gdas'"):
        make_method("gdass")
    with pytest.raises(UnknownName, match="option of darts 'skips'"):
        make_method("darts[skips=1]")
    with pytest.raises(WarmnasError, match="wrong value"):
        make_method("darts[skip=maybe]")


def test_a_loss_that_is_not_finite_leaves_the_last_good_state(run, tmp_path, monkeypatch):
    step, calls = engine.weights_step, []

    def spoil(search, images, labels, rate=None):
        calls.append(1)
        if search.epoch == 1:
            images = images * float("nan")
        return step(search, images, labels, rate)

    monkeypatch.setattr(engine, "weights_step", spoil)
    with pytest.raises(Diverged, match="epoch 2"):
        run("rsps", folder=tmp_path)
    kept = torch.load(tmp_path / "checkpoint.pt", weights_only=True)
    assert kept["search"]["epoch"] == 1
    assert all(bool(v.isfinite().all()) for v in kept["search"]["supernet"].values())
    monkeypatch.undo()
    assert run("rsps", folder=tmp_path).cell == run("rsps").cell


def test_a_checkpoint_of_another_search_is_refused(run, tmp_path):
    with pytest.raises(Killed):
        run("rsps", folder=tmp_path, report=kill)
    with pytest.raises(WarmnasError, match="another seed"):
        run("rsps", folder=tmp_path, seed=4)
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(WarmnasError, match="does not read"):
        run("rsps", folder=tmp_path)


def test_different_seeds_are_different_searches(run):
    assert run("rsps", epochs=1).history != run("rsps", epochs=1, seed=4).history


def test_validation_images_judge(run, tiny, noisy):
    assert run("rsps", tiny, epochs=1).accuracy != run("rsps", replace(noisy, test=tiny.test), epochs=1).accuracy
