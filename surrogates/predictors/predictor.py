"""What an architecture predictor is: fitted on genotypes and values of one task, it predicts the values of others.

A method sees canonical genotypes, so that two of one function class are predicted alike, and standardised values; it knows
neither unit nor direction. Two files of one method are never needed: what was learned is saved as arrays and JSON.
"""

from __future__ import annotations

import json
import os
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, overload

import numpy as np
import numpy.typing as npt

from ...bench import CorruptFile, FloatArray, Genotypes, Registry, SearchSpace, WarmnasError
from ..estimator import Estimator
from .savable import described_space, space_of

predictors: Registry[type[Predictor]] = Registry("predictor")
Arrays = Mapping[str, npt.NDArray[Any]]
FEWEST = 3  # architectures to learn from
# What reading a damaged file may raise; torch says RuntimeError of weights that do not fit.
DAMAGE = (OSError, EOFError, LookupError, ValueError, TypeError, AttributeError, RuntimeError, zipfile.BadZipFile)


class Predictor(Estimator, ABC):
    """Predicts values of architectures. ``get_params`` gives the options; ``space`` and ``seed`` are the first two.

    Attributes:
        needs: encodings of the space that the method reads.
        mean_, scale_: mean and standard deviation of the values it was fitted on, in their unit.
    """

    needs: ClassVar[tuple[str, ...]] = ()
    space: SearchSpace
    seed: int
    mean_: float
    scale_: float

    def fit(self, genotypes: Genotypes, values: FloatArray) -> Self:
        """Learn from genotypes (n, genes) and their values (n,), in any unit; larger or smaller may be better.

        Raises:
            WarmnasError: fewer than FEWEST architectures, a value that is not a finite number or too large to compute with,
                genotypes that are none, or a space without an encoding that the method reads.
        """
        self._refuse_space()
        x = self._canonical(genotypes)
        try:
            y = np.asarray(values, dtype=np.float64)
        except (ValueError, TypeError) as error:
            raise WarmnasError(f"values to learn from must be numbers: {error}") from None
        if y.shape != (len(x),) or len(x) < FEWEST:
            raise WarmnasError(
                f"{len(x)} genotypes and values of shape {y.shape}: give a value each, of at least {FEWEST} architectures"
            )
        wrong = np.flatnonzero(~np.isfinite(y))
        if len(wrong):
            name = self.space.to_string(x[wrong[0]])
            raise WarmnasError(f"the value of architecture {name} is {y[wrong[0]]}; leave out what was not measured")
        with np.errstate(over="ignore"):
            self.mean_, self.scale_ = float(y.mean()), float(y.std())
        if not np.isfinite(self.mean_ + self.scale_):
            raise WarmnasError(f"values of up to {np.abs(y).max():.1g} are too large to compute with; give another unit")
        if self.scale_ > 1e-12 * max(1.0, abs(self.mean_)):
            self._fit(x, (y - self.mean_) / self.scale_)
        else:
            self.scale_ = 0.0  # nothing to learn: every prediction is the one value, for certain
        return self

    @classmethod
    def lacking(cls, space: SearchSpace) -> str:
        """What a space lacks for this method; empty where it can be read."""
        return next((f"encoding '{kind}'" for kind in cls.needs if kind not in space.encodings), "")

    def _refuse_space(self) -> None:
        if lacking := self.lacking(self.space):
            raise WarmnasError(f"predictor '{name_of(type(self))}' needs the {lacking}, which {self.space.name} has not")

    @overload
    def predict(self, genotypes: Genotypes, return_std: Literal[False] = False) -> FloatArray: ...
    @overload
    def predict(self, genotypes: Genotypes, return_std: Literal[True]) -> tuple[FloatArray, FloatArray]: ...

    def predict(self, genotypes: Genotypes, return_std: bool = False) -> Any:
        """Expected values (n,) of genotypes (n, genes) in the unit of those learned from, and their deviations if asked."""
        if not hasattr(self, "scale_"):
            raise WarmnasError(f"{name_of(type(self))} has learned nothing yet; call fit first")
        x = self._canonical(genotypes)
        mean = std = np.zeros(len(x))
        if self.scale_ and len(x):
            mean, std = self._predict(x)
        with np.errstate(over="ignore", invalid="ignore"):
            mean, std = self.mean_ + self.scale_ * mean, self.scale_ * std
        if len(wrong := np.flatnonzero(~np.isfinite(mean) | ~np.isfinite(std))):
            name = self.space.to_string(x[wrong[0]])
            raise WarmnasError(f"the prediction for {name} is no finite number; fit on values of a smaller range")
        return (mean, std) if return_std else mean

    @abstractmethod
    def _fit(self, genotypes: Genotypes, values: FloatArray) -> None:
        """Learn from canonical genotypes (n, genes) and standardised values (n,)."""

    @abstractmethod
    def _predict(self, genotypes: Genotypes) -> tuple[FloatArray, FloatArray]:
        """Mean and standard deviation of standardised values: two arrays (n,)."""

    @abstractmethod
    def _learned(self) -> Arrays:
        """What was learned, as arrays of numbers or strings."""

    @abstractmethod
    def _restore(self, arrays: Arrays) -> None:
        """Be as after the fit that these arrays came from."""

    def _canonical(self, genotypes: Genotypes) -> Genotypes:
        x = self.space.check(genotypes)
        if x.ndim != 2:
            raise WarmnasError(f"genotypes must have the shape (n, {len(self.space.genes)}), not {x.shape}")
        if not self.space.valid(x).all():
            raise WarmnasError(f"a genotype is no architecture of {self.space.name}")
        return self.space.canonical(x)

    # --- files -----------------------------------------------------------------------------------------------------
    def save(self, path: str | Path, notes: Mapping[str, Any] | None = None) -> None:
        """Write an ``.npz`` file without pickles, all or nothing; ``notes`` (JSON) say where it was learned."""
        if not hasattr(self, "scale_"):
            raise WarmnasError(f"{name_of(type(self))} has learned nothing yet; call fit first")
        path = Path(path)
        options = {key: value for key, value in self.get_params().items() if key != "space"}
        head = {
            "warmnas predictor": name_of(type(self)),
            "space": described_space(self.space),
            "options": options,
            "mean": self.mean_,
            "scale": self.scale_,
            "notes": dict(notes or {}),
        }
        beside = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with open(beside, "wb") as file:
                learned: dict[str, Any] = {**self._learned()} if self.scale_ else {}
                np.savez_compressed(file, head=np.array(json.dumps(head)), **learned)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)


def name_of(model: type[Predictor]) -> str:
    """The name that a class is registered under, or its own."""
    return next((name for name, entry in predictors.items() if entry is model), model.__name__)


def load_predictor(path: str | Path) -> tuple[Predictor, dict[str, Any]]:
    """A predictor that :meth:`Predictor.save` wrote, and its notes. It predicts what the saved one predicted.

    Raises:
        CorruptFile: where the file is not such a one, or not whole.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        head = json.loads(str(arrays.pop("head")))
        model = predictors[head["warmnas predictor"]](space_of(head["space"]), **head["options"])
        model.mean_, model.scale_ = float(head["mean"]), float(head["scale"])
        if model.scale_:
            model._restore(arrays)
        return model, dict(head["notes"])
    except FileNotFoundError as error:
        raise WarmnasError(f"{path} does not exist; warmnas fit writes a model") from error
    except DAMAGE as error:
        reason = f"is not a saved predictor ({type(error).__name__})"
        raise CorruptFile(f"{path} {reason}; make it again with warmnas fit") from error
    except WarmnasError as error:
        raise CorruptFile(f"{path}: {error}") from error
