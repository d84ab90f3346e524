"""ENAS (Pham et al., Efficient neural architecture search via parameter sharing, ICML 2018).

An LSTM controller draws architectures (``parts/controller.py``). Each step trains the weights of one; after every epoch the
controller takes ``updates`` steps of REINFORCE with a moving baseline (``parts/reinforce.py``). At the end it draws
``candidates``, and the best by the shared weights is the answer.

The original controller has a fixed bias towards convolutions; this one has none. It has no batch norm parameters of its own
either: with running statistics ENAS finds the cell of skips only on NAS-Bench-201.
"""

from __future__ import annotations

from ..method import AlphaRecipe, Method, methods

CONTROLLER = AlphaRecipe(rate=1e-3, betas=(0.0, 0.999), weight_decay=0.0, eps=1e-3, clip=5.0)


@methods("enas")
def enas(updates: int = 30, samples: int = 10, candidates: int = 100) -> Method:
    """``updates`` of the controller per epoch, of ``samples`` architectures each; ``candidates`` at the end."""
    from ..parts.candidates import BestOf, of_controller
    from ..parts.controller import Controlled
    from ..parts.reinforce import Reinforce

    return Method(Controlled(), Reinforce(updates, samples), BestOf(of_controller(candidates)), alpha=CONTROLLER)
