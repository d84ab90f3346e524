"""Where the experiment store of searches is: the one that every search adds to, so that the next one knows more."""

from __future__ import annotations

import os
from pathlib import Path

from ...bench import WarmnasError
from ...metadata.experiments import ExperimentStore

ENVIRONMENT, NAME = "WARMNAS_STORE", "experiments.db"


def usual_store() -> Path:
    """The file that WARMNAS_STORE names, else one in the user's data folder."""
    if named := os.environ.get(ENVIRONMENT):
        return Path(named).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("warmnas", appauthor=False)) / NAME


def open_store(path: Path | None, remembered: str | None, work: Path) -> ExperimentStore:
    """The store of a search: the one asked for, the one that it began with, or the usual one.

    Where the usual one cannot be written (no home folder, say) the search keeps a store of its own.
    """
    if path is not None or remembered is not None:
        return ExperimentStore(path if path is not None else Path(str(remembered)))
    try:
        return ExperimentStore(usual_store())
    except WarmnasError:
        if os.environ.get(ENVIRONMENT):
            raise
        return ExperimentStore(work.parent / NAME)
