"""Early termination: one stopper per file; importing this registers all of them, without importing torch."""

from . import (
    asha,
    baker,
    chandrashekaran,
    domhan,
    hyperband,
    i_epoch,
    last,
    lc_pfn,
    lcrank,
    median,
    none,
    successive_halving,
    threshold,
    zero_epoch,
)
from .history import History
from .stopper import Decision, Setting, SourceCurves, Stopper, make_stopper, new_stopper, stoppers

__all__ = ["Decision", "History", "Setting", "SourceCurves", "Stopper", "make_stopper", "new_stopper", "stoppers"]
__all__ += [
    "asha",
    "baker",
    "chandrashekaran",
    "domhan",
    "hyperband",
    "i_epoch",
    "last",
    "lc_pfn",
    "lcrank",
    "median",
    "none",
]
__all__ += ["successive_halving", "threshold", "zero_epoch"]
