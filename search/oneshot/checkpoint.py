"""A search's checkpoint: one file, written after every epoch under a temporary name and renamed, read without pickles.

It is gone when a search has ended well. What a killed or a diverged search leaves is the state after its last good epoch;
the same search in the same folder goes on from there.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ...bench import WarmnasError
from .state import Search

NAME = "checkpoint.pt"


class Checkpoint:
    """The file in a folder.

    Args:
        folder: where it is, or will be.
        identity: what must be equal for two searches to be the same.
    """

    def __init__(self, folder: Path, identity: Mapping[str, Any]) -> None:
        self.path = folder / NAME
        self._identity = json.dumps(identity, sort_keys=True)
        self.seconds = 0.0  # that earlier processes spent

    def resume(self, search: Search) -> bool:
        """Load the file's state into a fresh search; False where there is no file.

        Raises:
            WarmnasError: where it belongs to another search, or is damaged.
        """
        if not self.path.is_file():
            return False
        mend = "name another folder, or delete the file to start anew"
        try:
            content = torch.load(self.path, map_location=search.device, weights_only=True)
            identity, state, seconds = content["identity"], content["search"], float(content["seconds"])
        except Exception as error:  # torch names no exceptions for a damaged file
            raise WarmnasError(f"{self.path} does not read ({type(error).__name__}); {mend}") from error
        if identity != self._identity:
            changed = _changed(json.loads(identity), json.loads(self._identity))
            raise WarmnasError(f"{self.path} is of a search with another {changed}; {mend}")
        search.load(state)
        self.seconds = seconds
        return True

    def keep(self, search: Search, seconds: float) -> None:
        """Write the search's present state; ``seconds`` of this process so far."""
        part = self.path.with_name(f".{NAME}.{os.getpid()}.part")
        content = {"identity": self._identity, "search": search.state(), "seconds": self.seconds + seconds}
        try:
            torch.save(content, part)
            os.replace(part, self.path)
        finally:
            part.unlink(missing_ok=True)

    def remove(self) -> None:
        """After the end."""
        self.path.unlink(missing_ok=True)


def _changed(one: dict[str, Any], other: dict[str, Any]) -> str:
    return next((key for key in one if one[key] != other.get(key)), "identity")
