"""Measurements as scaled integers, so that a table can be shipped: CF's ``scale_factor`` and ``_FillValue``.

A packed value stands for ``integer * scale``; xarray and netCDF readers undo it by themselves. Percentages have steps of
.01, finer than one image of a split of ten thousand; other measurements have 65,534 steps up to their largest. What is
counted (``params``, ``flops``) and the coordinates stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import xarray as xr

MISSING = 65_535  # of uint16: not measured
PERCENT_STEP = 0.01
FINEST = 1e-3  # of a variable's median; where the steps would be coarser, it is not packed
COMPRESSION = {"zlib": True, "complevel": 9, "shuffle": True}


def unpacked(values: npt.NDArray[Any], scale: float, missing: int | None) -> npt.NDArray[np.float32]:
    """Integers of any shape as float32, NaN where nothing was measured."""
    result = (values * np.float64(scale)).astype(np.float32)
    if missing is not None:
        result[values == missing] = np.nan
    return result


def packed(dataset: xr.Dataset) -> tuple[xr.Dataset, dict[str, dict[str, Any]]]:
    """The dataset with its measurements rounded to what the integers can hold, and how to write each variable."""
    rounded = dataset.copy()
    encoding: dict[str, dict[str, Any]] = {}
    for name, variable in dataset.data_vars.items():
        encoding[str(name)] = {**COMPRESSION, "_FillValue": None}
        scale = _scale(variable)
        if scale is not None:
            integers = np.where(np.isnan(variable.values), MISSING, np.rint(variable.values / scale))
            rounded[name] = variable.copy(data=unpacked(integers.astype(np.uint16), scale, MISSING))
            encoding[str(name)] |= {"dtype": "uint16", "scale_factor": scale, "_FillValue": MISSING}
    return rounded, encoding


def _scale(variable: xr.DataArray) -> float | None:
    """The step of a variable's integers; None where it is not to be packed."""
    values = variable.values
    if variable.ndim < 3 or values.dtype.kind != "f" or np.isnan(values).all() or np.nanmin(values) < 0:
        return None
    if variable.attrs.get("units") == "percent":
        return PERCENT_STEP if np.nanmax(values) <= 100 else None
    step = float(np.nanmax(values)) / (MISSING - 1)
    return step if 0 < step <= FINEST * float(np.nanmedian(values)) else None
