"""From the arrays of a file to images and labels, or to an error that names the file and the field."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ...bench.errors import WarmnasError
from .source import FREE, TEST, TRAIN, VAL, Source, from_arrays
from .task import Ints, UInt8

AnyArray = npt.NDArray[Any]
PART_OF = {"": FREE, "_train": TRAIN, "_val": VAL, "_test": TEST}
MOST_CHANNELS = 16


def source_of(where: str, arrays: Mapping[str, AnyArray], classes: tuple[str, ...] | None = None) -> Source:
    """Arrays ``x, y`` or ``x_train, y_train, ...`` as one set.

    Args:
        where: the file, for messages.
        arrays: images (n, h, w) or (n, h, w, c), integers in 0..255 or floats; labels (n,), integers from 0.
        classes: names of the classes 0, 1, ...; None takes the labels that occur.

    Raises:
        WarmnasError: naming the file and the array, where one is not that.
    """
    ends = [end for end in PART_OF if f"x{end}" in arrays]
    images, notes = pixels(where, {f"x{end}": arrays[f"x{end}"] for end in ends})
    labels = [_labels(where, f"y{end}", arrays[f"y{end}"], len(arrays[f"x{end}"])) for end in ends]
    values = np.unique(np.concatenate(labels)) if classes is None else np.arange(len(classes))
    for end, found in zip(ends, labels, strict=True):
        unknown = found[~np.isin(found, values)]
        if len(unknown):
            raise WarmnasError(f"{where}: y{end} has the label {unknown[0]}, but the labels are 0 to {len(values) - 1}")
    names = [str(value) for value in values] if classes is None else list(classes)
    part = np.concatenate([np.full(len(found), PART_OF[end], np.int8) for end, found in zip(ends, labels, strict=True)])
    return from_arrays(where, images, np.searchsorted(values, np.concatenate(labels)).astype(np.int64), part, names, notes)


def pixels(where: str, named: Mapping[str, AnyArray]) -> tuple[UInt8, tuple[str, ...]]:
    """All images as uint8 (n, h, w, c), and a note where their values had to be mapped to 0..255."""
    shaped = {key: _shaped(where, key, array) for key, array in named.items()}
    first = next(iter(shaped.values())).shape[1:]
    for key, array in shaped.items():
        if array.shape[1:] != first:
            raise WarmnasError(f"{where}: images of {key} have shape {array.shape[1:]}, others have {first}")
    if all(array.dtype == np.uint8 for array in shaped.values()):
        return np.concatenate(list(shaped.values())), ()
    low = min(float(array.min()) for array in shaped.values() if array.size)
    high = max(float(array.max()) for array in shaped.values() if array.size)
    whole = all(array.dtype.kind in "iu" for array in shaped.values())
    if whole and not 0 <= low <= high <= 255:
        raise WarmnasError(f"{where}: {next(iter(shaped))} has integers from {low:.0f} to {high:.0f}; images have 0 to 255")
    if whole or (low >= 0 and 1 < high <= 255):
        offset, scale = 0.0, 1.0
    elif low >= 0 and high <= 1:
        offset, scale = 0.0, 255.0
    else:
        offset, scale = low, 255 / (high - low)
    notes = () if offset == 0 else (f"Values from {low:.4g} to {high:.4g} were mapped to 0..255.",)
    made = [np.rint((array.astype(np.float64) - offset) * scale).astype(np.uint8) for array in shaped.values()]
    return np.concatenate(made), notes


def _shaped(where: str, key: str, array: AnyArray) -> AnyArray:
    if array.dtype == np.bool_:
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind not in "iuf":
        raise WarmnasError(f"{where}: {key} holds {array.dtype}, images are uint8 or float")
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or not 1 <= array.shape[3] <= MOST_CHANNELS:
        raise WarmnasError(f"{where}: {key} has shape {array.shape}, images are N x H x W or N x H x W x C")
    if array.size == 0:
        raise WarmnasError(f"{where}: {key} is empty, its shape is {array.shape}")
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        kind = "NaN" if np.isnan(array).any() else "infinite values"
        raise WarmnasError(f"{where}: {key} has {kind} in image {int(np.argwhere(~np.isfinite(array))[0, 0])}")
    return array


def _labels(where: str, key: str, array: AnyArray, images: int) -> Ints:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim != 1:
        raise WarmnasError(f"{where}: {key} has shape {array.shape}, labels are one integer per image")
    if len(array) != images:
        raise WarmnasError(f"{where}: {key} has {len(array)} labels for {images} images")
    if array.dtype.kind == "f" and not (np.isfinite(array).all() and (array == np.rint(array)).all()):
        raise WarmnasError(f"{where}: {key} has a label that is not an integer")
    if array.dtype.kind not in "iuf":
        raise WarmnasError(f"{where}: {key} holds {array.dtype}, labels are integers")
    if len(array) and array.min() < 0:
        raise WarmnasError(f"{where}: {key} has the label {int(array.min())}, labels are from 0 on")
    return array.astype(np.int64)
