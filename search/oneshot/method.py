"""What a one-shot method is made of: four axes, each a part, and a recipe that puts parts together.

| axis | part | question |
|---|---|---|
| sampling | :class:`Sampler` | which path or mixture is computed in a step? |
| update | :class:`Update` | how do the architecture's parameters learn? |
| regularisation | :class:`Regulariser` | what is added to the losses, what stops, prunes or drops? |
| reading | :class:`ReadOut` | which discrete cell is the answer? |

The bilevel loop, the data and the supernet are the same for all (``loop.py``). A method is a function registered by name
that returns a :class:`Method`; its arguments are the method's options. Nothing here imports torch.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ...bench import FloatArray, Genotypes, Registry, UnknownName, WarmnasError
from ..optimizer import parse_spec

if TYPE_CHECKING:
    from torch import Tensor

    from ...bench.networks.mixture import Mixture
    from .state import Search


class Part:
    """Hooks that a part may fill in. State that a resumed run needs goes through :meth:`state` and :meth:`load`."""

    def start(self, search: Search) -> None:
        """Before the first step: add parameters to ``search.architecture``, forbid operations."""

    def built(self, search: Search) -> None:
        """Whenever a fresh supernet was made, before its optimizer: hook into its layers, replace its head."""

    def before_epoch(self, search: Search) -> None:
        """At the start of an epoch."""

    def after_epoch(self, search: Search) -> None:
        """At its end; may call ``search.stop(reason)``."""

    def state(self) -> dict[str, Any]:
        """Numbers, strings, lists, dicts and tensors to keep in a checkpoint."""
        return {}

    def load(self, state: dict[str, Any]) -> None:
        """Inverse of :meth:`state`."""


class Sampler(Part, ABC):
    """Draws what is computed."""

    @abstractmethod
    def weights(self, search: Search) -> Mixture:
        """For a step of the network's weights; without gradients to the architecture's parameters."""

    def architecture(self, search: Search) -> Mixture:
        """For a step of the architecture's parameters, with gradients to them."""
        return self.weights(search)

    def parts(self, search: Search, images: Tensor, labels: Tensor) -> Iterator[tuple[Mixture, Tensor, Tensor, float]]:
        """A batch as parts with a mixture each and a factor of its loss. One part where nothing else is said."""
        yield self.weights(search), images, labels, 1.0

    def scores(self, search: Search) -> list[FloatArray]:
        """How strong each operation is, (edges, operations) for each kind of cell: softmax of alpha, if nothing else."""
        return [p.detach().cpu().double().numpy() for p in search.probabilities()]


class Update(Part):
    """Moves the architecture's parameters. This one does nothing, for methods that have none."""

    def batch(self, search: Search, images: Tensor, labels: Tensor) -> None:
        """Before each step of the weights; ``images`` are those of that step."""

    def epoch(self, search: Search) -> None:
        """After the weights' steps of an epoch."""


class Regulariser(Part):
    """Adds to losses or changes mixtures."""

    def weights_loss(self, search: Search, mixture: Mixture) -> Tensor | float:
        """Added to the loss of the weights."""
        return 0.0

    def architecture_loss(self, search: Search) -> Tensor | float:
        """Added to the loss of the architecture's parameters."""
        return 0.0

    def mixture(self, search: Search, mixture: Mixture) -> Mixture:
        """What a step of the weights computes instead."""
        return mixture


class ReadOut(Part, ABC):
    """Reads the discrete cell."""

    @abstractmethod
    def read(self, search: Search) -> Genotypes:
        """The genotype, (genes,). May read the weights' and the architecture's halves of the training images only."""


class Objective(Part):
    """What is learned: the task's labels if nothing else is said."""

    def loss(self, search: Search, mixture: Mixture, images: Tensor, labels: Tensor) -> Tensor:
        """Mean loss of a batch."""
        from torch.nn import functional

        logits = search.supernet(images, mixture)
        return functional.cross_entropy(logits, labels, label_smoothing=search.method.weights.smoothing)

    def right(self, search: Search, mixture: Mixture, images: Tensor, labels: Tensor) -> Tensor:
        """Share of right answers in a batch, (): NaN where an output is not finite."""
        logits = search.supernet(images, mixture)
        share: Tensor = (logits.argmax(dim=1) == labels).double().mean()
        return share if bool(logits.isfinite().all()) else share * float("nan")

    def judge(self, search: Search, genotype: Genotypes) -> float:
        """Percent of the task's validation images that the genotype's path gets right, after all decisions."""
        return search.accuracy(search.layout.path(genotype), judge=True)


@dataclass(frozen=True)
class WeightRecipe:
    """SGD of the weights: rate falling to ``final`` along a cosine; ``clip`` bounds the gradient's norm.

    The defaults are those of NATS-Bench's searches, which the methods share where their papers say nothing that matters.
    """

    rate: float = 0.025
    final: float = 0.001
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 5e-4
    clip: float = 5.0
    smoothing: float = 0.0


@dataclass(frozen=True)
class AlphaRecipe:
    """Adam of the architecture's parameters, and the deviation of their initial values."""

    rate: float = 3e-4
    betas: tuple[float, float] = (0.5, 0.999)
    weight_decay: float = 1e-3
    eps: float = 1e-8
    clip: float | None = None
    initial: float = 1e-3


@dataclass(frozen=True)
class Method:
    """A recipe of parts.

    Attributes:
        sampler, update, readout, regularisers, objective: the parts.
        weights, alpha: how both kinds of parameters are trained; without ``alpha`` there is no table of operation weights.
        warmup: share of the epochs in which only the weights are trained.
        partial: K of partial channels.
        running: whether batch norm keeps running statistics.
        space: where it searches if nothing else is said.
        without: operations that the supernet does not compute at all.
    """

    sampler: Sampler
    update: Update
    readout: ReadOut
    regularisers: tuple[Regulariser, ...] = ()
    objective: Objective = field(default_factory=Objective)
    weights: WeightRecipe = field(default_factory=WeightRecipe)
    alpha: AlphaRecipe | None = field(default_factory=AlphaRecipe)
    warmup: float = 0.0
    partial: int = 1
    running: bool = False
    without: tuple[str, ...] = ()
    space: str = "nasbench201"

    @property
    def parts(self) -> list[Part]:
        """All of them, in a fixed order."""
        return [self.sampler, self.update, *self.regularisers, self.objective, self.readout]


methods: Registry[Callable[..., Method]] = Registry("one-shot method")


def make_method(spec: str) -> Method:
    """The method of a name with options, such as ``rsps[candidates=100]``.

    Raises:
        UnknownName: for a name or an option that does not exist.
        WarmnasError: for a value that an option cannot have.
    """
    name, options = parse_spec(spec)
    known = list(inspect.signature(methods[name]).parameters)
    for option in options:
        if option not in known:
            raise UnknownName(f"option of {name}", option, known)
    try:
        return methods[name](**options)
    except (TypeError, ValueError) as error:
        if not options:
            raise
        raise WarmnasError(f"one-shot method '{spec}': an option has a wrong value ({error})") from error
