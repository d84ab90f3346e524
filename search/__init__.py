"""Floor 5: everything that proposes. Optimizers, evaluators, studies and their reports."""

from . import optimizers as _registered
from .evaluator import Evaluation, Evaluator, TableEvaluator
from .optimizer import CandidateOptimizer, Optimizer, OrderOptimizer, make_optimizer, optimizers, per_run
from .outcome import Outcome
from .problem import Problem, SourceTask
from .streams import Streams
from .study import Protocol, StudyResult, make_problem, run_optimizer, study

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
    "SourceTask",
    "Streams",
    "StudyResult",
    "TableEvaluator",
    "make_optimizer",
    "make_problem",
    "optimizers",
    "per_run",
    "run_optimizer",
    "study",
]
