"""Train LC-PFN's network on curves drawn from its prior; no real curve is ever read.

    python -m warmnas.surrogates.curves.train_lc_pfn --out FOLDER --steps 6000

Loss: minus the log density of the last value, averaged over what is predicted after each epoch but the last. Adam with a
linear warm-up, then constant, then linearly to zero over the last third of the steps; what is shipped is an exponential
mean of the weights. Step s draws its curves from (seed, s), so that a training that was stopped goes on as if it had not
been: the folder holds ``state.safetensors`` (weights, Adam's moments, the mean) and ``lc_pfn.safetensors``, the mean alone.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from .lc_pfn_network import LCPFNNetwork, log_density
from .lc_pfn_prior import draw_curves, draw_epochs

BATCH = 32
RATE = 2e-3
WARM_UP = 200
MEAN_DECAY = 0.998
GRADIENT_NORM = 1.0


class Training:
    """One training of the network and where it stands.

    Args:
        folder: of the checkpoint; an existing one is gone on with.
        seed: of weights and curves.
    """

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.seed, self.step = folder, seed, 0
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.network = LCPFNNetwork()
        self.parameters = dict(self.network.named_parameters())
        self.mean = {name: p.detach().clone() for name, p in self.parameters.items()}
        self.adam = torch.optim.Adam(self.parameters.values(), lr=RATE)
        if (folder / "state.safetensors").exists():
            self._resume()

    def _resume(self) -> None:
        state = load_file(folder_file(self.folder, "state"))
        self.step = int(state["step"])
        with torch.no_grad():
            for name, p in self.parameters.items():
                p.copy_(state[f"weight.{name}"])
                self.mean[name].copy_(state[f"mean.{name}"])
                first, second = state[f"first.{name}"], state[f"second.{name}"]
                self.adam.state[p] = {"step": torch.tensor(float(self.step)), "exp_avg": first, "exp_avg_sq": second}

    def save(self) -> None:
        """Write the checkpoint and the weights to predict with, each all or nothing."""
        state: dict[str, Tensor] = {"step": torch.tensor(self.step)}
        for name, p in self.parameters.items():
            moments = self.adam.state[p]
            state |= {f"weight.{name}": p.detach(), f"mean.{name}": self.mean[name]}
            state |= {f"first.{name}": moments["exp_avg"], f"second.{name}": moments["exp_avg_sq"]}
        for what, tensors in (("state", state), ("lc_pfn", self.mean)):
            beside = folder_file(self.folder, f".{what}")
            save_file({name: t.contiguous() for name, t in tensors.items()}, beside)
            os.replace(beside, folder_file(self.folder, what))

    def advance(self, steps: int) -> float:
        """One step of a training of so many in all; its loss."""
        rng = np.random.default_rng([self.seed, self.step])
        loss = self.loss(prior_batch(rng))
        for group in self.adam.param_groups:
            group["lr"] = RATE * rate_factor(self.step, steps)
        self.adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), GRADIENT_NORM)
        self.adam.step()
        self.step += 1
        decay = min(MEAN_DECAY, self.step / (self.step + 10))
        with torch.no_grad():
            for name, p in self.parameters.items():
                self.mean[name].lerp_(p, 1 - decay)
        return float(loss.detach())

    def loss(self, values: Tensor) -> Tensor:
        """Mean minus log density of the last value of curves (batch, epochs)."""
        density = log_density(self.network(values, values.shape[1]), values[:, -1:].expand_as(values))
        return -density[:, :-1].mean()


def folder_file(folder: Path, what: str) -> Path:
    """Path of one of the folder's files."""
    return folder / f"{what}.safetensors"


def prior_batch(rng: np.random.Generator) -> Tensor:
    """Curves of the prior, all of one number of epochs: (BATCH, epochs)."""
    return torch.from_numpy(draw_curves(BATCH, draw_epochs(rng), rng)[0].astype(np.float32))


def rate_factor(step: int, steps: int) -> float:
    """Factor of the step size: up over WARM_UP steps, then 1, then linearly to 0 over the last third."""
    return max(min((step + 1) / WARM_UP, 1.0, 3 * (steps - step) / steps), 0.0)


def main(arguments: list[str] | None = None) -> None:
    """Train from where the folder's checkpoint stands up to ``--steps``."""
    parser = argparse.ArgumentParser(description="Train LC-PFN's network on its prior.")
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoint and the weights")
    parser.add_argument("--steps", type=int, default=6_000, help="steps in all, those of an earlier call included")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=float, default=120.0, help="seconds between checkpoints")
    options = parser.parse_args(arguments)
    options.out.mkdir(parents=True, exist_ok=True)
    training = Training(options.out, options.seed)
    losses: list[float] = []
    saved = time.monotonic()
    while training.step < options.steps:
        losses.append(training.advance(options.steps))
        if time.monotonic() - saved > options.every or training.step == options.steps:
            training.save()
            print(f"step {training.step} loss {np.mean(losses):.4f}", file=sys.stderr, flush=True)
            losses, saved = [], time.monotonic()


if __name__ == "__main__":
    main()
