"""Sizes and training of MetaD2A's networks."""

from __future__ import annotations

from dataclasses import dataclass, fields

from ...bench import UnknownName, WarmnasError


@dataclass(frozen=True)
class Settings:
    """What is chosen before a training; the paper's value in brackets.

    Attributes:
        loss: ``squared`` error on values of all tasks together [squared], or ``rank``: pairwise within each task.
        width: of a node's state and of the predictor's head [512].
        code: of tasks, graphs and the decoder's state [56]; a multiple of 4.
        points: induced points of the set attention, 0 for plain set attention [0, in the released code].
        rate: Adam's step size at the start [1e-4]; a cosine leads to 0 [divided by ten on plateaus].
        tasks: per step; rows: architectures of each [batches of 32 of any tasks].
        classes, images: of a task that are looked at in one draw, for training and for a new task [20 and 20].
        draws: of images that a prediction is the mean of [10].
        good: share of a task's architectures that the generator learns [the best, not said how many].
        beta: weight of the divergence [0.005]; noise: of z, in its deviations [0.01].
    """

    loss: str = "squared"
    width: int = 48
    code: int = 32
    points: int = 0
    rate: float = 3e-3
    tasks: int = 4
    rows: int = 8
    classes: int = 10
    images: int = 10
    draws: int = 10
    good: float = 0.25
    beta: float = 0.005
    noise: float = 0.01

    def __post_init__(self) -> None:
        if self.loss not in ("squared", "rank"):
            raise UnknownName("loss of RapidNAS", self.loss, ("squared", "rank"))
        for option in fields(self):
            value = getattr(self, option.name)
            if option.name in ("loss", "points", "beta", "noise"):
                continue
            if not isinstance(value, int | float) or value <= 0:
                raise WarmnasError(f"rapidnas: {option.name}={value}; write a number above 0")
        if self.code % 4:
            raise WarmnasError(f"rapidnas: code={self.code}; a multiple of 4 is needed, one part for each head")
        if self.good > 1:
            raise WarmnasError(f"rapidnas: good={self.good}; a share is at most 1")
