"""Regularisation: DARTS-ES, early stopping by the curvature of the validation loss (Zela et al., ICLR 2020, section 4).

After every epoch: the dominant eigenvalue of the Hessian of the loss on the architecture's half with respect to alpha, by
power iteration with Hessian-vector products (at most ``products`` of them). Smoothed over ``window`` epochs to m(i), it
stops the search when m(i - k) / m(i) < ``ratio``, k = ``window``, and alpha goes back to that of epoch i - k.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..method import Regulariser

if TYPE_CHECKING:
    from ..state import Search


def dominant_eigenvalue(
    loss: Callable[[], Tensor], parameters: list[Tensor], products: int = 20, close: float = 1e-3
) -> float:
    """The eigenvalue of largest absolute value of the Hessian of ``loss`` with respect to ``parameters``.

    Power iteration from a random start; it ends when the estimate moves by less than ``close`` of itself.
    """
    slopes = torch.autograd.grad(loss(), parameters, create_graph=True, allow_unused=True)
    flat = torch.cat(
        [(torch.zeros_like(p) if g is None else g).reshape(-1) for g, p in zip(slopes, parameters, strict=True)]
    )
    vector = torch.randn_like(flat)
    vector = vector / vector.norm()
    estimate = 0.0
    for _ in range(products):
        product = torch.autograd.grad(flat @ vector, parameters, retain_graph=True, allow_unused=True)
        image = torch.cat(
            [(torch.zeros_like(p) if g is None else g).reshape(-1) for g, p in zip(product, parameters, strict=True)]
        ).detach()
        last, estimate = estimate, float(vector @ image)
        norm = image.norm()
        if float(norm) < 1e-12 or abs(estimate - last) < close * abs(estimate):
            break
        vector = image / norm
    return estimate


class Curvature(Regulariser):
    """See the module's head; ``stop`` False only watches."""

    def __init__(self, window: int = 5, ratio: float = 0.75, products: int = 20, stop: bool = True) -> None:
        self.window, self.ratio, self.products, self.stop = window, ratio, products, stop
        self._values: list[float] = []
        self._alphas: list[list[Tensor]] = []  # of the last window + 1 epochs

    def after_epoch(self, search: Search) -> None:
        """See :class:`Part`."""
        x, y = next(search.held)
        mixture = search.method.sampler.architecture(search)
        value = dominant_eigenvalue(lambda: search.loss(mixture, x, y), list(search.alphas), self.products)
        self._values.append(abs(value))
        self._alphas = [*self._alphas, [a.detach().clone() for a in search.alphas]][-self.window - 1 :]
        search.notes["eigenvalue"] = value
        now, then = self._smooth(len(self._values)), self._smooth(len(self._values) - self.window)
        if self.stop and then is not None and now is not None and now > 0 and then / now < self.ratio:
            self.risen(search)

    @torch.no_grad()
    def risen(self, search: Search) -> None:
        """Back to an earlier alpha, and the end."""
        for alpha, kept in zip(search.alphas, self._alphas[0], strict=True):
            alpha.copy_(kept)
        search.stop(f"curvature rose; alpha is that of epoch {search.epoch - self.window}")

    def _smooth(self, end: int) -> float | None:
        """Mean of the ``window`` values before ``end``; None where there are fewer."""
        part = self._values[max(end - self.window, 0) : max(end, 0)]
        return sum(part) / self.window if len(part) == self.window else None

    def state(self) -> dict[str, Any]:
        """Eigenvalues and alphas."""
        return {"values": self._values, "alphas": self._alphas}

    def load(self, state: dict[str, Any]) -> None:
        """See :meth:`state`."""
        self._values, self._alphas = state["values"], state["alphas"]
