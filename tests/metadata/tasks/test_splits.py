"""Splits: disjoint, complete, stratified, fixed by content, with groups and copies on one side."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from warmnas.bench import WarmnasError
from warmnas.metadata.tasks import ImageTask, open_task
from warmnas.metadata.tasks.keys import digests, keys
from warmnas.metadata.tasks.source import FREE, TEST, TRAIN, VAL
from warmnas.metadata.tasks.splits import split

quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
counts = st.lists(st.integers(3, 60), min_size=2, max_size=6)


def chance(n: int, seed: int = 0) -> np.ndarray:
    return keys([str(i).encode() for i in range(n)], "test", seed)


def contents(task: ImageTask) -> dict[str, set[bytes]]:
    return {name: set(digests(getattr(task, name).images)) for name in ("train", "val", "test")}


@quick
@given(counts=counts, seed=st.integers(0, 99))
def test_every_image_is_in_one_part_and_every_class_has_its_share(counts, seed):
    labels = np.repeat(np.arange(len(counts)), counts)
    n = len(labels)
    part = split("set", labels, np.full(n, FREE, np.int8), np.arange(n), chance(n, seed))
    assert set(part) <= {TRAIN, VAL, TEST}
    for label, count in enumerate(counts):
        found = {name: int(((part == name) & (labels == label)).sum()) for name in (TRAIN, VAL, TEST)}
        assert found[TRAIN] >= 1
        assert found[VAL] >= 1
        assert abs(found[TEST] - 0.2 * count) <= 1
        assert abs(found[VAL] - 0.25 * (count - found[TEST])) <= 1


@quick
@given(counts=counts, size=st.integers(2, 5), seed=st.integers(0, 99))
def test_groups_are_whole_and_every_class_is_trained_on(counts, size, seed):
    labels = np.repeat(np.arange(len(counts)), np.array(counts) + 3 * size)
    n = len(labels)
    groups = np.random.default_rng(seed).integers(0, max(4, n // size), n)
    part = split("set", labels, np.full(n, FREE, np.int8), groups, chance(n, seed))
    assert len(np.unique(np.stack([groups, part], 1), axis=0)) == len(np.unique(groups))
    assert set(labels[part == TRAIN]) == set(labels)
    assert (part == VAL).any()
    assert (part == TEST).any()


@pytest.mark.parametrize("speakers", [3, 4, 6, 10])
def test_few_groups_of_one_size_fill_all_parts(speakers):
    labels, groups = np.tile(np.arange(10), 10 * speakers), np.repeat(np.arange(speakers), 100)
    n = len(labels)
    part = split("set", labels, np.full(n, FREE, np.int8), groups, chance(n))
    found = {name: len(set(groups[part == name])) for name in (TRAIN, VAL, TEST)}
    assert sum(found.values()) == speakers
    assert min(found.values()) >= 1
    assert abs(found[TEST] - 0.2 * speakers) <= 1


def test_a_single_image_beside_three_large_groups_is_no_part():
    labels, groups = np.append(np.tile(np.arange(10), 30), 0), np.append(np.repeat(np.arange(3), 100), 3)
    part = split("set", labels, np.full(301, FREE, np.int8), groups, chance(301))
    assert min((part == name).sum() for name in (TRAIN, VAL, TEST)) >= 100


@quick
@given(given_parts=st.sets(st.sampled_from([VAL, TEST])), seed=st.integers(0, 9))
def test_a_given_part_stays_and_what_is_missing_is_cut_from_train(given_parts, seed):
    labels = np.tile(np.arange(3), 60)
    part = np.full(180, TRAIN, np.int8)
    for i, name in enumerate(given_parts):
        part[30 * i : 30 * (i + 1)] = name
    result = split("set", labels, part, np.arange(180), chance(180, seed))
    for name in given_parts:
        assert np.array_equal(result == name, part == name)
    assert {int(name) for name in result} == {TRAIN, VAL, TEST}


@quick
@given(order=st.permutations(range(40)))
def test_the_order_of_the_images_changes_nothing(tmp_path: Path, order):
    rng = np.random.default_rng(5)
    x, y = rng.integers(0, 256, (40, 8, 8), dtype=np.uint8), np.arange(40) % 4
    tasks = []
    for rows in (np.arange(40), np.array(order)):
        np.savez(tmp_path / "set.npz", x=x[rows], y=y[rows])
        tasks.append(open_task(str(tmp_path / "set.npz"), train_size=12))
    assert tasks[0].hash == tasks[1].hash
    assert np.array_equal(tasks[0].train.images, tasks[1].train.images)


def test_calls_agree_and_seeds_and_names_do_not(write_npz, pictures):
    x, y = pictures(60), np.arange(60) % 3
    path = str(write_npz(x=x, y=y))
    first = open_task(path)
    assert first.hash == open_task(path).hash
    assert len({first.hash, open_task(f"{path}[split=1]").hash, open_task(str(write_npz("other.npz", x=x, y=y))).hash}) == 3
    parts = contents(first)
    assert sum(map(len, parts.values())) == 60 == len(set.union(*parts.values()))


def test_a_smaller_training_part_is_part_of_a_larger_one_and_stratified(write_npz, pictures):
    path = str(write_npz(x=pictures(300), y=np.repeat([0, 1, 2], [200, 80, 20])))
    whole, large, small = (open_task(path, train_size=size) for size in (None, 90, 30))
    assert contents(small)["train"] < contents(large)["train"] < contents(whole)["train"]
    assert contents(small)["val"] == contents(whole)["val"]
    shares = np.bincount(whole.train.labels) / len(whole.train)
    assert (np.abs(np.bincount(large.train.labels) - 90 * shares) <= 1).all()
    assert len(open_task(path, train_size=10_000).train) == len(whole.train)
    with pytest.raises(WarmnasError, match="2 images of a part, but it has 3 classes"):
        open_task(path, train_size=2)


def test_what_is_judged_on_may_be_made_smaller(write_npz, pictures):
    path = write_npz(x=pictures(400), y=np.repeat([0, 1], [300, 100]))
    whole, small = open_task(str(path)), open_task(f"{path}[eval=40]")
    assert [len(getattr(small, part)) for part in ("train", "val", "test")] == [240, 40, 40]
    assert np.bincount(small.val.labels).tolist() == [30, 10]
    assert all(contents(small)[part] <= contents(whole)[part] for part in ("train", "val", "test"))
    with pytest.raises(WarmnasError, match="1 images of a part"):
        open_task(f"{path}[eval=1]")


def test_val_may_be_made_larger(write_npz, pictures):
    path = write_npz(x=pictures(200), y=np.arange(200) % 2)
    assert [len(getattr(open_task(f"{path}[val=50]"), part)) for part in ("train", "val", "test")] == [80, 80, 40]


@pytest.mark.parametrize("heading", ["", "group\n"])
def test_groups_of_the_user_stay_together(write_npz, pictures, tmp_path, heading):
    x, speakers = pictures(120), np.arange(120) // 20
    path = write_npz(x=x, y=np.arange(120) % 3)
    (tmp_path / "groups.csv").write_text(heading + "\n".join(f"speaker {s}" for s in speakers) + "\n")
    parts = contents(open_task(str(path), groups=tmp_path / "groups.csv"))
    speaker = dict(zip(digests(x), speakers, strict=True))
    heard = [{speaker[content] for content in part} for part in parts.values()]
    assert sum(map(len, heard)) == 6 == len(set.union(*heard))


def test_groups_of_a_folder_are_named_by_file(write_folder, pictures, tmp_path):
    x = pictures(80)
    path = write_folder({"a": x[:40], "b": x[40:]})
    patients = np.arange(80) % 8
    lines = [f"{'ab'[i // 40]}/{i % 40:03d}.png,p{patients[i]}" for i in np.random.default_rng(0).permutation(80)]
    (tmp_path / "groups.csv").write_text("file,group\n" + "\n".join(lines))
    parts = contents(open_task(str(path), groups=tmp_path / "groups.csv"))
    patient = dict(zip(digests(x), patients, strict=True))
    seen = [{patient[content] for content in part} for part in parts.values()]
    assert sum(map(len, seen)) == 8 == len(set.union(*seen))


def test_groups_of_given_parts_are_kept_in_the_parts_that_are_cut(write_npz, pictures, tmp_path):
    x, y = pictures(120), np.arange(120) % 3
    path = write_npz(x_train=x[:90], y_train=y[:90], x_test=x[90:], y_test=y[90:])
    owner = np.arange(120) % 9
    (tmp_path / "groups.txt").write_text("\n".join(map(str, owner)))
    task = open_task(str(path), groups=tmp_path / "groups.txt")
    of = dict(zip(digests(x), owner, strict=True))
    train, val = ({of[c] for c in contents(task)[part]} for part in ("train", "val"))
    assert not train & val
    assert contents(task)["test"] == set(digests(x[90:]))
    assert any("groups" in note for note in task.notes)
