"""Curve models: partial learning curves in, distributions of the final values out."""

from __future__ import annotations

import json
import os
import zipfile
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, overload

import numpy as np

from ...bench import CorruptFile, FloatArray, IntArray, Metric, Registry, UnknownName, WarmnasError
from ..estimator import Estimator
from .final import FinalValues, NormalMixture
from .partial import Curves

curve_models: Registry[type[CurveModel]] = Registry("curve model")


class CurveModel(Estimator, ABC):
    """Predicts where trainings end from how they began.

    A method fills in :meth:`_mixture`, on the scale of :attr:`Curves.unit`: [0, 1], larger is better.

    Attributes:
        needs_earlier: whether the method predicts nothing before it has seen earlier builds.
        earlier_: the whole curves given to :meth:`fit`, None where there were none.
    """

    needs_earlier: ClassVar[bool] = False
    earlier_: Curves | None

    def fit(self, earlier: Curves | None = None) -> Self:
        """Learn from earlier builds; those that were not trained to the end say nothing of it and are left out.

        Raises:
            WarmnasError: where the method needs earlier builds and none of these was trained to the end.
        """
        whole = None if earlier is None or not earlier.complete.any() else earlier.rows(earlier.complete)
        if whole is None and self.needs_earlier:
            raise WarmnasError(f"{type(self).__name__} learns from earlier builds: fit it on curves that go to the end")
        self.earlier_ = whole
        return self

    def final_values(self, curves: Curves) -> FinalValues:
        """Distribution of the final value of each curve."""
        if not hasattr(self, "earlier_"):
            self.fit(None)
        known = np.where(curves.complete, curves.last, np.nan)
        if curves.complete.all():
            ones = np.ones((len(curves), 1))
            return FinalValues(curves.metric, NormalMixture(ones, known[:, None], 0 * ones), known)
        return FinalValues(curves.metric, self._mixture(curves), known)

    @abstractmethod
    def _mixture(self, curves: Curves) -> NormalMixture:
        """Distributions of the final values, a row per curve; rows of whole curves are not looked at."""

    @overload
    def predict(self, curves: Curves, return_std: Literal[False] = False) -> FloatArray: ...
    @overload
    def predict(self, curves: Curves, return_std: Literal[True]) -> tuple[FloatArray, FloatArray]: ...

    def predict(self, curves: Curves, return_std: bool = False) -> Any:
        """Expected final values in the metric's unit, (curves,), and their standard deviations if asked for."""
        final = self.final_values(curves)
        return (final.mean, final.std) if return_std else final.mean

    def rank_scores(self, curves: Curves) -> FloatArray:
        """Numbers to order the curves by, larger is better, whatever the metric's direction: (curves,)."""
        return curves.metric.sign * self.final_values(curves).mean

    def save(self, path: str | Path) -> None:
        """Write name, options and earlier builds as an ``.npz`` file without pickles, all or nothing."""
        path = Path(path)
        head: dict[str, Any] = {"model": name_of(type(self)), "options": self.get_params()}
        arrays = {}
        if (earlier := getattr(self, "earlier_", None)) is not None:
            given = {"values": earlier.values, "encodings": earlier.encodings, "train_losses": earlier.train_losses}
            arrays = {name: array for name, array in given.items() if array is not None}
            head |= {"metric": vars(earlier.metric), "total": earlier.total}
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        with open(beside, "wb") as file:
            np.savez_compressed(file, head=np.array(json.dumps(head)), **arrays)
        os.replace(beside, path)


def name_of(model: type[CurveModel]) -> str:
    """The name that a class is registered under."""
    return next(name for name, entry in curve_models.items() if entry is model)


def load_curve_model(path: str | Path) -> CurveModel:
    """Read what :meth:`CurveModel.save` wrote; the model says the same as the one that was saved.

    Raises:
        CorruptFile: where the file is not such a one.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        head = json.loads(str(arrays.pop("head")))
        model = curve_models[head["model"]](**head["options"])
        if not arrays:
            return model.fit(None)
        metric = Metric(**{**head["metric"], "bounds": tuple(head["metric"]["bounds"])})
        return model.fit(Curves(metric=metric, total=head["total"], trusted=True, **arrays))
    except FileNotFoundError as error:
        raise WarmnasError(f"{path} does not exist") from error
    except (OSError, EOFError, KeyError, ValueError, TypeError, AttributeError, zipfile.BadZipFile, UnknownName) as error:
        raise CorruptFile(f"{path}: not a saved curve model ({type(error).__name__}: {error})") from error


def by_length(curves: Curves) -> list[IntArray]:
    """Rows grouped by the number of epochs seen, shortest first, without whole curves."""
    lengths = np.unique(curves.seen[~curves.complete])
    return [np.flatnonzero(curves.seen == length) for length in lengths]
