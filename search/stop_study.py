"""The early-termination study: every stopper on the same random orders of the same candidates.

* The candidates are up to 200 architectures of the target, one recorded training each; an order is a permutation of them,
  and order r is the same for every stopper.
* Regret is the final value of the best candidate minus that of the returned one, so that no stopping has none. What is
  returned is the best of those trained to the end.
* Speed-up is the epochs of no stopping over those of the stopper, both summed over the candidates and averaged over the
  orders. Whatever a method trains to learn from is in it; fitting on the sources is not.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from ..bench import FloatArray, IntArray, Table, WarmnasError
from .optimizer import parse_spec
from .protocol import find_tasks, run_seeds
from .stop_oracle import Oracle
from .stop_pool import CANDIDATES, Pool, draw_pool
from .stop_simulation import FixedOrder, Recorded, Search, Simulation, with_workers
from .stoppers import Stopper, make_stopper, new_stopper, stoppers
from .workers import Part, run_parts

ORACLE = "oracle"
FRONT_ORDERS = 20  # of the fronts, which cost a replay per point
Progress = Callable[[int, int, str], None]  # (searches done, searches in all, task and method)


@dataclass(frozen=True)
class StopProtocol:
    """What makes two studies comparable.

    Attributes:
        tasks: targets.
        orders: random orders of the candidates.
        seed: of candidates, orders and whatever the stoppers draw.
        candidates: of a search at most; None for all.
        schedule: total epochs of the trainings, None for the longest.
        leave_out: ``task`` or ``family``; None for the family.
        fronts: whether methods are also replayed over values of their knob, on the first FRONT_ORDERS orders.
    """

    tasks: tuple[str, ...]
    orders: int = 100
    seed: int = 0
    candidates: int | None = CANDIDATES
    schedule: int | None = None
    leave_out: str | None = None
    fronts: bool = True


@dataclass(frozen=True)
class Judged:
    """One stopper with one set of options on one task, over the orders.

    Attributes:
        task, method, parameter: which; ``parameter`` is ``option=value``, several with spaces between, or None.
        regret: in the metric's unit, (orders,).
        percentile: percent of the other candidates that are not better than the returned one, (orders,).
        epochs: trained in all, (orders,); seconds: what they took, (orders,), or None.
        elapsed: when the last worker ended, in seconds, or in epochs where there are no times, (orders,).
        overhead: seconds of the stopper's computing, (orders,).
        fit_seconds: of learning on the sources, once.
        chosen: whether the options are those asked for, not a point of a front.
    """

    task: str
    method: str
    parameter: str | None
    regret: FloatArray
    percentile: FloatArray
    epochs: FloatArray
    seconds: FloatArray | None
    elapsed: FloatArray
    overhead: FloatArray
    fit_seconds: float
    chosen: bool = True


@dataclass(frozen=True)
class StopStudy:
    """Results in the order of tasks and methods, and the candidates of each task."""

    protocol: StopProtocol
    tables: tuple[Table, ...]
    pools: tuple[Pool, ...]
    judged: tuple[Judged, ...]

    def protocol_hash(self) -> str:
        """Hash of tables, candidates, orders and seeds: equal hashes may be compared."""
        content = [asdict(self.protocol), [[p.table.hash, p.task, len(p)] for p in self.pools]]
        return hashlib.blake2b(json.dumps(content).encode(), digest_size=8).hexdigest()

    def pool(self, task: str) -> Pool:
        """The candidates of a task."""
        return next(pool for pool in self.pools if pool.task == task)


def stop_study(
    tables: Sequence[Table],
    methods: Sequence[str],
    protocol: StopProtocol,
    progress: Progress | None = None,
    workers: int = 1,
) -> StopStudy:
    """Replay every method on every task; the oracle is always there.

    Args:
        tables: that hold the tasks.
        methods: ``name`` or ``name[option=value,...]``; ``all`` for everything registered.
        protocol: what is compared with what.
        progress: told how many searches of how many are done, and of what.
        workers: processes; the result does not depend on it, but for the measured seconds.

    Raises:
        WarmnasError: before anything is run, where a name or an option does not exist or a table has no learning curves.
    """
    if protocol.orders < 1:
        raise WarmnasError(f"--orders {protocol.orders}: at least one order is needed")
    targets = find_tasks(tables, protocol.tasks)
    protocol = replace(protocol, tasks=tuple(task for _, task in targets))
    p = protocol
    pools = tuple(draw_pool(table, task, p.candidates, p.seed, p.schedule, p.leave_out) for table, task in targets)
    specs = known_methods(methods)
    for pool in pools:
        for spec in specs:
            check(spec, pool)
    parts = [(pool, spec) for pool in pools for spec in specs]
    done, total = 0, sum(planned(pool, spec, protocol) for pool, spec in parts)

    def start(pool: Pool, spec: str) -> Part[list[Judged]]:
        return lambda report: replay(pool, spec, protocol, report)

    def tell(part: int, some: int) -> None:
        nonlocal done
        done += some
        if progress is not None:
            progress(done, total, f"{parts[part][0].task} {parts[part][1]}")

    judged = run_parts([start(*part) for part in parts], workers, tell)
    return StopStudy(protocol, tuple(tables), pools, tuple(one for some in judged for one in some))


def known_methods(methods: Sequence[str]) -> list[str]:
    """The specs, ``all`` written out, each once, with the oracle last."""
    named = [name for spec in methods for name in (stoppers if spec == "all" else [spec])]
    return [*(name for name in dict.fromkeys(named) if name != ORACLE), ORACLE]


def check(spec: str, pool: Pool) -> None:
    """WarmnasError where a method does not exist, has no such option or cannot read what the pool has."""
    if spec != ORACLE:
        new_stopper(with_workers(spec)[0], pool.setting(0))


def planned(pool: Pool, spec: str, protocol: StopProtocol) -> int:
    """How many searches :func:`replay` makes of a method on a task."""
    if spec == ORACLE:
        return protocol.orders
    stopper = new_stopper(with_workers(spec)[0], pool.setting(protocol.seed))
    found = settings(stopper, *parse_spec(spec), pool, protocol.fronts)
    return sum(len(range(protocol.orders)[: None if chosen else FRONT_ORDERS]) for _, _, chosen in found)


def replay(pool: Pool, spec: str, protocol: StopProtocol, report: Callable[[int], None]) -> list[Judged]:
    """One method on one task: as asked for, and over its knob where fronts are wanted."""
    start = time.process_time()
    own, workers = with_workers(spec)
    stopper = Oracle.of(pool) if spec == ORACLE else make_stopper(own, pool.setting(protocol.seed))
    fit_seconds = time.process_time() - start
    stopper.foresee(pool.values)
    seeds = run_seeds(protocol.seed, pool.task, protocol.orders)
    orders = [np.random.default_rng(seed).permutation(len(pool)) for seed in seeds]
    name, options = (ORACLE, {}) if spec == ORACLE else parse_spec(spec)
    judged = []
    for variant, parameter, chosen in variants(stopper, name, options, pool, protocol.fronts):
        some = orders if chosen else orders[:FRONT_ORDERS]
        found = []
        for order in some:
            found.append(simulate(pool, variant, order, workers))
            report(1)
        judged.append(judge(pool, name, parameter, found, fit_seconds, chosen))
    return judged


def variants(
    stopper: Stopper, name: str, options: dict[str, Any], pool: Pool, fronts: bool
) -> list[tuple[Stopper, str | None, bool]]:
    """Stoppers with their parameter, and whether they are what was asked for."""
    found = settings(stopper, name, options, pool, fronts)
    return [(stopper if value is None else stopper.varied(value), label, chosen) for value, label, chosen in found]


def settings(
    stopper: Stopper, name: str, options: dict[str, Any], pool: Pool, fronts: bool
) -> list[tuple[float | None, str | None, bool]]:
    """Values of a stopper's knob, None for its own, with parameter and whether that was asked for; all of i-Epoch's are."""
    given = {key: value for key, value in options.items() if key != stopper.knob}
    if stopper.knob is None:
        return [(None, labelled(given), True)]
    knob, own = stopper.knob, getattr(stopper, stopper.knob)
    every = name == "i-epoch" and knob not in options
    values = [v for v in stopper.front if v != own and not (every and v >= pool.total)] if fronts or every else []
    asked = (None, labelled({knob: own, **given}), True)
    return [asked, *((v, labelled({knob: v, **given}), every) for v in values)]


def labelled(options: dict[str, Any]) -> str | None:
    """Options as a row names them."""
    written = {key: f"{value:g}" if isinstance(value, float) else str(value) for key, value in options.items()}
    return " ".join(f"{key}={value}" for key, value in written.items()) or None


def simulate(pool: Pool, stopper: Stopper, order: IntArray, workers: int = 1) -> Search:
    """One search by so many simulated workers."""
    costs = pool.epochs * np.ones_like(pool.values) if pool.seconds is None else pool.seconds
    recorded = Recorded(pool.genotypes, pool.values, costs, pool.metric, pool.losses, pool.levels is not None)
    return Simulation(stopper, recorded, FixedOrder(order), workers).run()


def judge(
    pool: Pool, method: str, parameter: str | None, searches: Sequence[Search], fit_seconds: float, chosen: bool
) -> Judged:
    """The figures of some searches."""
    good = pool.metric.sign * pool.finals
    returned = np.array([good[search.returned] for search in searches])
    better = np.array([(good > value).sum() for value in returned])
    trained = [~np.isnan(search.history.values) for search in searches]
    seconds = None
    if pool.seconds is not None:
        each = zip(trained, searches, strict=True)
        seconds = np.array([float((mask * pool.seconds[s.candidates]).sum()) for mask, s in each])
    return Judged(
        task=pool.task,
        method=method,
        parameter=parameter,
        regret=good.max() - returned,
        percentile=100 * (1 - better / (len(pool) - 1)),
        epochs=np.array([float((mask * pool.epochs).sum()) for mask in trained]),
        seconds=seconds,
        elapsed=np.array([search.elapsed for search in searches]),
        overhead=np.array([search.overhead for search in searches]),
        fit_seconds=fit_seconds,
        chosen=chosen,
    )
