"""Search on somebody's own images: real trainings, what will not win stopped, everything kept, the winner exported."""

from .evaluator import LiveEvaluator
from .run import DEFAULT_OPTIMIZER, Parts, search_images
from .settings import Settings

__all__ = ["DEFAULT_OPTIMIZER", "LiveEvaluator", "Parts", "Settings", "search_images"]
