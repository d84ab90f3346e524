"""Syne Tune and warmnas. ``pip install 'warmnas[syne-tune]'``, then ``python examples/syne_tune_simulation.py``.

1. A searcher of Syne Tune among our optimizers, under the rules of a study.
2. A task of a table as a blackbox of Syne Tune's simulator, with four workers and a scheduler of its own.
"""

import contextlib
import io
import logging
import os
import tempfile
import warnings

from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
from syne_tune.blackbox_repository import UserBlackboxBackend
from syne_tune.optimizer.baselines import RandomSearch

from warmnas.bench import open_benchmark
from warmnas.search import Protocol, study
from warmnas.search.adapters.syne_tune import ELAPSED, VALIDATION, blackbox

logging.getLogger().setLevel(logging.ERROR)
warnings.simplefilter("ignore")
cells = open_benchmark("nasbench201")

print("1. Regret on CIFAR-100 after 30 evaluations, mean of 3 runs")
protocol = Protocol(("cifar100",), budget=30, runs=3, seed=1000, sources="none")
names = ["random", "syne-tune:random-search", "syne-tune:regularized-evolution[population_size=10,sample_size=3]", "rea"]
for outcome in study([cells], names, protocol).outcomes:
    print(f"   {outcome.regret[:, -1].mean():.2f}  {outcome.optimizer}")

simulated = blackbox(cells, "cifar100")
scheduler = RandomSearch(simulated.configuration_space, metrics=[VALIDATION], do_minimize=False, random_seed=0)
with tempfile.TemporaryDirectory() as folder:
    os.environ["SYNETUNE_FOLDER"] = folder  # where Syne Tune keeps its results; ~/syne-tune if left out
    tuner = Tuner(
        trial_backend=UserBlackboxBackend(simulated, elapsed_time_attr=ELAPSED),
        scheduler=scheduler,
        stop_criterion=StoppingCriterion(max_wallclock_time=40_000),
        n_workers=4,
        sleep_time=0,
        callbacks=[SimulatorCallback()],
        save_tuner=False,
        print_update_interval=1e9,
    )
    with contextlib.redirect_stdout(io.StringIO()):
        tuner.run()
results = tuner.tuning_status.overall_metric_statistics
best = results.max_metrics[VALIDATION]
print(f"2. {results.count} trainings by four simulated workers in 40,000 s; best validation {best:.2f}")
