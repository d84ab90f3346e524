"""Workers of a live search over a real Ray on this machine: they train, stop when told, and are replaced when they die."""

from __future__ import annotations

from pathlib import Path

import live_standins as standins
import numpy as np
import pytest
from live_standins import SPACE, TASK, Inline, Maker, outcome, row_of

from warmnas.bench import WarmnasError
from warmnas.search.live.cluster import RayCrew

NAMES = [SPACE.to_string(SPACE.from_index(np.array(number))) for number in (7777, 8888)]


@pytest.fixture(scope="module")
def ray():
    ray = pytest.importorskip("ray", reason="the extra [ray] is not installed")
    try:
        environment = {"env_vars": {"PYTHONPATH": str(Path(__file__).parent)}}
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, runtime_env=environment)
    except Exception as error:
        pytest.skip(f"no local Ray can be started here: {error}")
    yield ray
    ray.shutdown()


def test_an_actor_that_dies_is_replaced(ray, tmp_path):
    notes: list[str] = []
    maker = Maker(failures={NAMES[0]: "dies once"}, log=str(tmp_path / "log"))
    crew = RayCrew("auto", {TASK.hash: TASK}, 2, "cpu", maker)
    genotypes = np.stack([SPACE.from_string(name) for name in NAMES])
    try:
        result = standins.evaluator(crew, tmp_path, note=notes.append).evaluate(genotypes[None])
    finally:
        crew.close()
    assert result.values.tolist() == [[row_of(name, 4).val_accuracy for name in NAMES]]
    assert len(notes) == 1
    assert "was replaced" in notes[0]
    assert len((tmp_path / "log").read_text().splitlines()) == 8  # the checkpoint spared the epoch before the death


def test_a_search_with_a_stopper_over_ray(ray, tmp_path):
    for folder in ("ray", "here"):
        (tmp_path / folder).mkdir()
    crew = RayCrew("auto", {TASK.hash: TASK}, 2, "cpu", Maker())
    try:
        found = outcome(standins.loop(crew, tmp_path / "ray", budget=5, stopper="successive-halving").run())
    finally:
        crew.close()
    assert found == outcome(standins.loop(Inline(2), tmp_path / "here", budget=5, stopper="successive-halving").run())


def test_no_cluster_is_one_line():
    pytest.importorskip("ray", reason="the extra [ray] is not installed")
    import ray

    if ray.is_initialized():
        pytest.skip("a cluster is here")
    with pytest.raises(WarmnasError, match=r"no Ray cluster at --ray 127\.0\.0\.1:1"):
        RayCrew("127.0.0.1:1", {}, 1, "cpu")
