"""NAS-Bench-201 and NATS-Bench from their original files.

* ``nasbench201``: ``NAS-Bench-201-v1_0-e61699.pth`` or ``-v1_1-096897.pth`` (Dong & Yang, ICLR 2020), or a folder of
  ``000123-FULL.pth``. What ``nas_201_api/api_201.py``, ``NASBench201API.__init__`` and ``reload`` read: a dictionary with
  ``meta_archs`` (strings in official order), ``evaluated_indexes`` and ``arch2infos``: index -> ``less`` (12 epochs) and
  ``full`` (200 epochs). torch >= 2.6 refuses to open these with the package's own call.
* ``nats``: ``NATS-tss-v1_0-3ffb9.pickle.pbz2`` or ``NATS-sss-v1_0-50262.pickle.pbz2``, or the folders ``...-simple`` and
  ``...-full`` of one file per architecture (Dong, Liu, Musial & Gabrys, TPAMI 2021). What ``nats_bench/api_topology.py``
  and ``api_size.py`` read: the same with schedules by their names, ``12`` and ``200``, or ``01``, ``12`` and ``90``.

Both are streamed: a record becomes arrays as soon as it is complete. See ``docs/benchmarks.md`` for memory and time.
"""

from __future__ import annotations

import bz2
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ..plainpickle import PlainPickle
from ..spaces import space
from ..spaces.nasbench201 import NASBench201Space
from ..spaces.nats_size import NATSSizeSpace
from ..torchfile import load_torch
from .formats import Import, Options, file_format
from .guarding import guarded
from .nats_records import MARKER, runs_of, shrink
from .nats_tables import Architecture, Family, build

_SCHEDULES_201 = {"less": 12, "full": 200}
_NUMBER = re.compile(r"(\d+)(?:-FULL\.pth|\.pickle\.pbz2)")


def _families() -> dict[str, Family]:
    cells, sizes = space("nasbench201"), space("nats-size")
    assert isinstance(cells, NASBench201Space)
    assert isinstance(sizes, NATSSizeSpace)
    recipe = "SGD with cosine schedule, batch 256"
    paper = "Dong, Liu, Musial & Gabrys 2021"
    return {
        "nasbench201": Family(
            "nasbench201",
            cells.name,
            cells.params,
            f"16 channels, 5 cells per stage; 12 epochs and 200 epochs, {recipe}",
            "NAS-Bench-201 (Dong & Yang 2020)",
        ),
        "tss": Family(
            "nats-tss",
            cells.name,
            cells.params,
            f"16 channels, 5 cells per stage; 12 epochs and 200 epochs, {recipe}",
            f"NATS-Bench, topology space ({paper})",
        ),
        "sss": Family(
            "nats-sss",
            sizes.name,
            sizes.params,
            f"8 to 64 channels per layer; 1, 12 and 90 epochs, {recipe}",
            f"NATS-Bench, size space ({paper})",
        ),
    }


@file_format("nasbench201", "NAS-Bench-201-v1_0-e61699.pth, -v1_1-096897.pth, or the folder of its archive")
def read_nasbench201(path: Path, options: Options) -> Import:
    """See the module's head."""
    with guarded(path, "NAS-Bench-201"):
        if path.is_dir():
            files = _numbered(path, "-FULL.pth")
            found = [_architecture(number, _schedules_201(load_torch(file, shrink, MARKER))) for number, file in files]
        else:
            content = load_torch(path, shrink, MARKER)
            found = list(_architectures(content, _schedules_201))
        return Import(build(_families()["nasbench201"], found, options.name, options.source))


@file_format("nats", "NATS-Bench: NATS-{tss,sss}-v1_0-*.pickle.pbz2, or the folders -simple and -full of one file each")
def read_nats(path: Path, options: Options) -> Import:
    """See the module's head."""
    with guarded(path, "NATS-Bench"):
        if path.is_dir():
            files = _numbered(path, ".pickle.pbz2")
            found = [_architecture(number, _schedules_nats(_unpacked(file))) for number, file in files]
            _check_order(path, found)
        else:
            found = list(_architectures(_unpacked(path), _schedules_nats))
        family = "sss" if found and ":" in found[0].string else "tss"
        return Import(build(_families()[family], found, options.name, options.source))


def _numbered(folder: Path, ending: str) -> list[tuple[int, Path]]:
    files = sorted(folder.glob(f"*{ending}"))
    numbered = [(int(match[1]), file) for file in files if (match := _NUMBER.fullmatch(file.name))]
    if not numbered:
        raise ValueError(f"no file in it is called 000123{ending}")
    return numbered


def _unpacked(path: Path) -> Any:
    with bz2.open(path) as stream:
        return PlainPickle(stream, shrink, MARKER).load()


def _schedules_201(content: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    yield from ((epochs, content[key]) for key, epochs in _SCHEDULES_201.items())


def _schedules_nats(content: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    yield from ((int(epochs), state) for epochs, state in content.items())


def _architecture(index: int, schedules: Iterable[tuple[int, Mapping[str, Any]]]) -> Architecture:
    """One architecture; ValueError where its records are not of one architecture or stand under another's number."""
    states = dict(schedules)
    strings = {str(state["arch_str"]) for state in states.values()}
    numbers = {int(state["arch_index"]) for state in states.values()}
    if len(strings) != 1 or numbers != {index}:
        raise ValueError(f"architecture {index} has records of {sorted(strings)} with numbers {sorted(numbers)}")
    return Architecture(index, strings.pop(), {epochs: runs_of(dict(state)) for epochs, state in states.items()})


def _architectures(content: Mapping[str, Any], schedules: Any) -> Iterator[Architecture]:
    """All architectures of a whole file; ValueError where a number stands for another string than its record says."""
    names = content["meta_archs"]
    for index in sorted(content["arch2infos"]):
        found = _architecture(int(index), schedules(content["arch2infos"][index]))
        if names[found.index] != found.string:
            raise ValueError(
                f"number {found.index} is {names[found.index]} in the list, but its record says {found.string}"
            )
        yield found


def _check_order(folder: Path, found: list[Architecture]) -> None:
    meta = folder / "meta.pickle.pbz2"
    if not meta.is_file():
        return
    names = _unpacked(meta)["meta_archs"]
    for architecture in found:
        if names[architecture.index] != architecture.string:
            raise ValueError(f"file {architecture.index:06d} holds {architecture.string}, not {names[architecture.index]}")
