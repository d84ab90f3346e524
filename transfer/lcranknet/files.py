"""LCRankNets as safetensors: weights and temperatures as tensors, the rest as JSON in the file's header. No pickles."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ...bench import CorruptFile, WarmnasError
from ...surrogates.predictors.savable import described_space, space_of
from .level import Habits
from .network import LCRankNetwork, Sizes

if TYPE_CHECKING:
    from .model import LCRankNet

FORMAT = "warmnas lcranknet 1"
DAMAGE = (SafetensorError, OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError)


def save(model: LCRankNet, path: Path) -> None:
    """See :meth:`LCRankNet.save`."""
    head = {
        "format": FORMAT,
        "space": described_space(model.space_),
        "options": model.get_params(),
        "sources": model.sources_,
        "reference": model._prior_reference,
        "seed": model._seed,
    }
    at, temperatures = model._temperatures
    tensors = {f"network.{name}": value.contiguous() for name, value in model._network.state_dict().items()}
    tensors |= {"fractions": torch.from_numpy(at), "temperatures": torch.from_numpy(temperatures)}
    tensors |= {"places": torch.from_numpy(model.places_), "centre": torch.from_numpy(model._habits.centre)}
    tensors |= {"spread": torch.from_numpy(model._habits.spread)}
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        save_file(tensors, beside, metadata={"head": json.dumps(head)})
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


def load(path: Path) -> LCRankNet:
    """See :func:`load_lcranknet`."""
    if not path.is_file():
        raise WarmnasError(f"{path} does not exist; LCRankNet.save writes such files")
    try:
        return _load(path)
    except DAMAGE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CorruptFile(f"{path}: not a saved LCRankNet ({reason}); make it again") from error
    except WarmnasError as error:
        raise CorruptFile(f"{path}: {error}") from error


def _load(path: Path) -> LCRankNet:
    from .model import LCRankNet

    with safe_open(path, framework="pt") as file:
        head = json.loads((file.metadata() or {})["head"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 -- it is no mapping
    if head["format"] != FORMAT:
        raise ValueError(f"its format is {head['format']!r}")
    model = LCRankNet(**head["options"])
    model._check_options()
    model.space_, model._seed = space_of(head["space"]), int(head["seed"])
    model.sources_ = tuple(head["sources"])
    model._prior_reference = model.reference_ = float(head["reference"])
    model.places_, centre, spread = (tensors.pop(name).numpy() for name in ("places", "centre", "spread"))
    model._habits = Habits(centre, spread)
    at, temperatures = tensors.pop("fractions").numpy(), tensors.pop("temperatures").numpy()
    if not len(model.places_) == len(centre) == len(spread):
        raise ValueError("its places, centre and spread differ in length")
    if at.shape != temperatures.shape or not (np.isfinite(temperatures).all() and (temperatures > 0).all()):
        raise ValueError("its temperatures are no positive numbers")
    given = (model.space_, model.members, len(model.sources_), np.random.default_rng(0), Sizes())
    network = LCRankNetwork(*given, model.curve, model.architecture)
    network.load_state_dict({name.removeprefix("network."): value for name, value in tensors.items()})
    model._network, model._temperatures = network.requires_grad_(False), (at, temperatures)
    model._forget()
    return model
