"""The RapidNAS search (MetaD2A: Lee, Hyung & Hwang, ICLR 2021, arXiv 2107.00860): draw, rank, train the best few.

Generator and predictor are meta-trained on the source tasks that a run knows, or come from a file (``model``). For the
target the generator draws cells from its images, the predictor ranks them, and they are evaluated in that order; when they
run out, the other candidates follow in the predictor's order. No result of the target changes anything, as published.

Needed are the images of the target and of all sources, or an ``embedding`` stored for all of them in the table. Where the
target's images are here and a source's are not, as in a search on somebody's own images, the weights that come with warmnas
take the place of the training. Without sources and without a model there is nothing to learn from, and the order is random.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

from ...bench import FloatArray, Genotypes, IntArray, UnknownName, WarmnasError
from ..optimizer import OrderOptimizer, optimizers
from ..problem import Problem
from ..streams import Streams, child

if TYPE_CHECKING:
    from ...transfer.rapidnas import RapidNAS, TaskSet
    from ...transfer.rapidnas.lockstep import MetaD2A

_DRAWS = 21  # key of the child stream that generates


@optimizers("rapidnas")
class RapidNASSearch(OrderOptimizer):
    """A fixed order per run, from the images of the tasks.

    Args:
        problem: what is searched.
        loss: ``squared`` as published, or ``rank``: pairwise within each source task.
        reads: ``images``, ``embedding``, or ``auto``: images where all are here, else stored embeddings.
        steps: of the meta-training.
        generate: cells that are drawn and ranked.
        model: a file of ``python -m warmnas.transfer.rapidnas.train`` instead of a training on the sources, or ``shipped``:
            what comes with warmnas.
        images: the target's images, as ``warmnas search --data`` takes them, where the table does not name them.
        relatives: ``yes`` allows a model that was trained on tasks of the target's family.

    Raises:
        WarmnasError: where images and embeddings are both absent, or the model has seen the target's family.
    """

    together = 8

    def __init__(
        self,
        problem: Problem,
        loss: str = "squared",
        reads: str = "auto",
        steps: int = 150,
        generate: int = 200,
        model: str = "",
        images: str = "",
        relatives: str = "no",
    ) -> None:
        super().__init__(problem)
        if loss not in ("squared", "rank"):
            raise UnknownName("loss of rapidnas", loss, ("squared", "rank"))
        if steps < 1 or generate < 1:
            raise WarmnasError(f"rapidnas: steps={steps}, generate={generate}; both are at least 1")
        self.loss, self.steps, self.generate = loss, steps, generate
        self._loaded: _Loaded | None = None
        if not model and problem.sources and self._sources_lack(reads, images):
            warnings.warn(
                "rapidnas: the images of a source are not here; weights that come with warmnas are used", stacklevel=2
            )
            model = "shipped"
        if model:
            self._loaded = _Loaded(self._load(model, images, relatives == "yes"))
        self._sets = self._read(reads, images) if model or problem.sources else []

    def _sources_lack(self, reads: str, images: str) -> bool:
        """Whether the target's images are here, and not what of the sources would be learned from."""
        from ...transfer.rapidnas.described import sets_of

        described = self.problem.described
        if reads not in ("auto", "images") or len(described) != 1 + len(self.problem.sources):
            return False
        try:
            sets_of(described[1:] if images else described, "images" if images else reads)
        except WarmnasError:
            try:
                return bool(images) or bool(sets_of(described[:1], "images"))
            except WarmnasError:
                return False
        return False

    def _load(self, model: str, images: str, relatives: bool) -> RapidNAS:
        from ...transfer.rapidnas import RapidNAS, shipped

        loaded, notes = RapidNAS.load(shipped(self.loss) if model == "shipped" else model)
        space = self.problem.candidates.space
        if (loaded.space.name, loaded.space.genes) != (space.name, space.genes):
            raise WarmnasError(f"rapidnas: {model} is of {loaded.space.name}, and the target of {space.name}")
        families = notes.get("families", [])
        own = {one.family for one in self.problem.described[:1]} | ({images.partition("[")[0]} if images else set())
        if (seen := sorted(own & set(families))) and not relatives:
            raise WarmnasError(
                f"rapidnas: {model} was trained on tasks of {', '.join(seen)}, the target's family; name a model that "
                "was not, or write relatives=yes"
            )
        return loaded

    def _read(self, reads: str, images: str) -> list[TaskSet]:
        """Sets of the target and, without a model, of the sources."""
        from ...transfer.rapidnas.described import sets_of
        from ...transfer.rapidnas.sets import FEATURES, image_set

        described = list(self.problem.described)
        if self._loaded is not None:
            described = described[:1]
            if reads == "auto":
                reads = "images" if self._loaded.model.model.scaler.features.shape[1] == FEATURES else "embedding"
        if self._loaded is None and len(described) != 1 + len(self.problem.sources):
            raise WarmnasError(
                "rapidnas: nothing is known of the target's images and the sources'; search a table that names them, or "
                "give model=... and images=..."
            )
        if images:
            from ...metadata.tasks import open_task

            return [image_set(open_task(images)), *sets_of(described[1:], "images")]
        if not described:
            raise WarmnasError("rapidnas: nothing is known of the target's images; name them by images=...")
        return sets_of(described, reads)

    def order(self) -> IntArray:
        """The first ``budget`` candidates of each run, shape (runs, budget)."""
        runs, budget = self.problem.runs, self.problem.budget
        if not self._sets:
            return self.first_random(budget)
        model, target = self._loaded or self._trained(), self._sets[0]
        # Runs of a lock-step stop drawing together, so what is drawn afterwards comes from another stream.
        draws = Streams([child(seed, _DRAWS) for seed in self.problem.seeds])
        rows = [self._among(drawn) for drawn in model.generate(target, self.generate, draws)]
        width = max(len(one) for one in rows)
        if width:
            # Shorter lists are filled up with their first row, and cut again.
            filled = np.stack([np.concatenate([one, np.full(width - len(one), one[0] if len(one) else 0)]) for one in rows])
            scores = model.predict(target, self.problem.candidates.genotypes[filled], self.streams)
            rows = [one[np.argsort(-s[: len(one)], kind="stable")] for one, s in zip(rows, scores, strict=True)]
        if min(len(one) for one in rows) < budget:
            everything = self.problem.candidates.genotypes
            scores = model.predict(target, np.broadcast_to(everything, (runs, *everything.shape)), self.streams)
            rows = [_then(one, np.argsort(-s, kind="stable")) for one, s in zip(rows, scores, strict=True)]
        return np.stack([one[:budget] for one in rows])

    def _trained(self) -> MetaD2A:
        """Both networks of every run, meta-trained on what the run knows of the sources."""
        from ...transfer.rapidnas.graphs import Graphs
        from ...transfer.rapidnas.lockstep import MetaD2A
        from ...transfer.rapidnas.set_bank import Scaler
        from ...transfer.rapidnas.settings import Settings

        problem, sets = self.problem, self._sets[1:]
        space, scaler = problem.candidates.space, Scaler.of(sets)
        model = MetaD2A(space, problem.runs, self.streams, scaler, Settings(self.loss), Graphs(space))
        model.learn_from(sets, [(source.genotypes, source.values) for source in problem.sources])
        for _ in range(self.steps):
            model.advance(self.streams, self.steps)
        return model

    def _among(self, genotypes: Genotypes) -> IntArray:
        """Candidates among what was drawn, once each, in the order of drawing."""
        rows = self.problem.candidates.rows(genotypes)
        rows = rows[rows >= 0]
        _, first = np.unique(rows, return_index=True)
        return rows[np.sort(first)]


def _then(first: IntArray, others: IntArray) -> IntArray:
    """``first``, then what of ``others`` is not among them."""
    return np.concatenate([first, others[~np.isin(others, first)]])


class _Loaded:
    """A model of a file, for all runs: it predicts the same in each, and each draws its own architectures."""

    def __init__(self, model: RapidNAS) -> None:
        self.model = model

    def generate(self, task: TaskSet, n: int, streams: Streams) -> list[Genotypes]:
        """As the method of MetaD2A."""
        seeds = (streams.random((len(streams.generators), 1))[:, 0] * 2**31).astype(int).tolist()
        return [self.model.generate(task, n, seed) for seed in seeds]

    def predict(self, task: TaskSet, genotypes: Genotypes, streams: Streams) -> FloatArray:
        """As the method of MetaD2A."""
        runs, n, genes = genotypes.shape
        if genotypes.strides[0] == 0:
            return np.broadcast_to(self.model.predict(task, genotypes[0]), (runs, n))
        return self.model.predict(task, genotypes.reshape(runs * n, genes)).reshape(runs, n)
