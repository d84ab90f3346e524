"""A registry filled by decorator: ``@optimizers("rea")``. It never imports what it does not need.

Packages of other people add to every registry by entry points of the group ``warmnas.plugins``, each of which names a
module that registers whatever it has. Rooms on higher floors add to one registry by a group of its own. These modules are
imported when somebody asks for a name that is not known yet, or for all names.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from ..wording import one_line
from .errors import UnknownName

PLUGINS = "warmnas.plugins"
T = TypeVar("T")


_seen: set[str] = set()  # plug-ins that were imported, or failed to be
_plugged: dict[str, str] = {}  # versions of the packages that they are from


class PluginWarning(UserWarning):
    """A plug-in that cannot be imported; it is left out, and everything else works."""


def plugged() -> dict[str, str]:
    """Packages whose plug-ins were imported so far, and their versions."""
    return dict(_plugged)


def _load(point: EntryPoint) -> None:
    """Import the module that an entry point names; one that fails is said in one line and stops nothing."""
    package = getattr(point, "dist", None)
    try:
        point.load()
    except (Exception, SystemExit) as error:  # somebody else's module may raise anything
        whose = f" of {package.name} {package.version}" if package else ""
        reason = one_line(f"{type(error).__name__}: {error}")
        warnings.warn(f"plug-in {point.value}{whose} is left out: {reason}", PluginWarning, stacklevel=5)
    else:
        if package:
            _plugged[package.name] = package.version


def _load_plugins() -> None:
    for point in entry_points(group=PLUGINS):
        if point.value not in _seen:
            _seen.add(point.value)
            _load(point)


class Registry(Mapping[str, T]):
    """Names to things of one kind, in the order of registration.

    Args:
        kind: what they are, for messages.
        group: entry points of this group name modules that register more, besides the plug-ins.
    """

    def __init__(self, kind: str, group: str | None = None) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}
        self._group = group
        self._pending = True  # plug-ins were not asked yet

    def __call__(self, name: str) -> Callable[[T], T]:
        """Decorator that registers what it decorates under ``name``."""

        def register(entry: T) -> T:
            self[name] = entry
            return entry

        return register

    def __setitem__(self, name: str, entry: T) -> None:
        if name in self._entries:
            raise ValueError(f"{self.kind} '{name}' is registered twice")
        self._entries[name] = entry

    def _complete(self, name: object = None) -> None:
        """Import, once, the modules that register more, until there is this name."""
        group, self._group = self._group, None
        for point in entry_points(group=group) if group else ():
            _load(point)
        if name not in self._entries and self._pending:
            self._pending = False
            _load_plugins()

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
            self._complete(name)
        return name in self._entries
