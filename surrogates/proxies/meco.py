"""MeCo (Jiang, Wang & Bie, NeurIPS 2023): smallest eigenvalue of the correlations between channels, summed over layers.

P(f): Pearson correlations (C x C) of the channels of a feature map over its pixels, for one noise image; score = sum over
feature maps of the smallest eigenvalue of P. Correlations that are not defined (a constant channel) are 0.

Feature maps are what any module gives, each tensor once. The authors' code hooks every module, so that a container and its
last layer, or a skip and what it skips, count the same tensor twice, and the score depends on how the code is laid out.
A map needs more pixels than channels, else the eigenvalue is 0: the image has twice the side of the data's, 64 for 32 as in
the paper.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from .proxy import Proxy, proxies

if TYPE_CHECKING:
    from torch import Tensor

    from .probe import Probe


@proxies("meco")
@dataclass(frozen=True)
class Meco(Proxy):
    """See the module's head. The input is noise, whatever the data."""

    name: ClassVar[str] = "meco"

    def measure(self, probe: Probe) -> tuple[float, ...]:
        """One forward pass of one image."""
        import torch

        from .recording import outputs

        channels, height, width = probe.inputs.shape
        network = probe.network()
        with torch.no_grad(), outputs(network.modules()) as maps:
            network(probe.noise(1, channels, 2 * height, 2 * width, key=3))
        return (sum(smallest_eigenvalue(x[0]) for x in maps if x.dim() == 4 and x[0, 0].numel() > 1),)


def smallest_eigenvalue(feature: Tensor) -> float:
    """Of the channels' correlations: (channels, height, width) -> a number; NaN where a value is not finite."""
    import torch

    rows = feature.double().flatten(1)
    if not bool(rows.isfinite().all()):
        return float("nan")
    correlation = torch.corrcoef(rows).reshape(len(rows), len(rows)).nan_to_num(0.0, 0.0, 0.0)
    return float(torch.linalg.eigvalsh(correlation)[0])
