"""Zero-cost proxies: scores of untrained networks. Importing this registers all of them, without importing torch."""

from . import (
    az_nas,
    costs,
    epsinas,
    fisher,
    grad_norm,
    grasp,
    jacob_cov,
    meco,
    naswot,
    snip,
    swap,
    synflow,
    te_nas,
    zen,
    zico,
)
from .drawing import connected_classes, draw_connected
from .inputs import ArrayInputs, GaussianInputs, Inputs, open_inputs, task_inputs
from .memory import Memory, recall
from .proxy import Proxy, log_ranks, proxies
from .recipe import ProbeRecipe
from .scores import Scores, collected, score
from .scoring import Measurement, make_proxies, measure
from .tables import to_table, variable

del az_nas, costs, epsinas, fisher, grad_norm, grasp, jacob_cov, meco, naswot, snip, swap, synflow, te_nas, zen, zico

__all__ = [
    "ArrayInputs",
    "GaussianInputs",
    "Inputs",
    "Measurement",
    "Memory",
    "ProbeRecipe",
    "Proxy",
    "Scores",
    "collected",
    "connected_classes",
    "draw_connected",
    "log_ranks",
    "make_proxies",
    "measure",
    "open_inputs",
    "proxies",
    "recall",
    "score",
    "task_inputs",
    "to_table",
    "variable",
]
