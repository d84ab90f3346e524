"""Registries: names, and modules that entry points name."""

from __future__ import annotations

import pytest

from warmnas.bench import Registry, UnknownName, registry


class Point:
    value = "somewhere.else"
    dist = None

    def __init__(self, load):
        self.load = load


def points_of(*groups):
    """A stand-in for what is installed: these points in the group of the test, and no plug-ins."""
    return lambda group: list(groups) if group == "made.up" else []


def test_modules_register_when_a_name_is_not_known_yet(monkeypatch):
    things: Registry[str] = Registry("thing", "made.up")
    loaded = []

    def load():
        loaded.append(1)
        things("later")("b")

    monkeypatch.setattr(registry, "entry_points", points_of(Point(load)))
    things("now")("a")
    assert things["now"] == "a"
    assert not loaded
    assert things["later"] == "b"
    assert list(things) == ["now", "later"]
    assert loaded == [1]
    with pytest.raises(UnknownName, match="'latter', did you mean 'later'"):
        things["latter"]


def test_a_module_that_fails_is_said_and_does_not_stop_the_others(monkeypatch):
    things: Registry[str] = Registry("thing", "made.up")
    points = [Point(lambda: 1 / 0), Point(lambda: things("good")("g"))]
    monkeypatch.setattr(registry, "entry_points", points_of(*points))
    with pytest.warns(registry.PluginWarning, match=r"plug-in somewhere.else is left out: ZeroDivisionError"):
        assert "good" in things


def test_a_name_is_registered_once():
    things: Registry[int] = Registry("thing")
    things("a")(1)
    with pytest.raises(ValueError, match="registered twice"):
        things("a")(2)
