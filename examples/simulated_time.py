"""Searches that end by time, not by evaluations: what 100,000 s of 200-epoch trainings on CIFAR-10 come to.

NAS-Bench-201's own training times are charged, one training after the other. ``python examples/simulated_time.py``
"""

from warmnas.bench import open_benchmark
from warmnas.search import Protocol, study

table = open_benchmark("nasbench201")
protocol = Protocol(("cifar10-valid",), budget=None, runs=20, seed=1000, seconds=100_000.0)
for outcome in study([table], ["random", "rea", "local", "source-ranking"], protocol).outcomes:
    row = outcome.row()
    late = "  ".join(f"{seconds} s: {regret:.2f}" for seconds, regret in row["regret_by_seconds"].items())
    spent = f"{row['evaluations']:5.1f} trainings, {row['simulated_seconds']:7.0f} s"
    print(f"{outcome.optimizer:15} {spent}; regret after {late}")
