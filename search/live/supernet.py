"""``--validate supernet``: what a supernet's ranking would have been worth on this search's own images.

The search's finished trainings are the truth: networks of the same size, trained alone on the same training images and
measured on validation images. A supernet (single uniform paths, as in RSPS) learns on one half of the training images for
as many epochs as all trainings of the search may have together, which is half of their steps, and ranks the same
architectures by their accuracy on the other half. It changes nothing in the search. A search's budget is small, so the
intervals are wide; and each truth is one training.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ...bench import FloatArray, Genotypes, SearchSpace
from ...transfer.source_ranking import mean_source_rank
from ..oneshot import Diverged, Search, search_supernet
from ..oneshot import Settings as SupernetSettings
from ..oneshot.parts.candidates import accuracies
from ..oneshot.validation import agreement, chance
from ..problem import SourceTask
from .evaluator import Note
from .loop import DONE, Training

if TYPE_CHECKING:
    from ...metadata.tasks import ImageTask
    from .settings import Settings

METHOD = "rsps[candidates=1]"
FEWEST = 3  # finished trainings without which there is no ranking
BATCH = 64
NONE = "no supernet was validated: "


def validated(
    settings: Settings,
    space: SearchSpace,
    task: ImageTask,
    trainings: Sequence[Training],
    sources: Sequence[SourceTask],
    device: str,
    work: Path,
    until: float,
    note: Note,
) -> dict[str, Any] | None:
    """The supernet's ranking of the finished trainings, beside rivals; where there is none, why is noted.

    Args:
        settings: of the search.
        space: of the search.
        task: what the search saw, without test images.
        trainings: of the search.
        sources: what the search began with, one run each.
        device: where the supernet is trained.
        work: folder in which a supernet that was interrupted goes on.
        until: monotonic time at which its training ends.
        note: told in one line why there is no ranking.
    """
    done = [t for t in trainings if t.state == DONE]
    if len(done) < FEWEST:
        note(f"{NONE}a ranking needs {FEWEST} finished trainings, and there are {len(done)}")
        return None
    genotypes, values = np.stack([t.genotype for t in done]), np.array([t.value for t in done])
    size = SupernetSettings(
        settings.budget * settings.epochs,
        min(BATCH, len(task.train) // 2),
        settings.seed,
        settings.width,
        settings.cells,
    )
    scores: list[FloatArray] = []
    work.mkdir(parents=True, exist_ok=True)

    def after(search: Search, cell: Genotypes) -> None:
        scores.append(accuracies(search, genotypes))

    try:
        found = search_supernet(METHOD, space, task, size, folder=work, device=device, after=after, until=until)
    except Diverged as error:
        note(f"{NONE}{error}")
        return None
    epochs = len(found.history)
    if not epochs:
        note(f"{NONE}no time was left for a supernet")
        return None
    each = float(np.mean([t.seconds for t in done]))
    rows = rankings(space, genotypes, values, scores[0], sources, len(task.classes))
    n = max(int(found.seconds / each), 1) if each > 0 else len(done)
    rows.append({"name": f"random, best of {n} trained alone", **chance(values, n)})
    first = {key: rows[0][key] for key in ("spearman", "interval", "tau")}
    about = {"architectures": len(done), "epochs": epochs, "asked_epochs": size.epochs, "seconds": found.seconds}
    return {**first, **about, "truth": f"one training of {settings.epochs} epochs each", "rows": rows}


def rankings(
    space: SearchSpace,
    genotypes: Genotypes,
    values: FloatArray,
    scores: FloatArray,
    sources: Sequence[SourceTask],
    classes: int,
) -> list[dict[str, Any]]:
    """How the supernet, the live parameters and the sources agree with the values: see :func:`agreement`."""
    size = space.live_params(genotypes, classes)
    rows = [agreement("supernet", scores, values, size)]
    if size is not None:
        rows.append(agreement("live-params", size, values))
    keys = space.class_keys(genotypes).tolist()
    place = {key: i for i, key in enumerate(keys)}
    known = [
        (np.array([[place.get(key, -1) for key in space.class_keys(source.genotypes[0]).tolist()]]), source.values)
        for source in sources
    ]
    ranks = mean_source_rank(known, (1, len(genotypes)))[0]
    if np.isfinite(ranks).any():
        rows.append(agreement("source-ranking", -ranks, values))
    rows.append({"name": "random", **chance(values)})
    return rows
