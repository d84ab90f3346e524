"""UnNAS (Liu et al., Are labels necessary for neural architecture search?, ECCV 2020).

First-order DARTS whose loss is a pretext task on the same images: ``rotation``, ``jigsaw`` or ``colour``
(``parts/pretext.py``). No label is read before the cell is found.
"""

from __future__ import annotations

from ..method import AlphaRecipe, Method, WeightRecipe, methods


@methods("unnas")
def unnas(task: str = "rotation", permutations: int = 64) -> Method:
    """``task``: rotation, jigsaw or colour; ``permutations`` of jigsaw (1,000 in the paper)."""
    from ..parts.first_order import FirstOrder
    from ..parts.mixed import Softmax
    from ..parts.pretext import Colour, Jigsaw, Pretext, Rotation
    from ..parts.reading import ArgMax

    if task not in ("rotation", "jigsaw", "colour"):
        raise ValueError("task is rotation, jigsaw or colour")
    objective: Pretext = Rotation() if task == "rotation" else Colour() if task == "colour" else Jigsaw(permutations)
    return Method(
        Softmax(),
        FirstOrder(),
        ArgMax(),
        objective=objective,
        weights=WeightRecipe(weight_decay=3e-4, nesterov=False),
        alpha=AlphaRecipe(rate=1.5e-4),
    )
