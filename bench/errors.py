"""Errors that a user can mend: the command line prints them as one line and ends with exit code 2."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class WarmnasError(Exception):
    """The input or the arguments are wrong; the message names the thing and the mend."""


def near(name: str, choices: Iterable[str]) -> str:
    """What was probably meant, as the end of a sentence; empty where nothing is near."""
    found = difflib.get_close_matches(name, list(choices), n=1, cutoff=0.5)
    return f", did you mean '{found[0]}'?" if found else ""


class UnknownName(WarmnasError):
    """A name that is not among the choices."""

    def __init__(self, kind: str, name: str, choices: Iterable[str], hint: str = "") -> None:
        known = list(choices)
        self.kind, self.name, self.choices, self.hint = kind, name, known, hint
        guess = near(name, known)
        listed = f" Choices: {', '.join(known)}." if known else ""
        super().__init__(f"unknown {kind} '{name}'{guess or '.'}{listed}{hint}")

    def __reduce__(self) -> tuple[type[WarmnasError], tuple[str]]:
        """Between processes the message is what counts."""
        return WarmnasError, (str(self),)


class SplitAbsent(WarmnasError):
    """A split that the source of a table never measured; nothing is put in its place."""


class CorruptFile(WarmnasError):
    """A file that is truncated, hostile or not what its name says."""
