"""RapidNAS in a safetensors file: weights, scalers, and a head in JSON as metadata. Nothing in it can be run."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import torch

from ...bench import CorruptFile, WarmnasError
from ...surrogates.predictors.savable import described_space, space_of
from .graphs import Graphs
from .lockstep import MetaD2A
from .set_bank import Scaler

if TYPE_CHECKING:
    from .model import RapidNAS

FORMAT = "warmnas rapidnas 1"
Model = TypeVar("Model", bound="RapidNAS")


def save(model: RapidNAS, path: Path, notes: dict[str, Any]) -> None:
    """See :meth:`RapidNAS.save`."""
    from safetensors.torch import save_file

    networks = model.model
    tensors = {name: p.detach().contiguous() for name, p in networks.parameters().items()}
    tensors |= {"scaler.features": networks.scaler.features, "scaler.sizes": networks.scaler.sizes}
    tensors["unit"] = torch.from_numpy(networks.unit)
    options = {key: value for key, value in model.get_params().items() if key != "space"}
    head = {
        "format": FORMAT,
        "space": described_space(model.space),
        "options": options,
        "operations": networks.graphs.operations,
        "notes": notes,
    }
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(tensors, beside, {"head": json.dumps(head)})
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def load(cls: type[Model], path: Path) -> tuple[Model, dict[str, Any]]:
    """See :meth:`RapidNAS.load`."""
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise WarmnasError(f"{path} does not exist; python -m warmnas.transfer.rapidnas.train makes a model")
    try:
        with safe_open(path, framework="pt") as file:
            head = json.loads((file.metadata() or {})["head"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 -- no mapping
        if head["format"] != FORMAT:
            raise CorruptFile(f"{path} was written as '{head['format']}', and this version reads '{FORMAT}'")
        model = cls(space_of(head["space"]), **head["options"])
        model._model = _networks(model, head["operations"], tensors)
        return model, dict(head["notes"])
    except (SafetensorError, OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        reason = f"is not a saved RapidNAS model ({type(error).__name__})"
        raise CorruptFile(f"{path} {reason}; make it again with python -m warmnas.transfer.rapidnas.train") from error


def _networks(model: RapidNAS, operations: list[str], tensors: dict[str, torch.Tensor]) -> MetaD2A:
    scaler = Scaler(tensors.pop("scaler.features"), tensors.pop("scaler.sizes"))
    unit = tensors.pop("unit").numpy()
    if unit.shape != (2, model.members):
        raise ValueError("unit")
    graphs = Graphs(model.space, list(operations))
    networks = MetaD2A(model.space, model.members, np.random.default_rng(0), scaler, model.settings(), graphs)
    networks.unit = unit
    parameters = networks.parameters()
    if set(parameters) != set(tensors) or any(not t.isfinite().all() for t in tensors.values()):
        raise ValueError("weights")
    with torch.no_grad():
        for name, p in parameters.items():
            if p.shape != tensors[name].shape:
                raise ValueError(name)
            p.copy_(tensors[name])
    return networks
