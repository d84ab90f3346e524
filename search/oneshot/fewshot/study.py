"""A comparison of few-shot methods with the controls that such methods must beat.

| control | question |
|---|---|
| ``random architecture`` | does searching the architecture help at all? The same meta-learner on a random cell |
| ``no adaptation`` | does the *task's* architecture help? The meta-learnt alpha for all tasks, weights adapted |
| ``centroids`` | does adapting help? Features of the meta-learnt network, frozen, and the nearest class mean |

All on the same test episodes, of classes that were not meta-learnt on, so differences are paired. A task's own architecture
is worth having where the interval of the difference to ``no adaptation`` lies above 0; else the meta-learnt one serves all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from ....bench import FloatArray, SearchSpace, UnknownName, WarmnasError
from .episodes import Episode, Episodes, parted
from .learner import MetaSearch, Rates

if TYPE_CHECKING:
    from ....metadata.tasks.task import ImageTask

METHODS: dict[str, Rates] = {
    "maml": Rates("maml", rate_alpha=0.0),
    "fomaml": Rates("fomaml", rate_alpha=0.0),
    "reptile": Rates("reptile", rate_alpha=0.0, meta_w=0.3),
    "t-nas": Rates("fomaml", rate_alpha=30.0),
    "metanas": Rates("reptile", rate_alpha=1.0, meta_w=0.3, meta_alpha=0.6, cold=0.05),
}
LEARN = 0.6  # share of the classes that is meta-learnt on
CONTROLS = ("random architecture", "no adaptation", "centroids")


def few_shot(
    method: str,
    space: SearchSpace,
    task: ImageTask,
    *,
    ways: int = 5,
    shots: int = 5,
    queries: int = 5,
    meta_steps: int = 100,
    episodes: int = 200,
    seed: int = 0,
    width: int = 8,
    cells: int = 1,
    share: float = LEARN,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Meta-learn one method and its control, and judge them on episodes of other classes.

    Args:
        method: one of ``METHODS``. ``maml``, ``fomaml`` and ``reptile`` do not search: they learn one mixture's weights.
        space: with a supernet of mixtures.
        task: its training images make the episodes.
        ways: classes of an episode.
        shots: images of a class to adapt on.
        queries: images of a class to judge on.
        meta_steps: of the outer loop.
        episodes: to judge on.
        seed: of everything.
        width: of the supernet.
        cells: of the supernet.
        share: of the classes that are meta-learnt on.
        progress: told how many of how many steps and episodes are done.

    Returns:
        ``rows``: for the method and each control its accuracy in percent and the half width of a 95 % interval over
        episodes; and for each control the mean paired ``difference`` of the method to it with its own half width.
        ``reading_gap``: points that reading a discrete cell from the adapted mixture costs, likewise; None where no cell
        is read. ``keep_task_architecture``: whether the interval of the difference to ``no adaptation`` is above 0; None
        where the architecture does not adapt. ``cell``: the meta-learnt one.

    Raises:
        UnknownName: for another method.
        WarmnasError: where there are too few classes, or too few images of one.
        Diverged: where the loss on a query is not a finite number.
    """
    check_numbers(ways, shots, queries, meta_steps, episodes)
    if method not in METHODS:
        raise UnknownName("few-shot method", method, METHODS)
    rates, shape = METHODS[method], (task.shape[2], *task.shape[:2])
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(200,)))
    learnt, tested = parted(task, share, rng)
    training, testing = (Episodes(task, classes, ways, shots, queries) for classes in (learnt, tested))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        own = MetaSearch(space, shape, ways, rates, width, cells)
        cell = connected_cell(space, rng)
        random = MetaSearch(space, shape, ways, replace(rates, rate_alpha=0.0), width, cells, fixed=cell)
        found = _learnt_and_judged(own, random, training, testing, meta_steps, episodes, rng, progress)
    about = {"method": method, "ways": ways, "shots": shots, "episodes": episodes}
    return {**about, "cell": space.to_string(own.read(own.start()[1])), **compared(100 * np.array(found), rates)}


