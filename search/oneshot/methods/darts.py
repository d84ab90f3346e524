"""DARTS, first order (Liu, Simonyan & Yang, ICLR 2019, arXiv 1806.09055).

Every edge computes sum over o of softmax(alpha)_o * o(x). In turn, alpha takes a step of Adam along the gradient of the
loss on its half of the images, and the weights a step of SGD on theirs. The cell is the argmax of alpha.

Known failures: skips gain weight as epochs go on, since they need no training; ``none`` gains weight too and is passed over
when a DARTS cell is read; on NAS-Bench-201 the answer is often the cell of skips only.

The option ``skip`` makes the controls of FairDARTS (section 5.3): ``drop`` takes skip connections out of the supernet,
``noise`` adds Gaussian noise to what they carry.
"""

from __future__ import annotations

from ..method import AlphaRecipe, Method, WeightRecipe, methods

WEIGHTS = WeightRecipe(weight_decay=3e-4, nesterov=False)
ALPHA = AlphaRecipe(rate=3e-4, betas=(0.5, 0.999), weight_decay=1e-3)


@methods("darts")
def darts(skip: str = "keep") -> Method:
    """``skip``: keep, drop or noise."""
    from ..parts.first_order import FirstOrder
    from ..parts.mixed import Softmax
    from ..parts.noisy_skip import NoisySkip
    from ..parts.reading import ArgMax

    if skip not in ("keep", "drop", "noise"):
        raise ValueError("skip is keep, drop or noise")
    return Method(
        sampler=Softmax(),
        update=FirstOrder(),
        readout=ArgMax(),
        regularisers=(NoisySkip(),) if skip == "noise" else (),
        weights=WEIGHTS,
        alpha=ALPHA,
        without=("skip_connect",) if skip == "drop" else (),
    )
