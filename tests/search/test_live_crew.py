"""Workers as processes: they train, die, run out of disk; the evaluator has the face of every evaluator."""

from __future__ import annotations

import live_standins as standins
import numpy as np
import pytest
from live_standins import SPACE, TASK, Broken, FullDisk, Inline, Maker, row_of

from warmnas.metadata.experiments import ExperimentStore, StoreUnavailable
from warmnas.metadata.experiments.taskfile import TaskFile
from warmnas.metadata.training.recipe import Epoch
from warmnas.search.live.crew import Processes
from warmnas.search.live.evaluator import Failure

NAMES = [SPACE.to_string(SPACE.from_index(np.array(number))) for number in (7777, 8888, 9999)]
GENOTYPES = np.stack([SPACE.from_string(name) for name in NAMES])


@pytest.fixture
def tasks():
    file = TaskFile({TASK.hash: TASK})
    yield file
    file.close()


def finals(names):
    return [row_of(name, 4).val_accuracy for name in names]


def test_an_evaluator_like_any_other(tmp_path):
    result = standins.evaluator(Inline(2), tmp_path).evaluate(GENOTYPES[None])
    assert result.values.tolist() == [finals(NAMES)]
    assert result.curves.shape == (1, 3, 4)
    assert np.allclose(result.seconds, 0.04)


def test_the_first_epochs_of_a_schedule(tmp_path):
    evaluator = standins.evaluator(Inline(2), tmp_path)
    short = evaluator.evaluate(GENOTYPES[None, :1], epochs=2)
    assert short.values.tolist() == [[row_of(NAMES[0], 2).val_accuracy]]
    assert evaluator.evaluate(GENOTYPES[None, :1]).values.tolist() == [finals(NAMES[:1])]


def test_a_worker_that_dies_is_replaced_and_one_that_always_dies_is_a_failure(tmp_path, tasks):
    maker = Maker(failures={NAMES[0]: "dies once", NAMES[1]: "dies"}, log=str(tmp_path / "log"))
    notes: list[str] = []
    crew = Processes(tasks, 2, ("cpu",), maker)
    try:
        evaluator = standins.evaluator(crew, tmp_path, note=notes.append)
        result = evaluator.evaluate(GENOTYPES[None, :2])
    finally:
        crew.close()
    assert result.values[0, 0] == finals(NAMES)[0]
    assert np.isnan(result.values[0, 1])
    assert notes == ["a worker died (signal 9) and was replaced"]
    reason = evaluator.store.query("SELECT reason FROM trials WHERE state = 'failed'")
    assert reason == [("crashed: its workers died again and again (signal 9)",)]
    done = [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith(NAMES[0])]
    assert len(done) == 4  # the checkpoint spared the first epoch


def test_a_full_disk_is_one_line_and_the_search_goes_on_later(tmp_path):
    log = str(tmp_path / "log")
    evaluator = standins.evaluator(FullDisk(log), tmp_path)
    evaluator.begin(0, GENOTYPES[0])
    assert isinstance(evaluator.row(0), Epoch)
    with pytest.raises(StoreUnavailable, match="No space left on device; what was recorded is safe: make room"):
        [evaluator.row(0) for _ in range(3)]
    evaluator.close()
    assert standins.evaluator(Inline(1), tmp_path).evaluate(GENOTYPES[None, :1]).values.tolist() == [finals(NAMES[:1])]


def test_a_crash_has_its_reason(tmp_path):
    evaluator = standins.evaluator(Inline(1, Broken()), tmp_path)
    evaluator.begin(0, GENOTYPES[0])
    assert evaluator.row(0) == Failure("crashed: ZeroDivisionError: division by zero")


def test_what_another_search_trains_is_waited_for(tmp_path):
    """The other search is this process under another connection; it finishes while this one waits."""
    notes: list[str] = []
    first = standins.evaluator(Inline(1), tmp_path)
    first.begin(0, GENOTYPES[0])
    rows = [first.row(0)]
    log = tmp_path / "second"
    second = standins.evaluator(Inline(1, Maker(log=str(log))), tmp_path, note=notes.append)
    second.begin(0, GENOTYPES[0])
    assert second.row(0, until=0.0) is None
    rows += [first.row(0) for _ in range(3)]
    found = [second.row(0) for _ in range(4)]
    assert all(isinstance(row, Epoch) for row in rows + found)
    assert [row[:4] for row in found] == [row[:4] for row in rows]
    assert notes == ["another search trains one of these architectures; waiting for it"]
    assert not log.exists()


def test_stopped_epochs_stay_in_the_store(tmp_path):
    evaluator = standins.evaluator(Inline(1), tmp_path, ask=True)
    evaluator.begin(0, GENOTYPES[0])
    evaluator.row(0)
    evaluator.go_on(0)
    evaluator.row(0)
    evaluator.end(0)
    store = ExperimentStore(tmp_path / "store.db")
    assert store.query("SELECT state, COUNT(epoch) FROM trials JOIN epochs ON trial = number") == [("left", 2)]
    store.close()
