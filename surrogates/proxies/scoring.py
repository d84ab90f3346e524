"""Measuring proxies on architectures, with reasons where one cannot be measured, and a memory of what was measured.

Imports torch only when something has to be measured.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...bench import Genotypes, SearchSpace, UnknownName, WarmnasError
from .inputs import Inputs
from .proxy import Proxy, proxies
from .recipe import ProbeRecipe

if TYPE_CHECKING:
    from .probe import Probe

DISCONNECTED = "no path leads from input to output"


@dataclass(frozen=True)
class Measurement:
    """One proxy on one architecture with one draw.

    Attributes:
        parts: as :class:`Proxy` names them; -inf where one could not be measured, never NaN.
        seconds: computing time of one thread; that of a pass shared by several proxies counts for each.
        problem: why a part could not be measured; empty where all were.
    """

    parts: tuple[float, ...]
    seconds: float
    problem: str = ""


def make_proxies(names: Sequence[str]) -> list[Proxy]:
    """Proxies by name, each once; UnknownName where there is none of that name."""
    unknown = [name for name in names if name not in proxies]
    if unknown:
        raise UnknownName(proxies.kind, unknown[0], proxies)
    return [proxies[name]() for name in dict.fromkeys(names)]


def measure(
    space: SearchSpace,
    genotype: Genotypes,
    wanted: Sequence[Proxy],
    inputs: Inputs,
    recipe: ProbeRecipe,
    init: int = 0,
) -> list[Measurement]:
    """Each proxy on one architecture, (genes,), with draw number ``init``."""
    from .probe import Probe

    connected = bool(space.connected(genotype))
    live = space.live(genotype)
    probes = {whole: Probe(space, genotype if whole else live, inputs, recipe, init) for whole in (False, True)}
    found = []
    for proxy in wanted:
        if proxy.drawn and not connected:
            found.append(Measurement((-math.inf,) * len(proxy.parts), 0.0, DISCONNECTED))
        else:
            found.append(_measured(proxy, probes[proxy.whole]))
    return found


def _measured(proxy: Proxy, probe: Probe) -> Measurement:
    """What the proxy measured; a failure of the numbers is a problem, one of the user's input is not hidden."""
    from torch.linalg import LinAlgError  # type: ignore[attr-defined]

    before, started, problem = probe.charged, time.process_time(), ""
    try:
        parts = proxy.measure(probe)
    except (LinAlgError, ArithmeticError, ValueError) as error:
        if isinstance(error, WarmnasError):
            raise
        parts, problem = (math.nan,) * len(proxy.parts), f"{type(error).__name__}: {error}"
    seconds = time.process_time() - started + probe.charged - before
    wrong = [i for i, value in enumerate(parts) if not math.isfinite(value)]
    if wrong and not problem:
        problem = "; ".join(f"{proxy.parts[i] or proxy.name} is {parts[i]:g}" for i in wrong)
    return Measurement(tuple(v if math.isfinite(v) else -math.inf for v in parts), seconds, problem)
