"""LCRankNet: partial learning curves and architectures of several tasks in, an order and p(this one beats that one) out."""

from .model import LCRankNet, load_lcranknet

__all__ = ["LCRankNet", "load_lcranknet"]
