"""A training on disk: weights, momentum, random streams and the epochs so far, so that it goes on to the last bit.

The file is replaced as a whole after every epoch; it holds tensors, numbers and strings only and is read with
``weights_only=True``.
"""

from __future__ import annotations

import io
import json
import pickle
from pathlib import Path
from typing import Any

import torch

from ...metadata.training import Epoch
from ...metadata.training.loop import Training
from .files import read


def packed(training: Training, epochs: list[Epoch]) -> bytes:
    """The training as bytes."""
    content = {
        "epochs": [[float(value) for value in epoch] for epoch in epochs],
        "network": training.module.state_dict(),
        "optimizer": training.optimizer.state_dict(),
        "streams": [json.dumps(rng.bit_generator.state) for rng in training.streams],
        "torch": torch.get_rng_state(),
    }
    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


def unpacked(content: bytes) -> dict[str, Any] | None:
    """What :func:`packed` wrote; None where the bytes are something else, or damaged."""
    try:
        found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        return found if isinstance(found, dict) and set(found) >= {"epochs", "network", "optimizer", "streams"} else None
    except (RuntimeError, OSError, ValueError, EOFError, KeyError, pickle.UnpicklingError):
        return None


def epochs_in(content: dict[str, Any]) -> list[Epoch]:
    """The epochs of a checkpoint."""
    return [Epoch(int(row[0]), *row[1:]) for row in content["epochs"]]


def restore(training: Training, content: dict[str, Any]) -> list[Epoch]:
    """Put a training where a checkpoint was, and say what it had measured."""
    training.module.load_state_dict(content["network"])
    training.optimizer.load_state_dict(content["optimizer"])
    for rng, state in zip(training.streams, content["streams"], strict=True):
        rng.bit_generator.state = json.loads(state)
    torch.set_rng_state(content["torch"])
    return epochs_in(content)


def last_epochs(path: Path) -> list[Epoch]:
    """The epochs of a checkpoint file; none where there is no sound one."""
    content = unpacked(read(path)) if path.is_file() else None
    return [] if content is None else epochs_in(content)
