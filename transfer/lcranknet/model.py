"""LCRankNet: learning to rank learning curves (Wistuba & Pedapati, ICML 2020, arXiv 2006.03361).

Instead of extrapolating a curve it learns the probability that one training ends above another,

    p(a ends above b) = sigmoid((f(a) - f(b)) / T),

from whole trainings on other tasks, cut at random; f reads the architecture, what is seen of the curve, and the task.
:meth:`LCRankNet.fit` learns from source tasks, :meth:`LCRankNet.adapt` takes the target's trainings so far, terminated ones
included, :meth:`LCRankNet.score` orders partial curves and :meth:`LCRankNet.p_better` decides whether to go on.

No code was published; what the paper leaves open is decided as follows, and measured in docs/lcranknet.md.

* Values enter relative to the best value so far and to the other trainings at the same epoch (``level``), so that a harder
  or easier task than all sources is not outside of what was learned.
* ``members`` networks, each without a fold of the sources; scores are their mean, and T is fitted on the folds left out.
* A refit on the target moves the task's vector and the trunk, not the encoders, and always starts from what the sources
  say: what is learned depends on the trainings so far, not on when they came.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import numpy.typing as npt

from ...bench import FloatArray, Genotypes, IntArray, SearchSpace, WarmnasError
from ...surrogates.estimator import Estimator
from .calibration import interpolated
from .inputs import PartialCurves, places, read_curves
from .level import Context, Habits, standardised

if TYPE_CHECKING:
    from torch import Tensor

    from .network import LCRankNetwork
    from .scoring import Scorer
    from .target import Target

CACHE = 50_000  # architectures whose codes are kept
CHUNK = 4096  # curves at a time, which bounds the memory
TaskCurves = tuple[Genotypes, FloatArray]


class LCRankNet(Estimator):
    """Ranks partial learning curves of a target task.

    Args:
        members: networks whose scores are averaged.
        steps: of training on the sources.
        refit_steps: of a refit on the target.
        curve, architecture, reconstruction: switched off for component analyses: what the score reads, and whether the
            architecture's LSTM must give its tokens back.
        tie: percentage points up to which two final values count as equal.

    Attributes:
        space_: of the genotypes.
        places_: fractions of a training at which curves are read, (places,).
        sources_: names of the source tasks.
        reference_: percent, the best final value of the target so far, before there is one the mean of the sources' best.
    """

    space_: SearchSpace
    places_: FloatArray
    sources_: tuple[str, ...]
    reference_: float
    _network: LCRankNetwork
    _target: Target | None
    _scorer: Scorer
    _temperatures: tuple[FloatArray, FloatArray]
    _prior_reference: float
    _habits: Habits
    _context: Context | None
    _seed: int

    def __init__(
        self,
        members: int = 4,
        steps: int = 1000,
        refit_steps: int = 30,
        curve: bool = True,
        architecture: bool = True,
        reconstruction: bool = True,
        tie: float = 0.0,
    ) -> None:
        self.members = members
        self.steps = steps
        self.refit_steps = refit_steps
        self.curve = curve
        self.architecture = architecture
        self.reconstruction = reconstruction
        self.tie = tie

    # --- learning --------------------------------------------------------------------------------------------------
    def fit(
        self,
        curves_by_task: Mapping[str, TaskCurves],
        space: SearchSpace,
        seed: int = 0,
        families: Mapping[str, str] | None = None,
    ) -> Self:
        """Learn from source tasks.

        Args:
            curves_by_task: per task genotypes (n, genes) and curves (n, epochs) in percent, larger better, one column per
                epoch of a whole training. Trainings without a last value are left out; tasks may differ in epochs. Empty:
                all is learned on the target.
            space: of all genotypes.
            seed: of weights and batches.
            families: of the tasks; members leave out whole families. A task that is not named is its own.

        Raises:
            WarmnasError: for genotypes of another space, shapes that do not fit, and values that are no percentages.
        """
        from . import fitting

        self._check_options()
        self.space_, self._seed = space, seed
        fitting.fit(self, curves_by_task, families or {})
        return self

    def adapt(
        self, genotypes: Genotypes, partial_curves: FloatArray, finished_mask: npt.NDArray[np.bool_] | None = None
    ) -> Self:
        """Learn from all trainings of the target so far; what an earlier call learned is replaced.

        Args:
            genotypes: (n, genes).
            partial_curves: percent, (n, epochs), NaN beyond what was trained.
            finished_mask: (n,), which trainings went to their end; None: those with a last value. The others were
                terminated: of their final value nothing is taken for certain but that it is not below a finished one's
                which they had already passed. Other pairs of theirs are held to what the sources said of them.
        """
        from . import fitting

        self._check_fitted()
        if not self.sources_:  # the target's own epochs
            self.places_ = places(np.shape(partial_curves)[-1])
        x, curves = self._check(genotypes, partial_curves)
        finished = curves.complete if finished_mask is None else np.asarray(finished_mask, dtype=bool)
        if finished.shape != (len(x),):
            raise WarmnasError(
                f"finished_mask has shape {finished.shape}; one entry for each of the {len(x)} curves is needed"
            )
        if not curves.complete[finished].all():
            raise WarmnasError("a training that is called finished has no last value; give it, or unset its finished_mask")
        fitting.adapt(self, x, curves, finished)
        return self

    def copy(self) -> LCRankNet:
        """A model of its own that shares what was learned from the sources: refit one, and the other stays."""
        return copy.copy(self)

    # --- asking ----------------------------------------------------------------------------------------------------
    def score(
        self, genotypes: Genotypes, partial_curves: FloatArray, reference: float | FloatArray | None = None
    ) -> FloatArray:
        """Numbers to order trainings of the target by, larger is better: (n,).

        Args:
            genotypes: (n, genes).
            partial_curves: percent, (n, epochs), NaN beyond what is seen; a row of NaN is judged by its architecture.
            reference: percent, what values are multiples of; scores compare under one reference only.
        """
        self._check_fitted()
        x, curves = self._check(genotypes, partial_curves)
        return self._scores(x, curves, self.reference_ if reference is None else reference)

    def p_better(
        self, genotype_a: Genotypes, partial_a: FloatArray, genotype_b: Genotypes, curve_b: FloatArray
    ) -> FloatArray:
        """Probability that a ends above b, .5 for equal ends: (n,). At least .5 where a is above b's last value already.

        Args:
            genotype_a: (n, genes).
            partial_a: percent, (n, epochs), NaN beyond what is seen.
            genotype_b: what it is compared with, usually the best so far: (n, genes), or one row for all.
            curve_b: percent, (n, epochs), or one row for all; usually seen to its end. Where both are, the answer is 1, .5
                or 0.
        """
        self._check_fitted()
        a, curves_a = self._check(genotype_a, partial_a)
        b, curves_b = self._check(np.atleast_2d(genotype_b), np.atleast_2d(curve_b))
        if len(b) not in (1, len(a)):
            raise WarmnasError(f"{len(a)} curves are compared with {len(b)}; give one, or as many")
        every = np.zeros(len(a), dtype=np.int64) if len(b) == 1 else np.arange(len(a))
        b, curves_b = b[every], curves_b.rows(every)
        seen = np.minimum(curves_a.fraction, curves_b.fraction)
        gap = self._scores(a, curves_a, curves_b.last) - self._scores(b, curves_b, curves_b.last)
        p = 1 / (1 + np.exp(-np.clip(gap / interpolated(*self._temperatures, seen), -50, 50)))
        ends = curves_a.last - curves_b.last
        known = np.where(np.abs(ends) <= self.tie, 0.5, ends > 0)
        p = np.where(ends > self.tie, np.maximum(p, 0.5), p)
        if not self._informed:
            p = np.full(len(a), 0.5)
        return np.where(curves_a.complete & curves_b.complete, known, p)

    # --- files -----------------------------------------------------------------------------------------------------
    def save(self, path: str | Path) -> None:
        """Write what was learned from the sources as safetensors, all or nothing. A refit on a target is not kept."""
        from .files import save

        self._check_fitted()
        save(self, Path(path))

    @classmethod
    def load(cls, path: str | Path) -> LCRankNet:
        """Read what :meth:`save` wrote; see :func:`load_lcranknet`."""
        return load_lcranknet(path)

    # --- inside ----------------------------------------------------------------------------------------------------
    def _forget(self) -> None:
        """Be as before anything of a target was seen."""
        self._target = self._context = None
        self._cache: dict[bytes, npt.NDArray[np.float32]] = {}
        self._aim(None)

    def _aim(self, target: Target | None) -> None:
        """Score for a target; None for one of which nothing is known."""
        from .scoring import Scorer
        from .target import prior_target

        self._target = target
        self._scorer = Scorer.of(self._network, target or prior_target(self._network), self.places_)

    @property
    def _informed(self) -> bool:
        """Whether anything was learned, from sources or from the target."""
        return bool(self.sources_) or self._target is not None

    def _check_options(self) -> None:
        if not (self.curve or self.architecture):
            raise WarmnasError("LCRankNet needs the curve or the architecture; switch one of them on")
        for name in ("members", "steps"):
            if getattr(self, name) < 1:
                raise WarmnasError(f"LCRankNet: {name} is {getattr(self, name)}; give at least 1")

    def _check_fitted(self) -> None:
        if not hasattr(self, "_network"):
            raise WarmnasError(
                "LCRankNet has learned nothing yet; call fit, with an empty mapping where there are no sources"
            )

    def _check(self, genotypes: Genotypes, curves: FloatArray) -> tuple[Genotypes, PartialCurves]:
        x = self.space_.check(genotypes)
        if x.ndim != 2:
            raise WarmnasError(f"genotypes must have the shape (n, {len(self.space_.genes)}), not {x.shape}")
        read = read_curves(curves, self.places_)
        if len(x) != len(read):
            raise WarmnasError(f"{len(x)} genotypes and {len(read)} curves; give as many of each")
        return x, read

    def _scores(self, genotypes: Genotypes, curves: PartialCurves, reference: float | FloatArray) -> FloatArray:
        """Mean of the members' scores, (n,)."""
        if not self._informed:
            return curves.last
        reference = np.broadcast_to(np.asarray(reference, dtype=np.float64), (len(genotypes),))
        parts = [slice(start, start + CHUNK) for start in range(0, len(genotypes), CHUNK)]
        scores = [self._member_scores(genotypes[p], curves.rows(p), reference[p]) for p in parts]
        return np.concatenate([np.zeros(0), *(each.mean(axis=0) for each in scores)])

    def _member_scores(self, genotypes: Genotypes, curves: PartialCurves, reference: FloatArray) -> FloatArray:
        """(members, n)."""
        values = self._standardised(curves, reference)
        scores = self._scorer.scores(self._codes(genotypes), values, curves.seen, curves.fraction.astype(np.float32))
        return scores.astype(np.float64)

    def _features(self, genotypes: Genotypes, curves: PartialCurves, reference: FloatArray) -> Tensor:
        """What the trunk reads beside the task, (members, n, width)."""
        import torch

        given = (self._standardised(curves, reference), curves.seen, curves.fraction.astype(np.float32))
        values, seen, fraction = (torch.from_numpy(part).expand(self.members, *part.shape) for part in given)
        return self._network.features(torch.from_numpy(self._codes(genotypes)), values, seen, fraction, self._grid)

    def _standardised(self, curves: PartialCurves, reference: FloatArray) -> npt.NDArray[np.float32]:
        """Values as the network reads them, (n, places, 2)."""
        channels = standardised(curves.values, reference, self._habits, self._context)
        return np.stack(channels, axis=-1).astype(np.float32)

    @property
    def _grid(self) -> Tensor:
        import torch

        return torch.from_numpy(self.places_).float()

    def _codes(self, genotypes: Genotypes) -> npt.NDArray[np.float32]:
        """Codes of architectures, remembered: (members, n, hidden)."""
        if not self.architecture:
            return np.zeros((self.members, len(genotypes), self._network.hidden), dtype=np.float32)
        keys = [row.tobytes() for row in genotypes]
        missing = list(dict.fromkeys(key for key in keys if key not in self._cache))
        if len(self._cache) + len(missing) > CACHE:
            self._cache.clear()
            missing = list(dict.fromkeys(keys))
        if missing:
            self._encode(missing)
        empty = np.zeros((self.members, 0, self._network.hidden), dtype=np.float32)
        return np.stack([self._cache[key] for key in keys], axis=1) if keys else empty

    def _encode(self, keys: list[bytes]) -> None:
        import torch

        rows = np.frombuffer(b"".join(keys), dtype=np.int8).reshape(len(keys), -1)
        tokens = torch.from_numpy(self._tokens(rows)).expand(self.members, -1, -1)
        with torch.no_grad():
            codes = self._network.code(tokens).numpy()
        self._cache.update(zip(keys, codes.transpose(1, 0, 2), strict=True))

    def _tokens(self, genotypes: Genotypes) -> IntArray:
        """Tokens of the canonical forms: equal functions have equal scores."""
        tokens: IntArray = np.ascontiguousarray(self.space_.tokens(self.space_.canonical(genotypes))).astype(np.int64)
        return tokens


def load_lcranknet(path: str | Path) -> LCRankNet:
    """A model that :meth:`LCRankNet.save` wrote.

    Raises:
        WarmnasError: where there is no such file.
        CorruptFile: where it is not one of these, or not whole.
    """
    from .files import load

    return load(Path(path))
