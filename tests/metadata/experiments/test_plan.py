"""Plans: what they say, what they draw, and what is wrong with them, before anything is trained."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import standins
from standins import SPACE

from warmnas.bench import WarmnasError, space
from warmnas.metadata.experiments import prepare, read_plan, shipped
from warmnas.metadata.experiments.draw import CLASSES, Draw, architectures
from warmnas.metadata.experiments.plan import Architectures, ExtraSeeds, TaskChoice

CELL = "|nor_conv_1x1~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"  # its first edge leads nowhere
SAME = "|none~0|+|none~0|none~1|+|nor_conv_1x1~0|none~1|none~2|"
ALL = """
name = "all"
space = "nasbench201"
tasks = ["a", { task = "b", train_size = 6, channels = 3, groups = "who.csv" }]
seeds = 2
epochs = 5
extra_seeds = { architectures = 1, seeds = 3 }
[architectures]
uniform = "all"
upper_half = 0
names = ["000000"]
per_task = { uniform = 1, upper_half = 2 }
seed = 3
[recipe]
rate = 0.05
augment = false
"""


def prepared(**architecture_changes):
    changes = {
        key: architecture_changes.pop(key) for key in ("tasks", "seeds", "extra_seeds") if key in architecture_changes
    }
    plan = standins.plan(**changes)
    return prepare(replace(plan, architectures=Architectures(**architecture_changes)), standins.open_task)


def indices(genotypes):
    return SPACE.index(genotypes).tolist()


# --- reading -------------------------------------------------------------------------------------------------------
def test_everything_that_a_plan_may_say(tmp_path):
    (tmp_path / "all.toml").write_text(ALL)
    plan = read_plan(tmp_path / "all.toml")
    assert (plan.name, plan.space, plan.seeds, plan.extra_seeds) == ("all", "nasbench201", 2, ExtraSeeds(1, 3))
    assert plan.tasks == (TaskChoice("a"), TaskChoice("b", train_size=6, channels=3, groups="who.csv"))
    assert plan.architectures == Architectures("all", 0, ("000000",), Draw(1, 2), 3)
    assert (plan.recipe.epochs, plan.recipe.rate, plan.recipe.augment, plan.recipe.batch) == (5, 0.05, False, 256)


def test_numbers_make_many_tasks_of_one_entry(tmp_path):
    entry = '{ task = "b[seed=*,classes=2]", numbers = "3-5", train_size = 9 }'
    (tmp_path / "all.toml").write_text(ALL.replace('["a",', f'["a", {entry},'))
    tasks = read_plan(tmp_path / "all.toml").tasks
    assert [choice.task for choice in tasks] == ["a", *(f"b[seed={i},classes=2]" for i in (3, 4, 5)), "b"]
    assert [choice.train_size for choice in tasks] == [None, 9, 9, 9, 6]


def test_shipped_plans_can_be_read():
    assert "smoke" in shipped()
    for name in shipped():
        assert read_plan(name).name == name


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('tasks = ["a", {', 'tasks = [["a"], {', "tasks[0] must be a task or a table"),
        ("train_size = 6", "train_size = 1", "tasks[1].train_size must be a whole number from 2, not 1"),
        ("train_size = 6", 'numbers = "0-9"', "tasks[1].task needs a * for the numbers"),
        ("train_size = 6", 'numbers = "9-0"', "tasks[1].numbers must be a range such as '0-9', not '9-0'"),
        ("train_size = 6", "numbers = 9", "tasks[1].numbers must be a text, not 9"),
        ("seeds = 2", "seeds = 0", "seeds must be a whole number from 1, not 0"),
        ("seeds = 2", "seeds = 1.5", "seeds must be a whole number from 1, not 1.5"),
        ("seeds = 3", "seed = 3", "unknown key in plan FILE: 'extra_seeds.seed', did you mean 'extra_seeds.seeds'?"),
        ("{ architectures = 1, seeds = 3 }", "3", "extra_seeds must be a table"),
        ('uniform = "all"', 'uniform = "some"', "architectures.uniform must be a whole number from 0, not 'some'"),
        ("uniform = 1,", "uniform = -1,", "architectures.per_task.uniform must be a whole number from 0, not -1"),
        ('names = ["000000"]', "names = [1]", "architectures.names must be a list of texts"),
        ("rate = 0.05", "epochs = 7", "unknown key in plan FILE: 'recipe.epochs'"),
        ("augment = false", "augment = 0", "recipe: augment must be true or false"),
        ('name = "all"', "name = 3", "name must be a text, not 3"),
        ("epochs = 5", "", "epochs is missing"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, old, new, said):
    path = tmp_path / "plan.toml"
    assert old in ALL
    path.write_text(ALL.replace(old, new))
    with pytest.raises(WarmnasError) as raised:
        read_plan(path)
    assert said.replace("FILE", str(path)) in str(raised.value)
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


# --- drawing -------------------------------------------------------------------------------------------------------
def test_draws_are_different_connected_classes():
    drawn = architectures(SPACE, Draw(300, 300), seed=1)
    assert drawn.shape == (600, 6)
    assert len(np.unique(SPACE.index(drawn))) == 600
    assert (SPACE.canonical(drawn) == drawn).all()
    assert SPACE.connected(drawn).all()


def test_the_upper_half_is_the_upper_half():
    everything = architectures(SPACE, Draw("all"), seed=0)
    assert len(everything) == 4929  # all classes but the disconnected one
    params = SPACE.live_params(everything, CLASSES)
    drawn = SPACE.live_params(architectures(SPACE, Draw(0, 200), seed=0), CLASSES)
    assert (drawn > np.median(params)).all()
    uniform = SPACE.live_params(architectures(SPACE, Draw(400), seed=0), CLASSES)
    assert abs((uniform > np.median(params)).mean() - (params > np.median(params)).mean()) < 0.08


def test_the_first_ones_are_a_fair_part():
    uniform = set(indices(architectures(SPACE, Draw(128), seed=0)))
    first = indices(architectures(SPACE, Draw(128, 128), seed=0)[:32])
    assert sum(index in uniform for index in first) == 16


def test_a_longer_list_keeps_the_shorter_one():
    short, long = (set(indices(architectures(SPACE, Draw(n), seed=5))) for n in (50, 90))
    assert short < long
    assert set(indices(architectures(SPACE, Draw(50), seed=6))) != short


def test_too_many_are_refused():
    with pytest.raises(WarmnasError, match="too few"):
        architectures(SPACE, Draw(4930), seed=0)
    with pytest.raises(WarmnasError, match="no live-params"):
        architectures(space("nasbench-graph"), Draw(0, 3), seed=0)


# --- trials --------------------------------------------------------------------------------------------------------
def test_a_function_class_is_trained_once():
    ready = prepared(names=(CELL, SAME, "000000"), uniform=3)
    assert len(ready.trials) == 2 * 5
    assert {trial.genotype for trial in ready.trials[:2]} == {SAME}


def test_common_and_own_architectures():
    ready = prepared(uniform=3, per_task=Draw(2))
    by_task = {task: {t.genotype for t in ready.trials if t.task == task} for task in ("a", "b")}
    assert [len(names) for names in by_task.values()] == [5, 5]
    assert len(by_task["a"] & by_task["b"]) == 3


def test_extra_seeds_go_to_the_first_common_ones():
    ready = prepared(uniform=4, extra_seeds=ExtraSeeds(2, 3))
    assert len(ready.trials) == 2 * (4 + 2 * 2)
    # Two tasks each: architecture 0 with all its seeds, 1, then 2 beside the further seeds of 1, 3.
    assert [trial.seed for trial in ready.trials] == [0, 0, 1, 1, 2, 2, 0, 0, 0, 0, 1, 1, 2, 2, 0, 0]
    assert [trial.task for trial in ready.trials[:4]] == ["a", "b", "a", "b"]


def test_a_task_of_its_own_size():
    ready = prepared(uniform=1, tasks=("a", TaskChoice("b", train_size=6)))
    assert [trial.recipe.train_size for trial in ready.trials] == [None, 6]
    assert [len(task.train.labels) for task in ready.tasks.values()] == [10, 6]
    assert ready.facts[1].options == '{"train_size": 6}'


def test_tasks_are_opened_before_anything_else():
    with pytest.raises(WarmnasError, match="no images"):
        prepared(uniform=1, tasks=("a", "unreadable"))
    with pytest.raises(WarmnasError, match=r"tasks\[1\] 'a' has the images of an earlier task"):
        prepared(uniform=1, tasks=("a", "a"))


def test_equal_plans_have_equal_trials():
    assert prepared(uniform=3).id == prepared(uniform=3).id != prepared(uniform=4).id


def test_at_any_time_what_is_done_is_a_fair_part_of_the_plan():
    ready = prepared(uniform=16, extra_seeds=ExtraSeeds(4, 3))
    total = [sum(trial.seed == seed for trial in ready.trials) for seed in range(3)]
    for done in range(8, len(ready.trials)):
        part = [sum(trial.seed == seed for trial in ready.trials[:done]) for seed in range(3)]
        shares = [some / every for some, every in zip(part, total, strict=True)]
        assert max(shares) - min(shares) < 0.3
