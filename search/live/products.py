"""What a finished search leaves for other programs: its weights, and the exports that were asked for."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...wording import one_line
from .allowance import Allowance
from .evaluator import Note

if TYPE_CHECKING:
    from .finish import Finished

EXPORTS = {"torch-export": "model.pt2", "onnx": "model.onnx"}


def write_products(
    finished: Finished, out: Path, forms: Sequence[str], allowance: Allowance, note: Note
) -> dict[str, dict[str, Any]]:
    """Weights, and the exports that were asked for; one that fails is said, and the search is not lost for it.

    Returns:
        For each that was made its ``file``, and the largest ``difference`` of logits to the network's own.
    """
    from .exporting import export_model, exported
    from .network import WEIGHTS, write_weights

    write_weights(finished.network, finished.about, out / f".{WEIGHTS}.part")
    os.replace(out / f".{WEIGHTS}.part", out / WEIGHTS)
    made: dict[str, dict[str, Any]] = {"weights": {"file": WEIGHTS}}
    program = None
    for form in forms:
        if allowance.spent:
            note("no time was left for the exports; warmnas export makes them")
            break
        try:
            program = program if program is not None else exported(finished.model, finished.about)
            worst = export_model(finished.model, finished.about, form, out / EXPORTS[form], program)
            made[form] = {"file": EXPORTS[form], "difference": worst}
        except OSError:
            raise
        except Exception as error:  # a converter may raise anything
            note(f"no {form} export: {one_line(error, 200)}")
    return made
