"""Parts of a study in processes. Each test has a fresh interpreter: processes are forked only where torch is not loaded."""

from __future__ import annotations

import subprocess
import sys
import textwrap

PRELUDE = """
import sys
from warmnas.bench import UnknownName, WarmnasError, open_benchmark
from warmnas.search import Protocol, study
from warmnas.search.workers import run_parts
"""


def run(script: str) -> str:
    code = PRELUDE + textwrap.dedent(script)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_number_of_processes_changes_nothing() -> None:
    assert run("""
        tables = [open_benchmark("nasbench201")]
        specs = ["random", "rea", "gp", "source-ranking", "nao[initial=3,steps=2]", "xfernas[pretrain=3,steps=2]"]
        protocol = Protocol(("cifar100", "ImageNet16-120"), budget=8, runs=18)
        told = {}
        def progress(task, spec, evaluations):
            told[task, spec] = told.get((task, spec), 0) + evaluations
        apart = study(tables, specs, protocol, progress, workers=2)
        assert "torch" not in sys.modules, "the networks belong in the other processes"
        assert set(told.values()) == {8 * 18} and len(told) == 12, told
        here = study(tables, specs, protocol)
        for one, other in zip(apart.outcomes, here.outcomes):
            assert one.table is tables[0] and (one.task, one.optimizer) == (other.task, other.optimizer)
            assert (one.rows == other.rows).all() and (one.observed == other.observed).all(), one.optimizer
        assert apart.statistics["across_tasks"] == here.statistics["across_tasks"]
        print("same")
    """).endswith("same\n")


def test_the_first_failure_ends_the_study_with_its_own_message() -> None:
    assert (
        run("""
        import time
        def bad(report):
            raise UnknownName("thing", "tihng", ["thing"])
        def good(report):
            time.sleep(0.2)
            return 1
        try:
            run_parts([good, bad, good, good], 2, lambda part, n: None)
        except WarmnasError as error:
            print(error)
    """)
        == "unknown thing 'tihng', did you mean 'thing'? Choices: thing.\n"
    )


def test_results_come_in_the_order_of_the_parts() -> None:
    assert (
        run("""
        import time
        def part(i):
            def work(report):
                time.sleep(0.05 * (5 - i))
                report(i)
                return i
            return work
        counted = [0] * 5
        def tell(i, n):
            counted[i] += n
        assert run_parts([part(i) for i in range(5)], 3, tell) == [0, 1, 2, 3, 4]
        assert counted == [0, 1, 2, 3, 4], counted
        print("in order")
    """)
        == "in order\n"
    )
