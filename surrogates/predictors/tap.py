"""TAP, the train-less accuracy predictor of TAPAS.

Istrate, Scheidegger, Mariani, Nikolopoulos, Bekas & Malossi, AAAI 2019, arXiv 1806.00250.

A chain is read layer by layer, and after every layer the accuracy of the prefix that ends there is predicted:

    h1(t) = LSTM1(features of layer t),  h2(t) = LSTM2([h1(t), DCN]),  accuracy(t) = w . h2(t) + b

The features of a layer are its type and hyper-parameters, the ratio of its output to its input, and what the network has
up to it: layers, parameters, multiply-adds, memory. The DCN, how well landmark networks do on the data set, enters at the
second LSTM. The loss is the squared error over all prefixes that were measured (a mask leaves out the others). It is fitted
on pooled experiments of several tasks; those far from the target in DCN are left out (``hard``) or weigh less (``soft``).

Where this is not the paper's: no code was published, and its body gives no sizes that could be checked. Accuracies are
between chance and 100 %, so that tasks of 10 and of 20 classes have one scale, and the output is linear on standardised
values. The predicted accuracy of the prefix before is no input: the second LSTM carries it, without feeding errors back.
``ranking`` adds a pairwise logistic loss on whole chains of one task; the paper has none. Without it the order on unseen
families is much worse (docs/predictors.md).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np

from ...bench import FloatArray, Genotypes, SearchSpace, Table, WarmnasError
from .ensemble import Ensemble, batches
from .experiments import Experiments, Images, far_weights, features_of, pooled
from .predictor import Arrays, predictors

if TYPE_CHECKING:
    from torch import nn

UNKNOWN = Images((3, 32, 32), 10)  # where nothing is known of the images


@predictors("tap")
class TAP(Ensemble):
    """Two stacked LSTMs over the layers of a chain.

    Args:
        space: of chains.
        seed: of weights and batches.
        members: networks, whose deviation is the uncertainty.
        first, second: units of the two LSTMs.
        epochs: of training.
        rate: RMSprop's step size at the start; a cosine leads to 0.
        batch: rows of a step.
        prefilter: what becomes of experiments on tasks whose DCN is far from the target's: ``none``, ``hard`` or ``soft``.
        tau: how far is far, in units of the DCN (0 at chance, 1 at 100 %).
        ranking: weight of the pairwise loss.
    """

    def __init__(
        self,
        space: SearchSpace,
        seed: int = 0,
        members: int = 3,
        first: int = 32,
        second: int = 32,
        epochs: int = 60,
        rate: float = 5e-3,
        batch: int = 64,
        prefilter: Literal["none", "hard", "soft"] = "soft",
        tau: float = 0.2,
        ranking: float = 1.0,
    ) -> None:
        self.space = space
        self.seed = seed
        self.members = members
        self.first = first
        self.second = second
        self.epochs = epochs
        self.rate = rate
        self.batch = batch
        self.prefilter = prefilter
        self.tau = tau
        self.ranking = ranking

    @classmethod
    def lacking(cls, space: SearchSpace) -> str:
        """It reads chains only."""
        return "" if hasattr(space, "layers") else "layers in a chain"

    def fit_table(self, table: Table, task: str) -> Self:
        """Learn for a task from the other families of a table of chains; the table has a ``dcn`` of every task."""
        return self.fit_experiments(*pooled(table, task))

    def fit_experiments(self, experiments: Experiments, dcn: float, images: Images) -> Self:
        """Learn from experiments of other tasks, for a target with that DCN and those images. No value of it is needed.

        Raises:
            WarmnasError: where the space has no layers, nothing was measured, or an option is wrong.
        """
        self._refuse_space()
        if self.prefilter not in ("none", "hard", "soft"):
            raise WarmnasError(f"tap: prefilter '{self.prefilter}' is not known. Choices: none, hard, soft.")
        if not np.isfinite(dcn):
            raise WarmnasError(f"tap: the DCN of the target is {dcn}; give a number, 0 at chance, 1 at 100 %")
        weights = far_weights(experiments, dcn, self.prefilter, self.tau)
        kept = experiments.rows(weights > 0)
        measured = kept.accuracies[~np.isnan(kept.accuracies)]
        if not len(measured):
            raise WarmnasError("tap: no experiment has a measured accuracy; give experiments of other tasks")
        mean, scale = float(measured.mean()), float(max(measured.std(), 1e-6))
        self._context = dcn, images
        self._learn(kept, (kept.accuracies - mean) / scale, weights[weights > 0])
        chance = 100 / images.classes
        # From "percent above chance" to the target's accuracy in percent.
        self.mean_ = chance + (1 - chance / 100) * mean
        self.scale_ = (1 - chance / 100) * scale
        return self

    def _fit(self, genotypes: Genotypes, values: FloatArray) -> None:
        """Of one task alone, with values of whole chains: every DCN is the same and says nothing."""
        self._context = 0.0, UNKNOWN
        features, present = features_of(self.space, genotypes, UNKNOWN)
        last = present.sum(axis=1) - 1
        whole = np.full(present.shape, np.nan)
        whole[np.arange(len(values)), last] = values
        alike = np.zeros(len(values))
        self._learn(Experiments(features, present, whole, alike, alike.astype(np.int64)), whole, alike + 1)

    def _learn(self, experiments: Experiments, targets: FloatArray, weights: FloatArray) -> None:
        rng = np.random.default_rng(self.seed)
        there = experiments.features[experiments.present]
        self._scaler = np.stack([there.mean(axis=0), np.maximum(there.std(axis=0), 1e-6)])
        self._network = self._build(rng)
        self._descend(self._network, experiments, targets, weights, rng)
        self._line = np.stack([np.ones(self.members), np.zeros(self.members)])

    def _build(self, rng: np.random.Generator) -> nn.Module:
        from .tap_network import TAPNetwork

        return TAPNetwork(rng, self.members, self._scaler.shape[1], self.first, self.second)

    def _descend(
        self,
        network: nn.Module,
        experiments: Experiments,
        targets: FloatArray,
        weights: FloatArray,
        rng: np.random.Generator,
    ) -> None:
        import torch

        from .tap_network import tap_loss

        x = torch.from_numpy(self._scaled(experiments.features, experiments.present))
        measured = ~np.isnan(targets)
        mask = torch.from_numpy((measured * (weights / weights.mean())[:, None]).astype(np.float32))
        y = torch.from_numpy(np.where(measured, targets, 0.0).astype(np.float32))
        dcn = torch.from_numpy(experiments.dcn.astype(np.float32))
        task = torch.from_numpy(experiments.task)
        last = torch.from_numpy(experiments.present.sum(axis=1) - 1)
        rms = torch.optim.RMSprop(network.parameters(), lr=self.rate, foreach=True)
        steps = self.epochs * -(-len(y) // self.batch)
        cosine = torch.optim.lr_scheduler.CosineAnnealingLR(rms, steps)
        for _ in range(self.epochs):
            for rows in batches(rng, self.members, len(y), self.batch):
                rms.zero_grad(set_to_none=True)
                predicted = network(x[rows], dcn[rows])
                loss = tap_loss(predicted, y[rows], mask[rows], task[rows], last[rows], self.ranking)
                loss.backward()  # type: ignore[no-untyped-call]
                rms.step()
                cosine.step()

    def _scaled(self, features: FloatArray, present: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
        scaled = (features - self._scaler[0]) / self._scaler[1]
        return np.where(present[..., None], scaled, 0.0).astype(np.float32)

    def _prefixes(self, network: nn.Module, genotypes: Genotypes) -> tuple[FloatArray, Any]:
        """Standardised predictions of every prefix, (members, n, layers), and which there are, (n, layers)."""
        import torch

        dcn, images = self._context
        features, present = features_of(self.space, genotypes, images)
        x = torch.from_numpy(self._scaled(features, present)).expand(self.members, -1, -1, -1)
        with torch.no_grad():
            predicted = network(x, torch.full(x.shape[:2], dcn))
        return predicted.numpy().astype(np.float64), present

    def _scores(self, network: nn.Module, genotypes: Genotypes) -> FloatArray:
        predicted, present = self._prefixes(network, genotypes)
        last = present.sum(axis=1) - 1
        return predicted[:, np.arange(len(last)), last]

    def predict_prefixes(self, genotypes: Genotypes) -> FloatArray:
        """Expected accuracy of every prefix of chains (n, genes), NaN behind the last layer: (n, layers)."""
        predicted, present = self._prefixes(self._network, self._canonical(genotypes))
        return np.where(present, self.mean_ + self.scale_ * predicted.mean(axis=0), np.nan)

    def _more(self) -> Arrays:
        dcn, images = self._context
        return {"scaler": self._scaler, "context": np.array([dcn, *images.numbers()])}

    def _restore_more(self, arrays: Arrays) -> None:
        self._scaler = arrays["scaler"].astype(np.float64)
        dcn, *numbers = arrays["context"].tolist()
        self._context = dcn, Images.of(numbers)
