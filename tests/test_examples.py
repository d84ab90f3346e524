"""Every script in examples/ runs against the real libraries where they are installed."""

from __future__ import annotations

import importlib.util
import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("*.py"))
NEEDS = {
    "optuna_study": ("optuna", "cmaes"),
    "ray_cluster": ("ray",),
    "syne_tune_simulation": ("syne_tune", "huggingface_hub"),
}
SECONDS = 2 * 120  # of processor time: two minutes on two cores
LAST_LINE = {
    "own_csv": r"stones   gp              regret after 5: \d\.\d\d, after 20: 0\.\d\d$",
    "own_images": r"Best cell, retrained: 9\d\.\d % on 359 test images$",
    "own_optimizer": r"ImageNet16-120  warm            regret \d\.\d\d \+- ",
    "own_predictor": r"cifar100 live-params \{10: 0\.\d+, ",
    "own_reader": r"mine \('leaves',\) best validation 72\.0 %$",
    "own_space": r"24 architectures, 17 function classes$",
    "ray_cluster": r"2\. Three trainings by two workers; the best, retrained: \d\d\.\d % on test$",
    "simulated_time": r"source-ranking",
    "optuna_study": r"3\. REA as Optuna's sampler: ",
    # Syne Tune's simulator adds the time that its decisions really took, so the number differs by a few.
    "syne_tune_simulation": r"2\. [34]\d trainings by four simulated workers in 40,000 s; best validation \d\d\.\d",
}


def test_every_example_is_expected_to_end_with_something() -> None:
    assert [path.stem for path in EXAMPLES] == sorted(LAST_LINE)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_the_example_runs(path: Path, tmp_path: Path) -> None:
    for module in NEEDS.get(path.stem, ()):
        if importlib.util.find_spec(module) is None:
            pytest.skip(f"{module} is not installed: pip install 'warmnas[optuna,ray,syne-tune]'")
    before = processor_seconds()
    run = subprocess.run(
        [sys.executable, str(path)],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    assert re.match(LAST_LINE[path.stem], run.stdout.splitlines()[-1])
    # Ray itself may leave a folder of that name where it was started.
    assert [left for left in tmp_path.iterdir() if left.name != ".ray"] == [], "an example leaves nothing behind"
    assert processor_seconds() - before < SECONDS


def processor_seconds() -> float:
    """What all ended children of this process have taken."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
