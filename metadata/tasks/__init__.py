"""Image tasks: built-in ones, subsets of their classes, any ``.npz`` and any folder of images per class."""

from .builtin import BuiltIn, tasks
from .opening import open_task
from .task import ImageTask, Part

# Families on which searches are judged: no plan trains on them, and no shipped table or weight has seen them.
HELD_OUT = ("animal-mnist", "spoken-digits", "flowers17")

__all__ = ["HELD_OUT", "BuiltIn", "ImageTask", "Part", "open_task", "tasks"]
