"""Syne Tune (Salinas et al., AutoML 2022): its searchers inside our studies, our tables as its blackboxes.

* ``--optimizer syne-tune:NAME``: a searcher as an optimizer of a study (:mod:`.searchers`).
* :func:`blackbox`: a task of a table as a blackbox that Syne Tune's simulator backend runs, with any of its schedulers.

Needs ``pip install 'warmnas[syne-tune]'``.
"""

from ..extras import require

require("syne_tune", "Syne Tune", "syne-tune")

from .blackboxes import ELAPSED, EPOCH, VALIDATION, blackbox  # noqa: E402 -- a missing library is said before its names are used
from .searchers import SEARCHERS, searcher_optimizer  # noqa: E402

__all__ = ["ELAPSED", "EPOCH", "SEARCHERS", "VALIDATION", "blackbox", "searcher_optimizer"]
