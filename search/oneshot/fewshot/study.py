"""A comparison of few-shot methods with the controls that such methods must beat.

| control | question |
|---|---|
| ``random architecture`` | does searching the architecture help at all? The same meta-learner on a random cell |
| ``no adaptation`` | does the *task's* architecture help? The meta-learnt alpha for all tasks, weights adapted |
| ``centroids`` | does adapting help? Features of the meta-learnt network, frozen, and the nearest class mean |

All on the same test episodes, of classes that were not meta-learnt on, so differences are paired.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call

from ....bench import FloatArray, SearchSpace, UnknownName
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

    Returns: ``rows``: for the method and each control its accuracy in percent and the half width of a 95 % interval over
    episodes; and for each control the mean paired ``difference`` of the method to it with its own half width.
    """
    if method not in METHODS:
        raise UnknownName("few-shot method", method, METHODS)
    rates, height_width = METHODS[method], task.shape
    shape = (height_width[2], height_width[0], height_width[1])
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(200,)))
    learnt, tested = parted(task, share, rng)
    training, testing = (Episodes(task, classes, ways, shots, queries) for classes in (learnt, tested))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        own = MetaSearch(space, shape, ways, rates, width, cells)
        cell = connected_cell(space, rng)
        random = MetaSearch(space, shape, ways, replace(rates, rate_alpha=0.0), width, cells, fixed=cell)
        for _ in range(meta_steps):
            own.meta_step(training, rng)
        for _ in range(meta_steps):
            random.meta_step(training, rng)
        found = [judged(own, random, testing.draw(rng)) for _ in range(episodes)]
    names = ("method", "random architecture", "no adaptation", "centroids")
    table = 100 * np.array(found)
    rows = [{"name": name, **_mean(table[:, i])} for i, name in enumerate(names)]
    for i, row in enumerate(rows[1:], 1):
        row["difference"] = _mean(table[:, 0] - table[:, i])
    meta = own.read(own.start()[1])
    return {
        "method": method,
        "ways": ways,
        "shots": shots,
        "episodes": episodes,
        "cell": space.to_string(meta),
        "rows": rows,
    }


def connected_cell(space: SearchSpace, rng: np.random.Generator) -> Any:
    """A random cell whose input reaches its output."""
    while True:
        drawn = space.sample(1, rng)
        if bool(space.connected(drawn)[0]):
            return drawn[0]


def judged(own: MetaSearch, random: MetaSearch, episode: Episode) -> list[float]:
    """Shares of right answers on the queries: the method, and the three controls."""
    weights, alphas = own.adapt(episode)
    # The task's own architecture is a discrete one, so that every row is about networks that could be deployed.
    searched = own.rates.rate_alpha > 0
    mixture = own.layout.path(own.read(alphas)) if searched else own.mixture(alphas, own.temperature(own.rates.steps))
    plain_weights, plain_alphas = own.adapt(episode, architecture=False)
    plain = (
        own.layout.path(own.read(plain_alphas)) if searched else own.mixture(plain_alphas, own.temperature(own.rates.steps))
    )
    random_weights, random_alphas = random.adapt(episode)
    return [
        share(own.logits(weights, mixture, episode.query), episode.query_labels),
        share(random.logits(random_weights, random.mixture(random_alphas), episode.query), episode.query_labels),
        share(own.logits(plain_weights, plain, episode.query), episode.query_labels),
        share(centroid_logits(own, episode), episode.query_labels),
    ]


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
