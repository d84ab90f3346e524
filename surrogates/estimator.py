"""scikit-learn's manners without importing it, which takes longer than everything else of a command's start."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING, Any, Self

from ..bench import UnknownName


class Estimator:
    """Its options are the arguments of ``__init__``, and attributes of these names; ``sklearn.base.clone`` copies it."""

    if TYPE_CHECKING:  # made by its registered class, whose options nobody knows

        def __init__(self, *values: Any, **options: Any) -> None: ...

    @classmethod
    def options(cls) -> dict[str, inspect.Parameter]:
        """The options by name, with their defaults."""
        known = inspect.signature(cls).parameters.values()
        return {one.name: one for one in known if one.kind not in (one.VAR_POSITIONAL, one.VAR_KEYWORD)}

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """The options; none of them has options of its own, so ``deep`` changes nothing."""
        return {name: getattr(self, name) for name in sorted(self.options())}

    def set_params(self, **options: Any) -> Self:
        """Change options.

        Raises:
            UnknownName: where there is none of that name.
        """
        for name, value in options.items():
            if name not in self.options():
                raise UnknownName(f"option of {type(self).__name__}", name, self.options())
            setattr(self, name, value)
        return self

    def __repr__(self) -> str:
        changed = [f"{n}={getattr(self, n)!r}" for n, one in self.options().items() if getattr(self, n) is not one.default]
        return f"{type(self).__name__}({', '.join(changed)})"

    def __sklearn_tags__(self) -> Any:
        from sklearn.base import BaseEstimator

        return BaseEstimator().__sklearn_tags__()
