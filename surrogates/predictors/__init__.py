"""Architecture predictors: genotypes and measured values of one task in, predicted values with uncertainty out."""

from . import bananas, brp, gp, nao, tap, trees, wl_gp
from .predictor import Predictor, load_predictor, predictors

__all__ = ["Predictor", "load_predictor", "predictors"]
__all__ += ["bananas", "brp", "gp", "nao", "tap", "trees", "wl_gp"]
