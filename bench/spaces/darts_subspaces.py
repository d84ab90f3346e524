"""The spaces S1 to S4 of Zela et al. (Understanding and Robustifying DARTS, ICLR 2020, arXiv 1909.09656).

The graph of DARTS with few operations per edge, on which DARTS fails. S1 offers two operations that differ between edges (a
supernet pruned beforehand); S2 a 3x3 separable convolution and a skip; S3 these and ``none``; S4 the convolution and
``noise``, which puts N(0, 1) in the place of its input. The lists are those of automl/RobustDARTS, src/spaces.py.
"""

from __future__ import annotations

from .darts import DARTSSpace

_MAX, _AVG, _SKIP = "max_pool_3x3", "avg_pool_3x3", "skip_connect"
_SEP3, _DIL3, _DIL5 = "sep_conv_3x3", "dil_conv_3x3", "dil_conv_5x5"
S1_NORMAL = (
    (_SKIP, _DIL3),
    (_SKIP, _DIL5),
    (_SKIP, _DIL5),
    (_SKIP, _SEP3),
    (_SKIP, _DIL3),
    (_MAX, _SKIP),
    (_SKIP, _SEP3),
    (_SKIP, _SEP3),
    (_SKIP, _DIL3),
    (_SKIP, _SEP3),
    (_MAX, _SKIP),
    (_SKIP, _DIL3),
    (_DIL3, _DIL5),
    (_DIL3, _DIL5),
)
S1_REDUCE = (
    (_MAX, _AVG),
    (_MAX, _DIL3),
    (_MAX, _AVG),
    (_MAX, _AVG),
    (_SKIP, _DIL5),
    (_MAX, _AVG),
    (_MAX, _SEP3),
    (_SKIP, _DIL3),
    (_SKIP, _DIL5),
    (_MAX, _AVG),
    (_MAX, _AVG),
    (_SKIP, _DIL5),
    (_SKIP, _DIL5),
    (_SKIP, _DIL5),
)


def subspaces() -> list[DARTSSpace]:
    """``darts-s1`` to ``darts-s4``."""
    lists = {"s2": (_SKIP, _SEP3), "s3": ("none", _SKIP, _SEP3), "s4": ("noise", _SEP3)}
    others = [DARTSSpace(f"darts-{name}", 14 * (edge,), 14 * (edge,)) for name, edge in lists.items()]
    return [DARTSSpace("darts-s1", S1_NORMAL, S1_REDUCE), *others]
