"""Early termination: one stopper per file; importing this registers all of them, without importing torch."""

from . import last, none
from .history import History
from .stopper import Decision, Setting, SourceCurves, Stopper, make_stopper, stoppers

__all__ = ["Decision", "History", "Setting", "SourceCurves", "Stopper", "make_stopper", "stoppers"]
__all__ += ["last", "none"]
