"""Optuna (Akiba et al., KDD 2019): its samplers inside our studies, our tables and optimizers inside its studies.

* ``--optimizer optuna:NAME``: a sampler as an optimizer of a study (:mod:`.samplers`).
* :class:`TableObjective`: a task of a table as the objective of an Optuna study, its learning curve reported epoch by
  epoch, so that Optuna's pruners have something to prune.
* :class:`OptimizerSampler`: one of our optimizers as the sampler of an Optuna study, whatever the objective.

Needs ``pip install 'warmnas[optuna]'``.
"""

from ..extras import require

require("optuna", "Optuna", "optuna")

from .objective import TableObjective  # noqa: E402 -- a missing library is said before its names are used
from .sampler import OptimizerSampler  # noqa: E402
from .samplers import SAMPLERS, sampler_optimizer  # noqa: E402

__all__ = ["SAMPLERS", "OptimizerSampler", "TableObjective", "sampler_optimizer"]
