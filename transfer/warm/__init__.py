"""The warm start: a Gaussian process that joins source scores, a pre-trained kernel and no transfer, by evidence."""

from .features import features_of
from .prior import Prior
from .reading import FEWEST, Source
from .surrogate import WarmSurrogate

__all__ = ["FEWEST", "Prior", "Source", "WarmSurrogate", "features_of"]
