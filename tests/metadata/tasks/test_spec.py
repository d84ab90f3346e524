"""Names of tasks and subsets of classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from warmnas.bench import WarmnasError
from warmnas.metadata.tasks import open_task
from warmnas.metadata.tasks.keys import digests
from warmnas.metadata.tasks.spec import parse


@given(seed=st.integers(0, 10**6), of=st.integers(1, 10), total=st.integers(20, 120))
def test_parts_of_the_classes_have_none_in_common_and_leave_none_out(seed, of, total):
    parts = [parse(f"name[seed={seed},part={i},of={of}]").choose("name", total) for i in range(1, of + 1)]
    assert sorted(np.concatenate(parts).tolist()) == list(range(total))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_a_draw_from_a_part_stays_in_it():
    held, rest = (set(parse(f"c[part={part},of=5]").choose("c", 100).tolist()) for part in ("1", "2-5"))
    assert (len(held), len(rest)) == (20, 80)
    assert not held & rest
    draws = [parse(f"c[part=2-5,of=5,draw={i},classes=10]").choose("c", 100).tolist() for i in range(20)]
    assert all(len(set(draw)) == 10 and set(draw) <= rest for draw in draws)
    assert len({tuple(sorted(draw)) for draw in draws}) == 20


def test_subsets_are_tasks_of_one_family_and_agree_about_the_parts(write_npz, pictures):
    x, y = pictures(600), np.arange(600) % 12
    path = str(write_npz("things.npz", x=x, y=y))
    whole, one, other = (open_task(path + end) for end in ("", "[seed=7,classes=8]", "[seed=8,classes=8]"))
    assert (one.name, one.family, len(one.classes)) == ("things[seed=7,classes=8]", "things", 8)
    assert one.classes != other.classes
    assert set(one.train.labels) == set(range(8))
    for task in (one, other):
        for part in ("train", "val", "test"):
            assert set(digests(getattr(task, part).images)) <= set(digests(getattr(whole, part).images))
    names = dict(zip(digests(x), y.astype(str), strict=True))
    assert all(names[c] == one.classes[i] for c, i in zip(digests(one.val.images), one.val.labels, strict=True))


def test_the_order_of_options_does_not_matter_and_augmentation_can_be_said(write_npz, pictures):
    path = str(write_npz("things.npz", x=pictures(80), y=np.arange(80) % 4))
    task = open_task(path + "[classes=3, seed=1, flip=yes, crop=no]")
    assert task.name == "things[seed=1,classes=3,flip=yes,crop=no]"
    assert (task.flip, task.crop) == (True, False)
    assert open_task(path).flip is False


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("clases=3", "did you mean 'classes'"),
        ("", "unknown option"),
        ("classes", "classes has no value"),
        ("seed=1,classes=3,classes=4", "classes is said twice"),
        ("classes=x", "whole number, not 'x'"),
        ("classes=-3", "whole number, not '-3'"),
        ("classes=1", "needs two"),
        ("classes=99", "classes=99, but there are 10"),
        ("seed=1", "say how many"),
        ("part=1", "belong together"),
        ("part=0,of=5", "part is from 1 to 5"),
        ("part=6,of=5", "part is from 1 to 5"),
        ("part=3-2,of=5", "part is from 1 to 5"),
        ("part=1,of=6", "10 classes in 6 parts"),
        ("part=1,of=2,classes=6", "classes=6, but there are 5"),
        ("draw=1,classes=3", "draw needs"),
        ("flip=maybe", "yes or no"),
        ("val=100", "val is from 1 to 90"),
        ("classes=[3]", "not of the form"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(WarmnasError, match=message.replace("(", r"\(")) as caught:
        open_task(f"digits[{options}]")
    assert "\n" not in str(caught.value)
    assert "digits" in str(caught.value)


@pytest.mark.parametrize("spec", ["", "   ", "[classes=3]", "digits[classes=3", "digits]"])
def test_what_is_no_name_is_refused(spec):
    with pytest.raises(WarmnasError):
        open_task(spec)


def test_an_unknown_name_is_met_with_the_known_ones():
    with pytest.raises(WarmnasError, match=r"did you mean 'digits'.*WARMNAS_DATA"):
        open_task("digitz")
    with pytest.raises(WarmnasError, match=r"no file or folder sets/none\.npz"):
        open_task("sets/none.npz")
    with pytest.raises(WarmnasError):
        open_task("x" * 5_000)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"resolution": 0}, "resolution=0"), ({"resolution": 10**6}, "resolution="), ({"channels": 2}, "channels=2")],
)
def test_sizes_that_make_no_sense_are_refused(arguments, message):
    with pytest.raises(WarmnasError, match=message):
        open_task("digits", **arguments)
