"""How proxies are measured: size of the network, batch, seeds. Nothing here needs torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from ...bench import WarmnasError


@dataclass(frozen=True)
class ProbeRecipe:
    """Equal recipes, inputs and architectures give equal scores (with one version of torch).

    Attributes:
        batch: images of a batch.
        width: channels of the network; None: the space's own size.
        cells: cells per stage; None: the space's own size.
        seed: of inputs and weights.
        inits: independent draws of inputs and weights, whose results are averaged part by part.
    """

    batch: int = 32
    width: int | None = None
    cells: int | None = None
    seed: int = 0
    inits: int = 1

    def __post_init__(self) -> None:
        """Check the fields."""
        for name, least in (("batch", 2), ("width", 1), ("cells", 1), ("seed", 0), ("inits", 1)):
            value = getattr(self, name)
            if value is None and name in ("width", "cells"):
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise WarmnasError(f"proxies: {name} must be a whole number from {least}, not {value!r}")

    @property
    def size(self) -> dict[str, int]:
        """What is said about the network's size, as ``build`` takes it."""
        return {name: value for name in ("width", "cells") if (value := getattr(self, name)) is not None}

    def key(self) -> dict[str, Any]:
        """What a single result depends on: all but how many of them there are."""
        return {name: value for name, value in asdict(self).items() if name != "inits"}
