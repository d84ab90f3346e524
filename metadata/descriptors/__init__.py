"""What a task is like, told by its training images alone: landmark accuracies (DCN) and an embedding of the images."""

from .embedding import FEATURES, embed
from .landmarks import LANDMARKS, SEEDS, Characterisation, characterise

__all__ = ["FEATURES", "LANDMARKS", "SEEDS", "Characterisation", "characterise", "embed"]
