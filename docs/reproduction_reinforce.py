"""NAS-Bench-201's own REINFORCE run repeated in plain numpy, for docs/reproduction.md.

``python docs/reproduction_reinforce.py TABLE [RATE ...]``: TABLE is the imported table. The loop is that of AutoDL-Projects
(``exps/NATS-algos/reinforce.py``; ``REINFORCE.sh`` with 12,000 s and momentum .9): independent logits of the six edges,
Adam, a moving average as the baseline, whatever is drawn again is trained and paid again, the last training may overrun the
time. It shares no code with the optimizer ``reinforce``.
"""

from __future__ import annotations

import sys

import numpy as np
from reproduction import RUNS, SECONDS, TASKS, line  # the script beside this one

from warmnas.bench import FloatArray, IntArray, Table

RATES = (0.001, 0.01, 0.1)
MOMENTUM = 0.9


def run(signal: FloatArray, seconds: FloatArray, rate: float, rng: np.random.Generator) -> tuple[int, int]:
    """One run: the row with the best signal, and how many trainings it paid."""
    logits = 1e-3 * rng.standard_normal((6, 5))
    first, second, top, bottom, spent, drawn = np.zeros((6, 5)), np.zeros((6, 5)), 0.0, 0.0, 0.0, []
    while spent < SECONDS:
        p = np.exp(logits - logits.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        cell = (rng.random((6, 1)) >= p.cumsum(axis=1)).sum(axis=1).clip(max=4)
        row = int(cell @ 5 ** np.arange(5, -1, -1))
        drawn.append(row)
        spent += seconds[row]
        top, bottom = MOMENTUM * top + (1 - MOMENTUM) * signal[row], MOMENTUM * bottom + 1 - MOMENTUM
        slope = (p - np.eye(5)[cell]) * (signal[row] - top / bottom)
        first, second = 0.9 * first + 0.1 * slope, 0.999 * second + 0.001 * slope**2
        count = len(drawn)
        logits -= rate * (first / (1 - 0.9**count)) / (np.sqrt(second / (1 - 0.999**count)) + 1e-8)
    return max(drawn, key=lambda row: signal[row]), len(drawn)


def searched(table: Table, task: str, rate: float) -> tuple[IntArray, float]:
    """Rows that RUNS runs end with, and their mean number of trainings."""
    by_index = np.argsort(table.space.index(table.genotypes))  # table row of the cell with that index
    times = table.training_seconds(task, 12)
    assert times is not None
    signal, seconds = table.schedule_values(task, 12)[by_index], times[by_index]
    ends = [run(signal, seconds, rate, np.random.default_rng(1000 + each)) for each in range(RUNS)]
    return by_index[[row for row, _ in ends]], float(np.mean([made for _, made in ends]))


def main() -> None:
    """Print the rows."""
    table = Table.open(sys.argv[1])
    print("| search | runs | " + " | ".join(TASKS) + " |\n|---|---|---|---|---|")
    for task in TASKS[:2]:
        for rate in [float(text) for text in sys.argv[2:]] or RATES:
            rows, made = searched(table, task, rate)
            print(line(table, f"the reference's REINFORCE on {task}, rate {rate}, {made:.1f} trainings", rows), flush=True)


if __name__ == "__main__":
    main()
