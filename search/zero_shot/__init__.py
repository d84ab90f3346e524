"""Search without training: proxies on many architectures, what they choose, and search under bounds of the hardware."""

from .choice import Choice, choose
from .correlations import Correlations, ceiling, correlations
from .scoring import score_in_parallel
from .study import compared, known_table, score_sample

__all__ = [
    "Choice",
    "Correlations",
    "ceiling",
    "choose",
    "compared",
    "correlations",
    "known_table",
    "score_in_parallel",
    "score_sample",
]
