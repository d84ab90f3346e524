"""CSV and Parquet of a stranger: what is inferred, what is said, what is refused."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from warmnas.bench import Split, SplitAbsent, Table, WarmnasError
from warmnas.bench.exporting import export, long_form
from warmnas.bench.readers import Options, import_file
from warmnas.cli import main

FIRST, SECOND = "334131", "421211"


def test_a_wide_file_says_itself_what_it_holds(csv, table_of):
    path = csv(
        "arch,c10_val12,c10_val200_s0,c10_val200_s1,c10_test200,n", f"{FIRST},70,90,92,91,1", f"{SECOND},60,80,,79,2"
    )
    table = table_of(path)
    assert table.space.name == "nasbench201"
    assert table.tasks == ("c10",)
    assert table.value("c10", FIRST) == 91.0  # the longest schedule, mean over the seeds
    assert table.value("c10", SECOND) == 80.0  # over those that are there
    assert table.schedule_values("c10", 12).tolist() == [70.0, 60.0]
    assert table.value("c10", FIRST, Split.TEST) == 91.0
    assert table.query("c10", FIRST, 12)["values"] == {"val": {"mean": {"12": 70.0}}, "test": {}}


def test_what_was_inferred_is_said(csv):
    notes = import_file(csv("arch,c10_val200,time", f"{FIRST},70,9"), "csv").notes
    assert "c10_val200 = val_accuracy, task c10, schedule 200" in notes
    assert "space = nasbench201" in notes
    assert any("no schedule is said for time" in note for note in notes)


def test_a_long_file_with_seeds_and_epochs(csv, table_of):
    lines = ["dataset,genotype,seed,epoch,valid_acc,train_time"]
    lines += [f"cora,{cell},{seed},{e},{10 * seed + e},2" for cell in (FIRST, SECOND) for seed in (1, 2) for e in (1, 2, 3)]
    table = table_of(csv(*lines))
    assert table.seeds == ("1", "2")
    assert table.epochs == 3
    assert table.query("cora", FIRST)["values"]["val"]["2"] == {"1": 21.0, "2": 22.0, "3": 23.0}
    assert table.training_seconds("cora").tolist() == [6.0, 6.0]


def test_a_file_with_a_line_per_metric(csv, table_of):
    path = csv("arch,metric,value,task", f"{FIRST},val_acc,0.5,a", f"{FIRST},test_acc,0.4,a", f"{SECOND},val_acc,0.3,b")
    table = table_of(path)
    assert table.splits["a"].keys() == {"val", "test"}
    assert table.value("a", FIRST, "test") == 0.4
    with pytest.raises(SplitAbsent):
        table.value("b", SECOND, "test")


def test_fractions_become_percent_where_all_are(csv, table_of):
    assert table_of(csv("arch,val", f"{FIRST},0.9", f"{SECOND},1")).value("stranger", FIRST) == 90.0
    assert table_of(csv("arch,val", f"{FIRST},0.9", f"{SECOND},2")).value("stranger", FIRST) == 0.9


def test_repeated_lines_are_repeated_trainings(csv):
    result = import_file(csv("arch,val", f"{FIRST},50", f"{FIRST},52", f"{SECOND},60"), "csv")
    assert result.table.seed_values("stranger")[0].tolist() == [50.0, 52.0]
    assert any("repeated trainings" in note for note in result.notes)


def test_the_same_cell_written_in_two_ways_is_one_architecture(csv, table_of):
    same = "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|"
    assert len(table_of(csv("arch,a_val,b_val", f"{FIRST},50,", f"{same},,60")).names) == 1


def test_two_values_for_one_place_are_a_contradiction(csv, refused):
    path = csv("arch,seed,val", f"{FIRST},1,50", f"{FIRST},1,51")
    assert "two different values" in refused(path, "csv")
    assert "334131" not in refused(path, "csv")  # it is named as the field names it
    assert table_equal(csv("arch,seed,val", f"{FIRST},1,50", f"{FIRST},1,50"))


def table_equal(path) -> bool:
    return import_file(path, "csv").table.value("stranger", FIRST) == 50.0


def test_a_task_without_validation_is_left_out_and_said(csv):
    result = import_file(csv("arch,a_val,a_old_test", f"{FIRST},50,60"), "csv")
    assert result.table.tasks == ("a",)
    assert any("a_old_test is left out" in note for note in result.notes)


def test_errors_are_minimised_where_the_metric_says_so(csv):
    path = csv("arch,val", f"{FIRST},3", f"{SECOND},5")
    table = import_file(path, "csv", Options(map=("val=val",), metric="error:minimize")).table
    assert table.metrics["stranger"].direction == "minimize"
    assert table.optimum("stranger") == 3.0


@pytest.mark.parametrize(
    ("lines", "options", "says"),
    [
        (["arch,val", f"{FIRST},many"], ["--map", "val=val"], "not a number"),
        (["arch,val", f"{FIRST},101"], ["--map", "val=val"], "not in 0..100"),
        (["arch,val", f"{FIRST},inf"], ["--map", "val=val"], "not in 0..100"),
        (["arch,val", f"{FIRST},"], ["--map", "val=val"], "empty"),
        (["arch,val", ",50"], ["--map", "val=val"], "empty"),
        (["arch,val", f"{FIRST},5"], ["--map", "val=none"], "no column 'none'"),
        (["arch,val", f"{FIRST},5"], ["--rename", "x=y"], "no task has that name"),
        (["arch,val", f"{FIRST},5"], ["--rename", "x"], "OLD=NEW"),
        (["arch,val", f"{FIRST},5"], ["--map"], "needs a value"),
        (["arch,val", f"{FIRST},5"], ["--metric", "error:down"], "minimize"),
        (["arch,val", f"{FIRST},5"], ["--space", "nasbench-graph"], "not a NAS-Bench-Graph"),
        (["arch,val", f"{FIRST},5"], ["--space", "nothing"], "unknown search space"),
        (["arch,other", f"{FIRST},5"], [], "no column"),
        (["a,val", "1,5"], [], "looks like architectures"),
        (["arch,val@x", f"{FIRST},5"], ["--map", "val@x=val@x"], "number of epochs"),
        (["arch,epoch,val", f"{FIRST},-1,5"], [], "number of epochs"),
        (["arch,epoch,val", f"{FIRST},1.5,5"], [], "number of epochs"),
        (["arch,val"], [], "no rows"),
        (["arch,metric,value", f"{FIRST},beauty,5"], [], "no quantity"),
        (["arch,test", f"{FIRST},5"], ["--map", "seconds:a=test"], "has no val, test or train"),
        (["arch,a_val,b_val,time", f"{FIRST},5,5,5"], [], "of which task is time?"),
    ],
)
def test_what_does_not_fit_is_one_line(csv, refused, lines, options, says):
    assert says in refused(csv(*lines), "csv", *options)


def test_arrays_beyond_memory_are_refused(csv, refused):
    lines = ["arch,task,seed,epoch,val"] + [f"{FIRST},t{i},{i},{i},5" for i in range(1500)]
    assert "GiB" in refused(csv(*lines), "csv")


def test_an_import_never_leaves_half_a_table(csv, tmp_path, capsys):
    path = csv("arch,val", f"{FIRST},50")
    assert main(["bench", "import", str(path), "--format", "csv", "--out", str(tmp_path / "T.txt")]) == 2
    assert main(["bench", "import", str(path), "--format", "csv", "--out", str(path / "T.h5")]) == 2
    assert main(["bench", "import", str(tmp_path / "none.csv"), "--format", "csv", "--out", str(tmp_path / "T.h5")]) == 2
    assert main(["bench", "import", str(path), "--format", "cvs", "--out", str(tmp_path / "T.h5")]) == 2
    assert "did you mean 'csv'" in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["stranger.csv"]


def test_two_commands_from_a_strangers_file_to_a_warm_start(csv, tmp_path, capsys):
    rng = np.random.default_rng(0)
    cells = {"".join(map(str, rng.integers(0, 5, 6))) for _ in range(40)}
    path = csv("cell,a_val,b_val", *(f"{cell},{50 + i},{40 + i}" for i, cell in enumerate(sorted(cells))))
    out = tmp_path / "T.h5"
    assert main(["bench", "import", str(path), "--format", "csv", "--out", str(out), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["tasks"], said["architectures"], said["space"]) == (["a", "b"], len(cells), "nasbench201")
    study = [
        "study",
        "--benchmark",
        str(out),
        "--task",
        "all",
        "--optimizer",
        "random",
        "source-ranking",
        "--runs",
        "3",
        "--source-rows",
        "all",
    ]
    assert main([*study, "--budget", "5", "--out", str(tmp_path / "study"), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    warm = {row["task"]: row["regret"]["1"] for row in rows if row["optimizer"] == "source-ranking"}
    assert warm == {"a": 0.0, "b": 0.0}  # the other task ranks them equally


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_an_exported_table_is_imported_as_it_was(tmp_path_factory, make_table, data):
    seeds, epochs = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 3))
    value = st.floats(0, 100, width=64) | st.just(float("nan"))
    values = np.array(data.draw(st.lists(value, min_size=2 * 4 * seeds * epochs, max_size=2 * 4 * seeds * epochs)))
    values = values.reshape(2, 4, seeds, epochs)
    values[:, 0, 0, -1] = 50.0  # every task, seed and epoch is somewhere
    values[0, 0] = 40.0
    coords = {"seed": list(range(seeds)), "epoch": list(range(1, epochs + 1))}
    table = make_table(values, ("seed", "epoch"), coords=coords)
    folder = tmp_path_factory.mktemp("export")
    ending, form = data.draw(st.sampled_from([(".csv", "csv"), (".csv.gz", "csv"), (".parquet", "parquet")]))
    export(table, folder / f"x{ending}")
    again = import_file(folder / f"x{ending}", form, Options(map=("val=val_accuracy",), name="by-hand")).table
    order = ["task", "architecture", "seed", "epoch"]
    frames = [long_form(t).sort_values(order, ignore_index=True) for t in (again, table)]
    assert frames[0].equals(frames[1])


def test_export_by_the_ending_of_the_name(make_table, tmp_path, capsys):
    table = make_table(np.arange(8.0).reshape(2, 4), test=np.arange(8.0).reshape(2, 4) + 1)
    table.save(tmp_path / "T.h5")
    for ending in (".csv", ".csv.gz", ".parquet", ".h5"):
        assert main(["bench", "export", str(tmp_path / "T.h5"), "--out", str(tmp_path / f"x{ending}")]) == 0
    frames = [pd.read_csv(tmp_path / "x.csv"), pd.read_csv(tmp_path / "x.csv.gz"), pd.read_parquet(tmp_path / "x.parquet")]
    assert all(len(frame) == 8 and (frame.test_accuracy == frame.val_accuracy + 1).all() for frame in frames)
    assert Table.open(tmp_path / "x.h5").hash == Table.open(tmp_path / "T.h5").hash
    assert main(["bench", "export", str(tmp_path / "T.h5"), "--out", str(tmp_path / "x.xls")]) == 2
    assert main(["bench", "export", str(tmp_path / "T.h5"), "--out", str(tmp_path / "x.csv" / "y.csv")]) == 2
    assert not list(tmp_path.glob("*.part"))
    capsys.readouterr()


def test_equal_tables_export_to_equal_bytes(make_table, tmp_path):
    table = make_table(np.arange(8.0).reshape(2, 4))
    for name in ("a.csv.gz", "b.csv.gz"):
        export(table, tmp_path / name)
    assert (tmp_path / "a.csv.gz").read_bytes() == (tmp_path / "b.csv.gz").read_bytes()


def test_names_of_no_known_space_are_choices_of_a_categorical_one(csv, tmp_path):
    path = csv("model,a_val,b_val", "resnet-50,70,60", "vgg-16,60,50", "mobilenet,65,55")
    result = import_file(path, "csv")
    assert any("no known space" in note for note in result.notes)
    result.table.save(tmp_path / "T.h5")
    table = Table.open(tmp_path / "T.h5")
    assert (table.space.name, table.names) == ("categorical", ["resnet-50", "vgg-16", "mobilenet"])
    assert table.value("b", "vgg-16") == 50.0
    with pytest.raises(WarmnasError):
        table.value("b", "alexnet")


def test_the_real_table_gives_the_published_optima(shared_tables):
    maps = (
        "val:{task}@12={task}_val12",
        "val:{task}@200#{seed}={task}_val200_s{seed}",
        "test:{task}@200={task}_test200",
        "seconds:{task}@12={task}_train_time_s*12/200",
    )
    table = import_file(shared_tables / "nasbench201.csv.gz", "csv", Options(map=maps)).table
    assert [round(table.optimum(task, "test"), 3) for task in ("c10", "c100", "in16")] == [94.373, 73.513, 47.311]
    assert [round(table.optimum(task), 3) for task in ("c10", "c100", "in16")] == [91.607, 73.493, 46.733]
    assert table.schedules == (12, 200)
    seconds = table.training_seconds("c10", 12)
    assert seconds is not None
    assert seconds[0] == pytest.approx(1444.2185997962952 * 0.06)


def test_tasks_that_were_trained_for_different_times(csv, table_of):
    """The end of a task's training is its own last epoch, not that of the longest task."""
    lines = ["arch,task,epoch,val,seconds"]
    lines += [f"{FIRST},short,{e},{10 + e},2" for e in (1, 2)] + [f"{FIRST},long,{e},{20 + e},3" for e in (1, 2, 3)]
    table = table_of(csv(*lines))
    assert table.value("short", FIRST) == 12.0
    assert table.value("long", FIRST) == 23.0
    for task, expected in (("short", 4.0), ("long", 9.0)):
        seconds = table.training_seconds(task)
        assert seconds is not None
        assert seconds.tolist() == [expected]


def test_ends_of_tasks_that_were_trained_for_different_times(csv, tmp_path):
    lines = ["arch,task,epoch,val"]
    lines += [f"{FIRST},short,{e},{10 + e}" for e in (1, 2)] + [f"{FIRST},long,{e},{20 + e}" for e in (1, 2, 3)]
    out = tmp_path / "T.h5"
    assert main(["bench", "import", str(csv(*lines)), "--format", "csv", "--out", str(out), "--last-epoch"]) == 0
    table = Table.open(out)
    assert (table.value("short", FIRST), table.value("long", FIRST)) == (12.0, 23.0)
    assert table.epochs == 3
    assert "epoch" not in table.data.dims
