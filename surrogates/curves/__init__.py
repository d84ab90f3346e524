"""Learning-curve predictors: partial curves in, distributions of the final values and p(better than x) out."""

from . import baker, chandrashekaran, domhan, domhan_fast, i_epoch, last, lc_pfn, mean, median, sotl
from .final import FinalValues, NormalMixture
from .model import CurveModel, curve_models, load_curve_model
from .partial import Curves

__all__ = ["CurveModel", "Curves", "FinalValues", "NormalMixture", "curve_models", "load_curve_model"]
__all__ += ["baker", "chandrashekaran", "domhan", "domhan_fast", "i_epoch", "last", "lc_pfn", "mean", "median", "sotl"]
