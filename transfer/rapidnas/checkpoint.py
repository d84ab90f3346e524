"""The state of a meta-training in a safetensors file, so that a training that was stopped goes on as if it had not been."""

from __future__ import annotations

import os
from pathlib import Path

import torch

from ...bench import CorruptFile, WarmnasError
from .lockstep import MetaD2A

MOMENTS = ("exp_avg", "exp_avg_sq")


def write(model: MetaD2A, path: Path, identity: str) -> None:
    """Weights, Adam's moments and the step, all or nothing; ``identity`` says what is trained on what."""
    from safetensors.torch import save_file

    tensors = {"step": torch.tensor(model.step)}
    for name, p in model.parameters().items():
        tensors[name] = p.detach().contiguous()
        tensors |= {f"{moment}.{name}": model.adam.state[p][moment] for moment in MOMENTS}
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(tensors, beside, {"identity": identity})
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def read(model: MetaD2A, path: Path, identity: str) -> None:
    """Go on where the file stands.

    Raises:
        CorruptFile: where it is no such file or not whole.
        WarmnasError: where it is of another training.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            theirs = (file.metadata() or {})["identity"]
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 -- no mapping
        if theirs != identity:
            raise WarmnasError(f"{path} is of another training (tables, tasks or options differ); name another --out")
        with torch.no_grad():
            for name, p in model.parameters().items():
                p.copy_(tensors[name])
                moments = {moment: tensors[f"{moment}.{name}"] for moment in MOMENTS}
                model.adam.state[p] = {"step": torch.tensor(float(tensors["step"])), **moments}
        model.step = int(tensors["step"])
    except (SafetensorError, OSError, LookupError, ValueError, RuntimeError) as error:
        if isinstance(error, WarmnasError):
            raise
        raise CorruptFile(f"{path} is not a checkpoint ({type(error).__name__}); delete it and train anew") from error
