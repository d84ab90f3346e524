"""Small networks on small inputs, so that every proxy takes milliseconds."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from warmnas.bench import space
from warmnas.surrogates.proxies import GaussianInputs, ProbeRecipe
from warmnas.surrogates.proxies.probe import Probe

INPUTS = GaussianInputs((3, 8, 8), 4)
RECIPE = ProbeRecipe(batch=8, width=4, cells=1, seed=3)
CELLS = ("334131", "333333", "112412", "111111", "444444", "130204", "300300")


@pytest.fixture(scope="session")
def make_probe() -> Callable[..., Probe]:
    def probe(cell: str = "334131", inputs=INPUTS, recipe=RECIPE, init: int = 0, of: str = "nasbench201") -> Probe:
        return Probe(space(of), space(of).from_string(cell), inputs, recipe, init)

    return probe
