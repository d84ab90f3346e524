"""Watching a forward pass: what every ReLU saw, what every block gave, what batch norm measured and global pooling got.

Calls of functions are watched, not modules: ``nn.ReLU`` and ``functional.relu`` are seen alike, each call once, a module
that is called twice gives two records, and a layer that is never called gives none. Hooks on modules would see containers
and their last layer as two, and dead layers in some networks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from inspect import signature
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

RELU = frozenset({functional.relu, functional.relu_, torch.relu, torch.relu_, Tensor.relu, Tensor.relu_})
BATCH_NORM = signature(functional.batch_norm)
GLOBAL_POOLING = frozenset({functional.adaptive_avg_pool2d})
LAYERS = (nn.Conv2d, nn.Linear)  # those with weights to be pruned


class _Watch(TorchFunctionMode):
    def __init__(self, functions: frozenset[Callable[..., Any]], seen: Callable[[Tensor], None]) -> None:
        super().__init__()
        self.functions, self.seen = functions, seen

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func in self.functions:
            self.seen(args[0])  # before the call, which may work in place
        return func(*args, **(kwargs or {}))


def watch(functions: frozenset[Callable[..., Any]], seen: Callable[[Tensor], None]) -> TorchFunctionMode:
    """A context in which every call of one of the functions first shows its input to ``seen``."""
    return _Watch(functions, seen)


def relu_signs(network: nn.Module, images: Tensor) -> list[Tensor]:
    """Which inputs of each ReLU on a feature map are positive: boolean (batch, units) per call, in order.

    The units are in the order of memory with channels last, which spares a copy; nothing depends on it.
    """
    signs: list[Tensor] = []

    def keep(x: Tensor) -> None:
        if x.dim() == 4:
            signs.append((x.permute(0, 2, 3, 1) > 0).flatten(1))

    with torch.no_grad(), watch(RELU, keep):
        network(images)
    return signs


class _BatchVariances(TorchFunctionMode):
    def __init__(self, variances: list[float]) -> None:
        super().__init__()
        self.variances = variances

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        return (self.normal if func is functional.batch_norm else func)(*args, **(kwargs or {}))

    def normal(self, *args: Any, **kwargs: Any) -> Tensor:
        """In place of ``functional.batch_norm``."""
        given = BATCH_NORM.bind(*args, **kwargs).arguments
        x: Tensor = given["input"]
        measured = x.new_zeros(x.shape[1]), x.new_zeros(x.shape[1])
        own = {"running_mean": measured[0], "running_var": measured[1], "training": True, "momentum": 1.0}
        result = functional.batch_norm(**(given | own))
        n = x.numel() // x.shape[1]
        self.variances.append(float(measured[1].double().mean()) * (n - 1) / n)
        return result


def batch_variances(variances: list[float]) -> TorchFunctionMode:
    """A context in which every batch norm, in training mode, adds to ``variances`` its mean over channels of the variance.

    With a momentum of 1 the running variance is that of the batch, with Bessel's correction, which is taken off again: the
    normalisation has computed it already, and another pass over the map would take longer than the normalisation itself.
    """
    return _BatchVariances(variances)


@contextmanager
def outputs(modules: Iterable[nn.Module], once: bool = True) -> Iterator[list[Tensor]]:
    """Outputs of these modules, in the order of their calls; each tensor once, or as often as it is given."""
    found: list[Tensor] = []
    seen: set[int] = set()  # ids, which stay those of the tensors that ``found`` holds

    def keep(module: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
        if not (once and id(output) in seen):
            seen.add(id(output))
            found.append(output)

    hooks = [module.register_forward_hook(keep) for module in modules]
    try:
        yield found
    finally:
        for hook in hooks:
            hook.remove()


def blocks(network: Any) -> list[nn.Module]:
    """The stem and what follows it, one after the other: cells and reductions, or layers."""
    return [network.stem, *(network.layers if hasattr(network, "layers") else network.cells)]


def block_features(network: nn.Module, images: Tensor) -> list[Tensor]:
    """Feature maps (batch, channels, height, width) after the stem and after each block, with their graph.

    A block that does nothing gives its input once more.
    """
    with outputs(blocks(network), once=False) as features:
        network(images)
    return features


def pooled_map(network: nn.Module, images: Tensor) -> Tensor:
    """What enters the global pooling: (batch, channels, height, width)."""
    found: list[Tensor] = []
    with watch(GLOBAL_POOLING, found.append):
        network(images)
    return found[-1]


def penultimate(network: Any, images: Tensor) -> Tensor:
    """What enters the classifier: (batch, features)."""
    found: list[Tensor] = []
    hook = network.classifier.register_forward_pre_hook(lambda module, inputs: found.append(inputs[0]))
    try:
        network(images)
    finally:
        hook.remove()
    return found[-1]
