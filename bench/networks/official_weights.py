"""Weights that NAS-Bench-201's archives hold, for our network of the same cell.

The archives (``get_net_param`` of the package nas-bench-201) hold state dictionaries of the benchmark's own network, whose
layers have other names: a layer of an edge is ``cells.3.layers.5.op.1``, with edges in the order of the string; a residual
block has ``conv_a``, ``conv_b`` and ``downsample``; the last batch norm is ``lastact.0``.

The two networks are equal in function but for one thing. A convolution on an edge from a node that nothing reaches is fed
zeros; the benchmark's network computes it, and its batch norm turns zeros into a constant per channel. Ours leaves such
edges out, as the benchmark's own rule for equal strings does. That concerns 2,000 of the connected cells.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch

from ..errors import WarmnasError
from .nasbench201 import NASBench201Network

_NAMES = (
    (re.compile(r"(cells\.\d+\.layers\.\d)\.(\d)"), r"\1.op.\2"),
    (re.compile(r"(cells\.\d+)\.body\.0\.(\d)"), r"\1.conv_a.op.\2"),
    (re.compile(r"(cells\.\d+)\.body\.1\.(\d)"), r"\1.conv_b.op.\2"),
    (re.compile(r"(cells\.\d+)\.shortcut"), r"\1.downsample"),
    (re.compile(r"head\.0"), "lastact.0"),
)


def official_name(name: str) -> str:
    """The name that one of our network's tensors has in the benchmark's files."""
    for ours, theirs in _NAMES:
        name, found = ours.subn(theirs, name)
        if found:
            return name
    return name


def load_official(network: NASBench201Network, state: Mapping[str, torch.Tensor]) -> None:
    """Fill a network with weights under official names.

    Raises WarmnasError where a tensor is missing, is left over or has another shape: then it is another network's.
    """
    own = network.state_dict()
    renamed = {official_name(name): name for name in own}
    wrong = sorted(set(renamed) ^ set(state))
    wrong += [name for name in renamed if name in state and state[name].shape != own[renamed[name]].shape]
    if wrong:
        raise WarmnasError(f"these are weights of another network: '{wrong[0]}' does not fit; build the trained cell")
    network.load_state_dict({renamed[name]: tensor for name, tensor in state.items()})
