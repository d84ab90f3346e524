"""Regularisation: drop-path in the search (Zela et al., ICLR 2020, section 5.1; Larsson et al., FractalNet, ICLR 2017).

What an operation gives for an image is dropped with a probability that rises linearly to ``most``; identities never are.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ....bench.networks.mixture import Mixture
from ..method import Regulariser

if TYPE_CHECKING:
    from ..state import Search


class DropPath(Regulariser):
    """See the module's head."""

    def __init__(self, most: float = 0.2) -> None:
        self.most = most

    def mixture(self, search: Search, mixture: Mixture) -> Mixture:
        """See :class:`Regulariser`."""
        return replace(mixture, drop_path=self.most * min(search.progress / search.settings.epochs, 1.0))
