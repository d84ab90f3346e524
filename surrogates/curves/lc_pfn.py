"""LC-PFN: one pass of a network that was trained on curves of a prior, and on nothing else.

Adriaensen, Rakotoarison, Mueller & Hutter, "Efficient Bayesian learning curve extrapolation using prior-data fitted
networks", NeurIPS 2023. The prior is theirs (``lc_pfn_prior``), the network our own and smaller (``lc_pfn_network``); its
weights are trained by ``train_lc_pfn``, on the prior alone, and ship with the package.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ...bench import CorruptFile, FloatArray, IntArray, WarmnasError
from .final import NormalMixture
from .model import CurveModel, curve_models
from .partial import Curves

if TYPE_CHECKING:
    from .lc_pfn_network import LCPFNNetwork

HORIZON = 100  # epochs of the prior's curves; longer trainings are thinned to so many
SHIPPED = Path(__file__).parent / "weights" / "lc_pfn.safetensors"


@curve_models("lc-pfn")
class LCPFN(CurveModel):
    """The posterior under LC-PFN's prior; earlier builds are not used.

    Args:
        weights: path of other weights than those of the package, as ``train_lc_pfn`` writes them.
    """

    def __init__(self, weights: str | None = None) -> None:
        self.weights = weights

    def _mixture(self, curves: Curves) -> NormalMixture:
        import torch

        network = load_network(str(self.weights or SHIPPED))
        values, seen, total = thinned(curves)
        with torch.no_grad():
            mixture = network(torch.from_numpy(values), total)
            weight, place, std = (part[torch.arange(len(seen)), torch.from_numpy(seen - 1)] for part in mixture)
        return NormalMixture(weight.exp().numpy(), place.numpy(), std.exp().numpy())


@cache
def load_network(path: str) -> LCPFNNetwork:
    """The network in double precision, so that a prediction does not depend on what stands beside it."""
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from .lc_pfn_network import LCPFNNetwork

    if not Path(path).is_file():
        raise WarmnasError(f"{path} does not exist; give lc-pfn the path of weights, or leave it out")
    with torch.random.fork_rng(devices=[]):
        network = LCPFNNetwork()
    try:
        network.load_state_dict(load_file(path))
    except (SafetensorError, RuntimeError) as error:
        raise CorruptFile(f"{path}: not the weights of LC-PFN ({str(error).splitlines()[0]})") from error
    return network.double().eval()


def thinned(curves: Curves) -> tuple[FloatArray, IntArray, int]:
    """Values (curves, places) with 0 beyond what is seen, places seen (curves,), and places in all, HORIZON at most."""
    total = min(curves.total, HORIZON)
    places = np.round(np.arange(1, total + 1) * curves.total / total).astype(np.int64) - 1
    seen: IntArray = np.maximum((places < curves.seen[:, None]).sum(axis=1), 1)
    values = np.nan_to_num(curves.unit[:, places])
    short = curves.seen <= places[0]  # fewer epochs than the first place: what is seen of it stands there
    values[short, 0] = curves.last[short]
    return values[:, : seen.max()], seen, total
