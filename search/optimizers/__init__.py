"""One optimizer per file; importing this registers all of them, without importing torch."""

from . import gp, live_params, local, random, rea, source_ranking, xfernas

__all__ = ["gp", "live_params", "local", "random", "rea", "source_ranking", "xfernas"]
