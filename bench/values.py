"""Small typed values: which split, which metric, which axis."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from .errors import UnknownName


class Split(StrEnum):
    """The images (or nodes) on which an accuracy was measured. Never substituted for one another."""

    TRAIN = "train"
    VAL = "val"
    TEST = "test"

    @classmethod
    def _missing_(cls, value: object) -> Split:
        raise UnknownName("split", str(value), [s.value for s in cls])

    @property
    def variable(self) -> str:
        """Name of the table's variable that holds this split's metric."""
        return f"{self.value}_accuracy"


@dataclass(frozen=True)
class Metric:
    """What a number means: its unit, which way is better, and the range that it can have."""

    name: str
    unit: str
    direction: Literal["maximize", "minimize"]
    bounds: tuple[float, float]

    def __post_init__(self) -> None:
        if self.direction not in ("maximize", "minimize"):
            raise ValueError(f"a metric's direction is maximize or minimize, not {self.direction!r}")

    @property
    def sign(self) -> int:
        """+1 where larger is better, -1 where smaller is."""
        return 1 if self.direction == "maximize" else -1


ACCURACY = Metric("accuracy", "percent", "maximize", (0.0, 100.0))
