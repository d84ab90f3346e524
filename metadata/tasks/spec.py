"""How a task is written: a name or a path, and options in brackets: ``cifar100[seed=7,classes=20]``.

| option | means |
|---|---|
| ``seed=7,classes=20`` | 20 classes drawn by the seed |
| ``seed=0,part=2,of=5`` | the second of five parts of the classes, with no class in common; ``part=2-5`` is four of them |
| ``seed=0,part=1,of=5,draw=7,classes=10`` | 10 classes drawn by ``draw`` from that part |
| ``split=1`` | another split than that of the seed 0 |
| ``val=40`` | percent of what is not tested on that is validated on; 25 where nothing is said |
| ``eval=1000`` | at most so many images are validated on, and tested on, spread over the classes as they are |
| ``flip=yes``, ``crop=no`` | augmentation, where the user knows better |

The images are split before classes are drawn, so that no image is trained on in one subset and tested on in another.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, fields

from ...bench.errors import UnknownName, WarmnasError
from .keys import permutation
from .task import Ints

_FORM = re.compile(r"(?P<base>[^\[\]]+)(?:\[(?P<options>[^\[\]]*)\])?", re.DOTALL)
_YES = {"yes": True, "no": False}


@dataclass(frozen=True)
class Spec:
    """A task's name in parts; what was not said is None."""

    base: str
    seed: int | None = None
    classes: int | None = None
    part: tuple[int, int] | None = None
    of: int | None = None
    draw: int | None = None
    split: int | None = None
    val: int | None = None
    eval: int | None = None
    flip: bool | None = None
    crop: bool | None = None

    @property
    def brackets(self) -> str:
        """The options in their one order, with the brackets; empty where there are none."""
        said = [(name, getattr(self, name)) for name in OPTIONS if getattr(self, name) is not None]
        return f"[{','.join(f'{name}={_text(value)}' for name, value in said)}]" if said else ""

    def choose(self, family: str, total: int) -> Ints:
        """Numbers of the classes that the task has, ascending, of ``total`` that its family has."""
        chosen = permutation(total, "classes", family, self.seed or 0)
        if self.part is not None and self.of is not None:
            if 2 * self.of > total:
                raise WarmnasError(f"{family}{self.brackets}: {total} classes in {self.of} parts: fewer than two in each")
            first, last = self.part
            sizes = [total // self.of + (i < total % self.of) for i in range(self.of)]
            chosen = chosen[sum(sizes[: first - 1]) : sum(sizes[:last])]
            chosen = chosen[permutation(len(chosen), "draw", family, self.seed or 0, self.part, self.of, self.draw or 0)]
        if self.classes is not None and self.classes > len(chosen):
            raise WarmnasError(f"{family}{self.brackets}: classes={self.classes}, but there are {len(chosen)} to draw from")
        return chosen[: self.classes].copy() if self.classes is not None else chosen


OPTIONS = [option.name for option in fields(Spec) if option.name != "base"]


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return str(value[0]) if value[0] == value[1] else f"{value[0]}-{value[1]}"
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def parse(text: str) -> Spec:
    """The parts of a spec; WarmnasError where an option is unknown, twice there or out of range."""
    match = _FORM.fullmatch(text.strip())
    if match is None:
        raise WarmnasError(f"task '{text}': not of the form name or name[option=value,...]")
    said: dict[str, int | bool | tuple[int, int]] = {}
    for entry in (match["options"] or "").split(",") if match["options"] is not None else []:
        name, equals, value = (piece.strip() for piece in entry.partition("="))
        if name not in OPTIONS:
            raise UnknownName(f"option of task '{text}':", name, OPTIONS)
        if not equals or name in said:
            raise WarmnasError(f"task '{text}': {name} is said twice" if equals else f"task '{text}': {name} has no value")
        said[name] = _value(text, name, value)
    spec = Spec(match["base"].strip(), **said)  # type: ignore[arg-type]
    return _check(text, spec)


def _value(text: str, name: str, value: str) -> int | bool | tuple[int, int]:
    if name in ("flip", "crop"):
        if value not in _YES:
            raise WarmnasError(f"task '{text}': {name} is yes or no, not '{value}'")
        return _YES[value]
    form = r"\d{1,9}(-\d{1,9})?" if name == "part" else r"\d{1,9}"
    if not re.fullmatch(form, value, flags=re.ASCII):
        raise WarmnasError(f"task '{text}': {name} is a whole number, not '{value}'")
    first, _, last = value.partition("-")
    return (int(first), int(last or first)) if name == "part" else int(value)


def _check(text: str, spec: Spec) -> Spec:
    if (spec.part is None) != (spec.of is None):
        raise WarmnasError(f"task '{text}': part and of belong together")
    if spec.part is not None and not 1 <= spec.part[0] <= spec.part[1] <= (spec.of or 0):
        raise WarmnasError(f"task '{text}': part is from 1 to {spec.of}")
    if spec.draw is not None and (spec.part is None or spec.classes is None):
        raise WarmnasError(f"task '{text}': draw needs part, of and classes")
    if spec.seed is not None and spec.part is None and spec.classes is None:
        raise WarmnasError(f"task '{text}': seed draws classes: say how many, classes=20 or part=1,of=5")
    if spec.classes is not None and spec.classes < 2:
        raise WarmnasError(f"task '{text}': classes={spec.classes}; a task needs two")
    if spec.val is not None and not 1 <= spec.val <= 90:
        raise WarmnasError(f"task '{text}': val is from 1 to 90 percent")
    return spec
