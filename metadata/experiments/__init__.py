"""The store of everything that was trained, the plans and the generator that fill it, and its export to a Table."""

from __future__ import annotations

from .describe import describe
from .export import export
from .generator import generate
from .plan import Plan, read_plan, shipped
from .status import Status
from .store import ExperimentStore
from .trainer import Trainer
from .trial import Claim, TaskFacts, Trial
from .trials import Prepared, prepare
from .words import ClaimLost, StoreUnavailable

__all__ = [
    "Claim",
    "ClaimLost",
    "ExperimentStore",
    "Plan",
    "Prepared",
    "Status",
    "StoreUnavailable",
    "TaskFacts",
    "Trainer",
    "Trial",
    "describe",
    "export",
    "generate",
    "prepare",
    "read_plan",
    "shipped",
]
