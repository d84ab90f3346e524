"""The found network for other programs: ``torch.export``, ONNX, or its weights.

Both programs take images as they stand in the user's data (uint8, n x height x width x channels, any n and size) and give
logits; class names and preprocessing are inside, and every file is checked to give what the network gives before it is
left behind.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...bench import UnknownName, WarmnasError
from .network import WEIGHTS, Architecture, Classifier, read_weights

TOLERANCE = 1e-3  # of logits, whose own size is about 1 to 10: float32 sums in another order
LARGEST = 8192  # pixels a side, and images a batch, that an export allows
Array = npt.NDArray[np.float32]
Images = npt.NDArray[np.uint8]


def sample_images(about: Architecture) -> list[Images]:
    """Images to check with: of the network's own size, of one smaller and one larger, in batches of 1 to 3."""
    rng, side = np.random.default_rng(0), about.resolution
    sizes = ((2, side, side), (1, max(side - 3, 2), max(side // 2, 2)), (3, side + 5, 2 * side))
    return [rng.integers(0, 256, (n, h, w, about.channels), dtype=np.uint8) for n, h, w in sizes]


def logits_of(model: torch.nn.Module) -> Callable[[Images], Array]:
    """The model as a function of arrays."""

    def run(images: Images) -> Array:
        with torch.no_grad():
            return np.asarray(model(torch.from_numpy(images)).cpu().numpy(), dtype=np.float32)

    return run


def exported(model: Classifier, about: Architecture) -> torch.export.ExportedProgram:
    """The program of a network, for any number and size of images."""
    images = torch.from_numpy(sample_images(about)[2])
    sides: dict[int, Any] = {0: torch.export.Dim("n", max=LARGEST)}
    sides |= {place: torch.export.Dim(name, min=2, max=LARGEST) for place, name in ((1, "height"), (2, "width"))}
    with _quiet():
        shapes: dict[str, Any] = {"images": sides}
        return torch.export.export(model, (images,), dynamic_shapes=shapes, strict=False)


def write_torch_export(program: torch.export.ExportedProgram, about: Architecture, path: Path) -> None:
    """A ``.pt2`` file; ``about.json`` inside has class names and preprocessing."""
    torch.export.save(program, path, extra_files={"about.json": json.dumps(_about(about))})


def read_torch_export(path: Path) -> Callable[[Images], Array]:
    """The program of a file, as a function of arrays."""
    return logits_of(torch.export.load(path).module())


def write_onnx(program: torch.export.ExportedProgram, about: Architecture, path: Path) -> None:
    """An ONNX file with the input ``images`` and the output ``logits``; its metadata have class names and preprocessing."""
    with _quiet():
        made = torch.onnx.export(program, dynamo=True, verbose=False, input_names=["images"], output_names=["logits"])
    if made is None:
        raise RuntimeError("torch.onnx gave no program")
    for key, value in _about(about).items():
        made.model.metadata_props[key] = value if isinstance(value, str) else json.dumps(value)
    made.save(path)


def read_onnx(path: Path) -> Callable[[Images], Array]:
    """The program of a file, run by the reference implementation of the ``onnx`` package."""
    from onnx.reference import ReferenceEvaluator

    program: Any = ReferenceEvaluator(str(path))
    return lambda images: np.asarray(program.run(None, {"images": images})[0], dtype=np.float32)


def write_state_dict(model: Classifier, about: Architecture, path: Path) -> None:
    """The network's weights by ``torch.save``, or as safetensors with all else in its head where the name says so."""
    if path.suffix == ".safetensors":
        from .network import write_weights

        write_weights(model.network, about, path)
    else:
        torch.save(model.network.state_dict(), path)


def _about(about: Architecture) -> dict[str, object]:
    return {**asdict(about), "preprocessing": about.preprocessing}


def difference(one: Callable[[Images], Array], other: Callable[[Images], Array], about: Architecture) -> float:
    """Largest difference of the logits on sample images, relative to their size where that is above 1."""
    worst = 0.0
    for images in sample_images(about):
        a, b = one(images), other(images)
        worst = max(worst, float(np.abs(a - b).max() / max(1.0, np.abs(a).max())))
    return worst


FORMATS = ("state-dict", "torch-export", "onnx")


def export_model(
    model: Classifier, about: Architecture, form: str, path: Path, program: torch.export.ExportedProgram | None = None
) -> float:
    """Write one format, and check it; the largest difference found.

    Raises:
        UnknownName: for another format.
        WarmnasError: where the file cannot be written.
        RuntimeError: where the file gives other logits.
    """
    if form not in FORMATS:
        raise UnknownName("format", form, FORMATS)
    part = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix or '.part'}")
    try:
        if form == "state-dict":
            write_state_dict(model, about, part)
            worst = 0.0
        else:
            program = exported(model, about) if program is None else program
            write, read = (write_onnx, read_onnx) if form == "onnx" else (write_torch_export, read_torch_export)
            write(program, about, part)
            with _quiet():
                worst = difference(logits_of(model), read(part), about)
        if not worst <= TOLERANCE:
            raise RuntimeError(f"the {form} export gives other logits than the network (by {worst:.2g})")
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
    return worst


def export_run(run: Path, form: str, out: Path) -> float:
    """Export the network that a search left in its folder; the largest difference of logits found in the check.

    Raises:
        WarmnasError: where the folder has no trained network, the format is unknown, or the file cannot be written.
    """
    if form not in FORMATS:
        raise UnknownName("format", form, FORMATS)
    network, about = read_weights(run / WEIGHTS)
    if not out.absolute().parent.is_dir() or out.is_dir():
        raise WarmnasError(f"cannot write to --out {out}; name a file in a folder that exists")
    try:
        return export_model(Classifier(network, about), about, form, out)
    except OSError as error:
        raise WarmnasError(f"cannot write to --out {out}: {error.strerror or error}; name another file") from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Without what torch says of packages that are not needed, and of its own changes."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "torch.export", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
