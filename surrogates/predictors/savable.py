"""A search space as JSON, for files of predictors: its name, and the columns of one that belongs to a table alone."""

from __future__ import annotations

from typing import Any

from ...bench import CategoricalSpace, SearchSpace, space


def described_space(of: SearchSpace) -> dict[str, Any]:
    """JSON that :func:`space_of` reads."""
    if isinstance(of, CategoricalSpace):
        return {"name": of.name, "columns": [[column.name, list(column.choices)] for column in of.columns]}
    return {"name": of.name}


def space_of(described: dict[str, Any]) -> SearchSpace:
    """The space; UnknownName where there is none of that name."""
    if "columns" in described:
        return CategoricalSpace([(name, choices) for name, choices in described["columns"]])
    return space(described["name"])
