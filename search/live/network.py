"""A trained network that takes images as they stand in the user's data, preprocessing inside.

Resizing and rounding are those of :mod:`warmnas.metadata.tasks.pixels`, so that an image gives the same numbers here as in
the training, whatever its size: weights of source pixels by shared area where an image becomes smaller, by distance where
it becomes larger. They are written without a branch on the size, so that one export serves images of every size.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from ...bench import CorruptFile, WarmnasError
from ...bench.spaces import space

WEIGHTS = "weights.safetensors"
KEY = "warmnas"


@dataclass(frozen=True)
class Architecture:
    """What a network is built from, and what its preprocessing needs.

    Attributes:
        space, genotype: name of the search space, and the architecture's string.
        classes: names, in the order of the logits.
        channels: of the images; ``resolution``: side in pixels that the network works at.
        width, cells: of the network.
        mean, std: of the training images, on the scale 0..1, a number per channel.
    """

    space: str
    genotype: str
    classes: tuple[str, ...]
    channels: int
    resolution: int
    width: int
    cells: int
    mean: tuple[float, ...]
    std: tuple[float, ...]

    def build(self) -> nn.Module:
        """The untrained network, for standardised images (n, channels, resolution, resolution)."""
        chosen = space(self.space)
        shape = (self.channels, self.resolution, self.resolution)
        size = {"width": self.width, "cells": self.cells}
        return chosen.build(chosen.from_string(self.genotype), shape, len(self.classes), **size)

    @property
    def preprocessing(self) -> str:
        """In words, for those who use the weights without this program."""
        side = self.resolution
        return (
            f"uint8 (n, height, width, {self.channels}) -> resize to {side} x {side} (by area where larger, bilinear where "
            f"smaller), round half up, divide by 255, subtract mean, divide by std, move channels first"
        )


class Classifier(nn.Module):
    """uint8 images (n, height, width, channels) -> logits (n, classes)."""

    def __init__(self, network: nn.Module, about: Architecture) -> None:
        super().__init__()
        self.network, self.resolution = network, about.resolution
        mean, std = np.array(about.mean), np.where(np.array(about.std) > 0, about.std, 1.0)
        self.register_buffer("scale", torch.tensor(1 / (255 * std), dtype=torch.float32), persistent=False)
        self.register_buffer("shift", torch.tensor(-mean / std, dtype=torch.float32), persistent=False)
        self.scale: Tensor
        self.shift: Tensor
        self.eval()

    def forward(self, images: Tensor) -> Tensor:
        """See the class."""
        pixels = images.to(torch.float32)
        rows, columns = self._weights(images[0, :, 0, 0]), self._weights(images[0, 0, :, 0])
        pixels = torch.einsum("nhwc,bw->nhbc", pixels, columns)
        pixels = torch.einsum("nhbc,ah->nabc", pixels, rows)
        pixels = torch.clamp(torch.floor(pixels + 0.501), max=255.0)
        logits: Tensor = self.network((pixels * self.scale + self.shift).permute(0, 3, 1, 2))
        return logits

    def _weights(self, line: Tensor) -> Tensor:
        """Share of each source pixel of a line (size,) in each target pixel, (resolution, size); rows sum to 1."""
        ones = torch.ones_like(line, dtype=torch.float32)
        pixel = torch.cumsum(ones, 0) - 1
        scale = ones.sum() / self.resolution
        out = torch.arange(self.resolution, dtype=torch.float32, device=line.device)[:, None]
        area = torch.minimum((out + 1) * scale, pixel + 1) - torch.maximum(out * scale, pixel)
        linear = 1 - torch.abs((out + 0.5) * scale - (pixel + 0.5))
        shared = torch.where(scale >= 1, area, linear).clamp(min=0)
        return shared / shared.sum(1, keepdim=True)


def write_weights(network: nn.Module, about: Architecture, path: Path) -> None:
    """The network's weights in one file, with all that is needed to use them in its head."""
    tensors = {name: value.detach().cpu().contiguous() for name, value in network.state_dict().items()}
    path.write_bytes(save(tensors, metadata={KEY: json.dumps(asdict(about)), "preprocessing": about.preprocessing}))


def read_weights(path: Path) -> tuple[nn.Module, Architecture]:
    """The trained network of a file, in evaluation mode; CorruptFile where it is none of ours."""
    if not path.is_file():
        raise WarmnasError(f"{path.parent}: no {WEIGHTS}; name the --out folder of a warmnas search --data that has ended")
    try:
        with safe_open(path, framework="pt") as file:
            fields: dict[str, Any] = json.loads(file.metadata()[KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
        lists: dict[str, Any] = {key: tuple(fields[key]) for key in ("classes", "mean", "std")}
        about = Architecture(**{**fields, **lists})
        network = about.build()
        network.load_state_dict(tensors)
    except (SafetensorError, KeyError, TypeError, ValueError, RuntimeError, OSError) as error:
        raise CorruptFile(f"{path}: no weights of a warmnas search, or damaged ones ({type(error).__name__})") from error
    return network.eval(), about


def load_run(folder: str | Path) -> Classifier:
    """The network that a search found, ready for uint8 images (n, height, width, channels).

    Args:
        folder: the ``--out`` of the search.
    """
    return Classifier(*read_weights(Path(folder) / WEIGHTS))
