"""What to do next, where the search was not worth it: said with the results.

The comparison with the ResNet cell rests on the validation images. Two networks that are equally good differ on n of them
by about sqrt(2 p (1 - p) / n) of luck, p being the accuracy (two independent binomial shares; that both are measured on the
same images makes it less). A search is called better where its gain is larger than LUCK times that.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from typing import Any

LUCK = 1.0


def advice(content: Mapping[str, Any]) -> list[str]:
    """Notes for the user of a search, perhaps none.

    Args:
        content: of ``summary.json``, from ``settings`` to ``rows``.
    """
    settings = content["settings"]
    why = _no_better(content)
    if not why or settings["budget"] == 1:
        return []
    start = f"warmnas search --data {shlex.quote(settings['data'])} --budget 1"
    longer, wider = settings["epochs"] * settings["budget"], settings["width"] * 3 // 2
    return [
        f"{why} Before a longer search, train the ResNet cell as long as all of this one ({start} --epochs {longer}), or "
        f"wider (--width {wider})."
    ]


def _no_better(content: Mapping[str, Any]) -> str:
    """Why the search was not worth it, or nothing."""
    found, reference = content["found"], content["reference"]
    if reference is None or reference["state"] != "done":
        return ""
    if found["architecture"] == reference["architecture"]:
        return "The search found nothing better than the ResNet cell."
    gain, images = found["validation"] - reference["validation"], content["task"]["images"]["val"]
    share = min(max(found["validation"] / 100, 0.0), 1.0)
    luck = 100 * math.sqrt(2 * share * (1 - share) / images)
    if gain > LUCK * luck:
        return ""
    return (
        f"The cell that was found is {gain:+.1f} points from the ResNet cell on {images} validation images, where luck "
        f"alone makes {luck:.1f}."
    )
