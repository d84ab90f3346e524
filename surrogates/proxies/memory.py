"""What was measured before, by architecture, proxy, recipe and inputs: a SQLite file in the cache folder.

Every measurement is committed at once, by whichever process made it, so that a run that was interrupted goes on where it
was. Results also depend on torch's version, which is part of the key. A folder that cannot be written costs nothing but the
memory of this process.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from ...bench import Genotypes, SearchSpace, cache_folder
from .inputs import Inputs
from .proxy import Proxy
from .recipe import ProbeRecipe
from .scoring import Measurement, measure

FILE = "proxies-1.db"  # raise the number when what is stored changes
PATIENCE = 60.0  # seconds to wait for another process that writes


class Memory:
    """Measurements by key. ``path`` None: of this object alone."""

    def __init__(self, path: Path | None) -> None:
        self._held: dict[str, Measurement] = {}
        self._file: sqlite3.Connection | None = None
        if path is not None:
            with suppress(OSError, sqlite3.Error):
                path.parent.mkdir(parents=True, exist_ok=True)
                file = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
                file.execute("PRAGMA journal_mode=WAL")
                file.execute("CREATE TABLE IF NOT EXISTS measured (key TEXT PRIMARY KEY, result TEXT) WITHOUT ROWID")
                self._file = file

    @classmethod
    def of_user(cls) -> Memory:
        """The one in the user's cache folder."""
        return cls(cache_folder() / FILE)

    def get(self, key: str) -> Measurement | None:
        """What is known, or None."""
        if key not in self._held and self._file is not None:
            with suppress(sqlite3.Error, ValueError, TypeError, KeyError):
                row = self._file.execute("SELECT result FROM measured WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    parts, seconds, problem = json.loads(row[0])
                    self._held[key] = Measurement(tuple(map(float, parts)), float(seconds), str(problem))
        return self._held.get(key)

    def put(self, key: str, measured: Measurement) -> None:
        """Keep it; a file that cannot be written is no reason to fail."""
        self._held[key] = measured
        if self._file is not None:
            text = json.dumps([[str(part) for part in measured.parts], measured.seconds, measured.problem])
            with suppress(sqlite3.Error):
                self._file.execute("INSERT OR REPLACE INTO measured VALUES (?, ?)", (key, text))

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None


def key_of(space: SearchSpace, genotype: Genotypes, proxy: Proxy, inputs: Inputs, recipe: ProbeRecipe, init: int) -> str:
    """Equal for equal results: what no path uses counts only for a proxy that counts it, draws only where there are any."""
    seen = genotype if proxy.whole or not space.connected(genotype) else space.live(genotype)
    content: list[Any] = [space.name, space.to_string(seen), proxy.key(), recipe.size, inputs.shape, inputs.classes]
    if proxy.drawn:
        content += [recipe.key(), inputs.identity, init, metadata.version("torch")]
    return hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16).hexdigest()


def recall(
    space: SearchSpace,
    genotype: Genotypes,
    wanted: Sequence[Proxy],
    inputs: Inputs,
    recipe: ProbeRecipe,
    init: int,
    memory: Memory,
) -> list[Measurement]:
    """As :func:`measure`, of what is not known yet; what is measured is kept."""
    keys = [key_of(space, genotype, proxy, inputs, recipe, init) for proxy in wanted]
    known = {key: found for key in keys if (found := memory.get(key)) is not None}
    missing = [(key, proxy) for key, proxy in zip(keys, wanted, strict=True) if key not in known]
    if missing:
        measured = measure(space, genotype, [proxy for _, proxy in missing], inputs, recipe, init)
        for (key, _), result in zip(missing, measured, strict=True):
            memory.put(key, result)
            known[key] = result
    return [known[key] for key in keys]
