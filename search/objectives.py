"""The second objective of a study: what a network costs, known of every candidate without training it.

``--objectives params`` sets validation values against parameters, ``flops`` against multiply-adds, ``latency`` or
``latency:DEVICE`` against a latency that the table measured, ``live-params`` against parameters on live paths.

Scales, by which fronts are judged and optimizers see costs:

* a value: 0 is the task's median candidate, 1 its best one; below the median is worth nothing;
* a cost: its logarithm (the number itself where one is not above 0), 0 the cheapest candidate, 1 the dearest.

So the reference point is (median value, dearest cost), and a set that dominates everything has a hypervolume of 1.
"""

from __future__ import annotations

import numpy as np

from ..bench import FloatArray, Split, Table, UnknownName, WarmnasError

COSTS = ("params", "flops", "live-params", "latency")
VALUE = ("accuracy", "value", "validation")  # may be named first, as in accuracy,params


def cost_name(text: str) -> str:
    """The cost that ``--objectives`` asks for: ``params``, or ``accuracy,params``.

    Raises:
        WarmnasError: where it is not one cost.
    """
    named = [part.strip() for part in text.split(",") if part.strip() not in VALUE]
    if len(named) != 1 or not named[0]:
        raise WarmnasError(f"--objectives {text}: write one cost, such as params, flops or latency:DEVICE")
    if named[0].partition(":")[0] not in COSTS:
        raise UnknownName("cost of --objectives", named[0], COSTS)
    return named[0]


def costs_of(table: Table, task: str, name: str) -> FloatArray:
    """What each of a task's candidates costs, in the table's own unit: (candidates,).

    Raises:
        WarmnasError: where the table does not say, or not of every candidate.
        UnknownName: for a device that the table has not.
    """
    kind, colon, device = name.partition(":")
    rows = table.candidates(task).table_rows
    if kind == "latency":
        costs: FloatArray | None = _latency(table, task, device)[rows]
    elif colon:
        raise WarmnasError(f"--objectives {name}: only a latency has a device")
    elif kind == "live-params":
        costs = live_params(table, task)
    else:
        column = table.column(kind, task)
        costs = None if column is None else column[rows]
    if costs is None:
        has = [cost for cost in ("params", "flops", "latency") if cost in table.data]
        raise WarmnasError(f"--objectives {name}: {table.name} does not say {kind}; it has {', '.join(has) or 'no costs'}")
    if missing := int((~np.isfinite(costs)).sum()):
        raise WarmnasError(
            f"--objectives {name}: {table.name} lacks it for {missing} of the {len(rows)} candidates of {task}"
        )
    return np.asarray(costs, dtype=np.float64)


def _latency(table: Table, task: str, device: str) -> FloatArray:
    """Of every row on a device, which may be left out where there is one: (architectures,)."""
    if "latency" not in table.data:
        raise WarmnasError(f"--objectives latency: {table.name} has no latencies")
    array = table.data["latency"]
    if "device" in array.dims:
        devices = [str(name) for name in array["device"].values]
        if not device and len(devices) > 1:
            raise WarmnasError(f"--objectives latency: name a device, as in latency:{devices[0]} ({', '.join(devices)})")
        if device and device not in devices:
            raise UnknownName(f"device of {table.name}", device, devices)
        array = array.isel(device=devices.index(device) if device else 0)
    if "task" in array.dims:
        array = array.isel(task=table.tasks.index(task))
    return np.asarray(array.values, dtype=np.float64)


def live_params(table: Table, task: str) -> FloatArray | None:
    """Parameters on live paths of a task's candidates: by the space's own formula, else the table's counts.

    A canonical NAS-Bench-Graph architecture has no dead operations, so there the table counts live parameters.
    """
    candidates = table.candidates(task)
    classes = int(table.data["classes"].values[table.tasks.index(task)]) if "classes" in table.data.coords else 10
    by_formula = table.space.live_params(candidates.genotypes, classes)
    if by_formula is not None:
        return by_formula
    counts = table.column("params", task)
    return None if counts is None else counts[candidates.table_rows]


def scaled_costs(costs: FloatArray) -> FloatArray:
    """On the scale of the head of this file, 0 to 1; zeros where all cost the same: (candidates,) -> the same."""
    measured = np.log(costs) if costs.min() > 0 else costs
    spread = float(np.ptp(measured))
    return (measured - measured.min()) / spread if spread > 0 else np.zeros_like(measured)


def scaled_values(table: Table, task: str) -> FloatArray:
    """Mean validation values of a task's candidates on the scale of the head of this file: (candidates,)."""
    values = table.metrics[task].sign * table.values(task, None, Split.VAL)[table.candidates(task).table_rows]
    middle, best = float(np.median(values)), float(values.max())
    return (values - middle) / (best - middle) if best > middle else np.zeros_like(values)
