"""A table without its learning curves: every training by its end alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .table import Table

if TYPE_CHECKING:
    import xarray as xr


def without_curves(table: Table) -> Table:
    """The same trainings, each with its last epoch and its whole time: some hundred times smaller, and as quick to open.

    The end of a training of a schedule is that schedule's last epoch; where there are no schedules, the last epoch that
    its task has. A table without the axis ``epoch`` is returned as it is.
    """
    data = table.data
    if "epoch" not in data.dims or table.prefixes is not None:
        return table
    kept = {name: _end(array) if "epoch" in array.dims else array.variable for name, array in data.data_vars.items()}
    attrs = dict(data.attrs) if "schedule" in data.dims else {**data.attrs, "epochs": int(data["epoch"].values.max())}
    attrs.pop("hash", None)
    ends = data.drop_vars([*data.data_vars, "epoch"]).assign(kept)
    ends.attrs = attrs
    return Table(ends)


def _end(array: xr.DataArray) -> xr.Variable:
    """Along ``epoch``: the sum of times, the last of everything else."""
    if array.name == "train_seconds":
        return array.sum("epoch", min_count=1, keep_attrs=True).variable
    epochs = array["epoch"].values
    axis = next((name for name in ("schedule", "task") if name in array.dims), None)
    if axis is None:
        return array.isel(epoch=int(np.argmax(epochs))).variable
    parts = []
    for place, label in enumerate(array[axis].values):
        part = array.isel({axis: place})
        ordered = [int(i) for i in np.argsort(epochs)[::-1] if axis == "task" or epochs[i] <= label]
        measured = (i for i in ordered if bool(part.isel(epoch=i).notnull().any()))
        parts.append(part.isel(epoch=next(measured, ordered[0] if ordered else 0)).variable)
    dims = tuple(dim for dim in array.dims if dim != "epoch")
    stacked = np.stack([part.values for part in parts], axis=dims.index(axis))
    return array.variable.isel(epoch=0).copy(data=stacked)
