"""What operations cost: multiply-adds of every operation of every edge, summed over the cells of a kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from ....bench.networks.mixture import Mixture

if TYPE_CHECKING:
    from ..state import Search


@torch.no_grad()
def operation_costs(search: Search) -> list[Tensor]:
    """Multiply-adds for an image, (edges, operations) for each kind of cell; counted on one blank image."""
    found = [torch.zeros(shape, device=search.device) for shape in search.layout.shapes]
    hooks = []
    for kind, edge, column, _, layer in search.supernet.operations():

        def count(module: Any, inputs: Any, output: Tensor, k: int = kind, e: int = edge, c: int = column) -> None:
            found[k][e, c] += output[0].numel() * module.weight[0].numel()

        hooks += [m.register_forward_hook(count) for m in layer.modules() if isinstance(m, nn.Conv2d)]
    everything = tuple(tuple(tuple(range(k)) for _ in range(e)) for e, k in search.layout.shapes)
    search.supernet(torch.zeros(2, *search.data.shape, device=search.device), Mixture(everything))
    for hook in hooks:
        hook.remove()
    return found


def expected_cost(probabilities: Sequence[Tensor], costs: Sequence[Tensor]) -> Tensor:
    """Sum over edges and operations of probability times cost, ()."""
    return torch.stack([(p * c).sum() for p, c in zip(probabilities, costs, strict=True)]).sum()
