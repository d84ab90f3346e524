"""What LCRankNet learned from the same sources before, kept in the cache folder, so that a search with it starts at once.

A training on the sources takes half a minute of a core, the same for every search that has the same ones. A file is named
by a hash of all that the training depends on; one that does not read is made again, and a folder that cannot be written to
costs the training at every start.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

import numpy as np

from ... import __version__
from ...bench import CorruptFile, SearchSpace
from ...bench.benchmarks import cache_folder
from ...surrogates.predictors.savable import described_space

if TYPE_CHECKING:
    from .model import LCRankNet, TaskCurves

KEPT = 16  # files of a quarter of a megabyte; the oldest go


def fitted(
    model: LCRankNet, curves_by_task: Mapping[str, TaskCurves], space: SearchSpace, seed: int, families: Mapping[str, str]
) -> LCRankNet:
    """``model.fit`` with these arguments, or what it gave an earlier time: (tasks, curves, space, seed) as there."""
    if not curves_by_task:
        return model.fit(curves_by_task, space, seed, families)
    path = cache_folder() / f"lcrank-{key(model, curves_by_task, space, seed, families)}.safetensors"
    if path.is_file():
        from .files import load

        with suppress(CorruptFile):
            return load(path)
    model.fit(curves_by_task, space, seed, families)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        model.save(path)
        oldest_last = sorted(path.parent.glob("lcrank-*.safetensors"), key=lambda one: one.stat().st_mtime, reverse=True)
        for old in oldest_last[KEPT:]:
            old.unlink(missing_ok=True)
    return model


def key(
    model: LCRankNet, curves_by_task: Mapping[str, TaskCurves], space: SearchSpace, seed: int, families: Mapping[str, str]
) -> str:
    """Of the version, the options, the seed, the space, and every source's name, family, genotypes and curves."""
    head = [__version__, model.get_params(), seed, described_space(space), list(curves_by_task), dict(families)]
    digest = hashlib.blake2b(json.dumps(head, sort_keys=True).encode(), digest_size=16)
    for genotypes, curves in curves_by_task.values():
        for part in (np.ascontiguousarray(genotypes), np.ascontiguousarray(curves, dtype=np.float64)):
            digest.update(str(part.shape).encode() + part.tobytes())
    return digest.hexdigest()
