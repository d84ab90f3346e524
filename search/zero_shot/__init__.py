"""Search without training: proxies on many architectures, what they choose, and search under bounds of the hardware."""

from .bounded import Found, pareto, proxy_front, search_within
from .choice import Choice, choose
from .correlations import Correlations, ceiling, correlations
from .costs import AdditiveLatency, Cost, Limit, measured_latency, network_cost
from .scoring import score_in_parallel
from .study import compared, known_table, score_sample

__all__ = [
    "AdditiveLatency",
    "Choice",
    "Correlations",
    "Cost",
    "Found",
    "Limit",
    "ceiling",
    "choose",
    "compared",
    "correlations",
    "known_table",
    "measured_latency",
    "network_cost",
    "pareto",
    "proxy_front",
    "score_in_parallel",
    "score_sample",
    "search_within",
]
