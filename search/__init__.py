"""Floor 5: everything that proposes. Optimizers, evaluators, studies and their reports.

* ``optimizers``: a method per file; ``adapters``: those of other libraries; ``stoppers``: what ends trainings early.
* ``protocol``, ``run``, ``study``, ``statistics``: comparisons on tables; ``records``, ``report``: their folder.
* ``stop_study``, ``predictor_study``, ``tap_study``: the studies of stoppers and of predictors.
* ``live``: a search on somebody's images; ``zero_shot``: by proxies; ``oneshot``: in a supernet; ``tapas``: untrained.
"""

from . import optimizers as _registered
from .evaluator import Evaluation, Evaluator, TableEvaluator
from .objectives import live_params
from .optimizer import CandidateOptimizer, Optimizer, OrderOptimizer, make_optimizer, optimizers, per_run
from .outcome import Outcome, Record
from .problem import Problem, SourceTask
from .protocol import Protocol, find_tasks, make_problem, sources_of, usual_source_rows
from .run import run_optimizer
from .streams import Streams
from .study import StudyResult, study

del _registered

__all__ = [
    "CandidateOptimizer",
    "Evaluation",
    "Evaluator",
    "Optimizer",
    "OrderOptimizer",
    "Outcome",
    "Problem",
    "Protocol",
    "Record",
    "SourceTask",
    "Streams",
    "StudyResult",
    "TableEvaluator",
    "find_tasks",
    "live_params",
    "make_optimizer",
    "make_problem",
    "optimizers",
    "per_run",
    "run_optimizer",
    "sources_of",
    "study",
    "usual_source_rows",
]
