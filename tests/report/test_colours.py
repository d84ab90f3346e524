"""The series colours of the style sheet, told apart by readers who see fewer colours."""

from __future__ import annotations

import re
from importlib.resources import files
from itertools import combinations

import numpy as np
import pytest

# Machado, Oliveira & Fernandes 2009, table 1, severity 1.0, in linear RGB.
VISION = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "all colours": np.eye(3),
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
WHITE = np.array([0.9505, 1.0, 1.089])
APART = 10.0  # CIE 1976 colour difference; about 2.3 is just noticeable


def series(dark: bool) -> list[str]:
    """Hexadecimal colours of the eight series in a theme."""
    sheet = files("warmnas.search.report").joinpath("style.css").read_text(encoding="utf-8")
    light, night = sheet.split("@media (prefers-color-scheme: dark)", 1)
    found = dict(re.findall(r"--series-(\d): (#[0-9a-f]{6})", light))
    if dark:
        found |= dict(re.findall(r"--series-(\d): (#[0-9a-f]{6})", night))
    return [found[str(place)] for place in range(8)]


def lab(colour: str, matrix: object) -> np.ndarray:
    """CIELAB of a colour as somebody with that vision sees it."""
    rgb = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    x = XYZ @ np.clip(np.asarray(matrix) @ linear, 0, 1) / WHITE
    f = np.where(x > (6 / 29) ** 3, np.cbrt(x), x / (3 * (6 / 29) ** 2) + 4 / 29)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("vision", VISION)
def test_series_differ_for_everybody(vision: str, dark: bool) -> None:
    seen = {colour: lab(colour, VISION[vision]) for colour in series(dark)}
    near = {pair: float(np.linalg.norm(seen[pair[0]] - seen[pair[1]])) for pair in combinations(seen, 2)}
    assert len(near) == 28
    assert {pair: apart for pair, apart in near.items() if apart < APART} == {}
