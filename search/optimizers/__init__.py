"""One optimizer per file; importing this registers all of them, without importing torch."""

from . import (
    bananas,
    bohb,
    brp,
    copula,
    deep_kernel_gp,
    gp,
    live_params,
    local,
    random,
    rapidnas,
    rea,
    rgpe,
    source_ranking,
    tpe,
    warm,
    xfernas,
)

__all__ = [
    "bananas",
    "bohb",
    "brp",
    "copula",
    "deep_kernel_gp",
    "gp",
    "live_params",
    "local",
    "random",
    "rapidnas",
    "rea",
    "rgpe",
    "source_ranking",
    "tpe",
    "warm",
    "xfernas",
]
