"""Architectures as the code of DARTS prints them, read with a grammar of our own: no text is ever evaluated.

``Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ...], normal_concat=range(2, 6), reduce=[...],
reduce_concat=range(2, 6))``: two (operation, state) per node. The concatenation may also be written ``[2, 3, 4, 5]``, as
older versions print it.
"""

from __future__ import annotations

import re

from ..errors import WarmnasError

CELLS = ("normal", "reduce")
Pairs = list[tuple[str, int]]  # operation and state, two per node
_PAIR = r"\(\s*['\"](\w{1,40})['\"]\s*,\s*(\d)\s*,?\s*\)"
_LIST = r"\[\s*((?:\(\s*['\"]\w{1,40}['\"]\s*,\s*\d\s*,?\s*\)\s*,?\s*){8})\]"
_CONCAT = r"(range\(\s*2\s*,\s*6\s*\)|\[\s*\d(?:\s*,\s*\d)*\s*\])"
_FIELDS = r"\s*,\s*".join(rf"{cell}\s*=\s*{_LIST}\s*,\s*{cell}_concat\s*=\s*{_CONCAT}" for cell in CELLS)
_GENOTYPE = re.compile(rf"Genotype\(\s*{_FIELDS}\s*,?\s*\)")
_LONGEST = 4000  # characters


def print_genotype(cells: list[Pairs]) -> str:
    """The string of a normal and a reduction cell."""
    fields = (f"{name}={pairs!r}, {name}_concat=range(2, 6)" for name, pairs in zip(CELLS, cells, strict=True))
    return f"Genotype({', '.join(fields)})"


def parse(text: str) -> list[Pairs]:
    """The normal and the reduction cell of such a string; WarmnasError where it is none of four nodes a cell."""
    text = text.strip()
    match = _GENOTYPE.fullmatch(text) if len(text) <= _LONGEST else None
    if match is None:
        raise WarmnasError(
            f"'{text[:80]}' is no DARTS genotype: write Genotype(normal=[('sep_conv_3x3', 0), ...], "
            "normal_concat=range(2, 6), reduce=[...], reduce_concat=range(2, 6)) with eight pairs a cell"
        )
    for cell, concat in zip(CELLS, match.groups()[1::2], strict=True):
        if not concat.startswith("range") and sorted(re.findall(r"\d", concat)) != list("2345"):
            raise WarmnasError(f"{cell}_concat={concat}: in this space a cell's output is the four nodes, [2, 3, 4, 5]")
    return [[(name, int(state)) for name, state in re.findall(_PAIR, pairs)] for pairs in match.groups()[::2]]