def _learnt_and_judged(
    own: MetaSearch,
    random: MetaSearch,
    training: Episodes,
    testing: Episodes,
    meta_steps: int,
    episodes: int,
    rng: np.random.Generator,
    progress: Callable[[int, int], None] | None,
) -> list[list[float]]:
    """Both learners meta-learn, one after the other; then what each new episode says of them, see :func:`judged`."""
    total, found = 2 * meta_steps + episodes, []
    for done in range(total):
        if done < 2 * meta_steps:
            learner = own if done < meta_steps else random
            learner.meta_step(training, rng)
        else:
            found.append(judged(own, random, testing.draw(rng)))
        if progress is not None:
            progress(done + 1, total)
    return found


def check_numbers(ways: int, shots: int, queries: int, meta_steps: int, episodes: int) -> None:
    """WarmnasError where a number makes no study."""
    for name, value, least in (("ways", ways, 2), ("shots", shots, 1), ("queries", queries, 1), ("episodes", episodes, 2)):
        if value < least:
            raise WarmnasError(f"{name} {value}: a few-shot study has {least} or more")
    if meta_steps < 0:
        raise WarmnasError(f"steps {meta_steps}: 0 or more")


def compared(table: FloatArray, rates: Rates) -> dict[str, Any]:
    """Rows, differences and the verdict of accuracies in percent, (episodes, method and controls and soft mixture)."""
    searched = rates.rate_alpha > 0
    rows: list[dict[str, Any]] = [{"name": name, **_mean(table[:, i])} for i, name in enumerate(("method", *CONTROLS))]
    for i, row in enumerate(rows[1:], 1):
        row["difference"] = _mean(table[:, 0] - table[:, i])
    own = rows[2]["difference"]
    return {
        "rows": rows,
        "reading_gap": _mean(table[:, 4] - table[:, 0]) if searched else None,
        "keep_task_architecture": own["accuracy"] - own["half"] > 0 if searched else None,
    }


def connected_cell(space: SearchSpace, rng: np.random.Generator) -> Any:
    """A random cell whose input reaches its output."""
    while True:
        drawn = space.sample(1, rng)
        if bool(space.connected(drawn)[0]):
            return drawn[0]


def judged(own: MetaSearch, random: MetaSearch, episode: Episode) -> list[float]:
    """Shares of right answers on the queries: the method, the three controls, and the method before its cell is read."""
    weights, alphas = own.adapt(episode)
    end = own.temperature(own.rates.steps)
    soft = share(own.logits(weights, own.mixture(alphas, end), episode.query), episode.query_labels)
    first = plain = soft
    if own.rates.rate_alpha > 0:
        # The task's own architecture is a discrete one, so that every row is about networks that could be deployed.
        first = share(own.logits(weights, own.layout.path(own.read(alphas)), episode.query), episode.query_labels)
        plain_weights, meta = own.adapt(episode, architecture=False)
        plain = share(own.logits(plain_weights, own.layout.path(own.read(meta)), episode.query), episode.query_labels)
    random_weights, random_alphas = random.adapt(episode)
    by_chance = share(random.logits(random_weights, random.mixture(random_alphas), episode.query), episode.query_labels)
    return [first, by_chance, plain, share(centroid_logits(own, episode), episode.query_labels), soft]


@torch.no_grad()
def share(logits: Tensor, labels: Tensor) -> float:
    """Share of right answers."""
    return float((logits.argmax(dim=1) == labels).double().mean())


@torch.no_grad()
def centroid_logits(own: MetaSearch, episode: Episode) -> Tensor:
    """Minus the squared distances of the queries' features to the class means of the support, (queries, ways).

    Support and queries pass together, since batch norm uses the batch's statistics.
    """
    weights, alphas = own.start()
    head, own.network.head = own.network.head, torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())
    try:
        kept = {name: value for name, value in weights.items() if not name.startswith("head.")}
        both = torch.cat([episode.support, episode.query])
        features: Tensor = functional_call(own.network, kept, (both, own.mixture(alphas)))
    finally:
        own.network.head = head
    support, query = features[: len(episode.support)], features[len(episode.support) :]
    ways = int(episode.support_labels.max()) + 1
    means = torch.stack([support[episode.support_labels == c].mean(dim=0) for c in range(ways)])
    return -torch.cdist(query, means).square()


def _mean(values: FloatArray) -> dict[str, float]:
    """Mean and half width of a 95 % interval over episodes."""
    half = 1.96 * float(values.std(ddof=1)) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return {"accuracy": float(values.mean()), "half": float(half)}
