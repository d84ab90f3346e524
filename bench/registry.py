"""A registry filled by decorator: ``@optimizer("rea")``. It never imports what it does not need.

Other packages, and rooms on higher floors, can add to a registry that has an entry-point group: their module is imported
when somebody asks for a name that is not known yet, or for all names.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points
from typing import TypeVar

from .errors import UnknownName

T = TypeVar("T")


class Registry(Mapping[str, T]):
    """Names to things of one kind, in the order of registration.

    Args:
        kind: what they are, for messages.
        group: entry points of this group name modules that register more.
    """

    def __init__(self, kind: str, group: str | None = None) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}
        self._group = group

    def __call__(self, name: str) -> Callable[[T], T]:
        """Decorator that registers what it decorates under ``name``."""

        def register(entry: T) -> T:
            if name in self._entries:
                raise ValueError(f"{self.kind} '{name}' is registered twice")
            self._entries[name] = entry
            return entry

        return register

    def _complete(self) -> None:
        """Import, once, the modules that register more; one that fails is said and does not stop the others."""
        group, self._group = self._group, None
        for point in entry_points(group=group) if group else ():
            try:
                point.load()
            except Exception as error:  # somebody else's module may raise anything
                warnings.warn(f"plug-in {point.value} adds no {self.kind}: {type(error).__name__}: {error}", stacklevel=3)

    def __getitem__(self, name: str) -> T:
        if name not in self:
            raise UnknownName(self.kind, name, self._entries)
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        self._complete()
        return iter(self._entries)

    def __len__(self) -> int:
        self._complete()
        return len(self._entries)

    def __contains__(self, name: object) -> bool:
        if name not in self._entries:
            self._complete()
        return name in self._entries
