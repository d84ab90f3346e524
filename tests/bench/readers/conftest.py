"""Small files in the formats of other people, written by hand."""

from __future__ import annotations

import bz2
import pickle
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from warmnas.bench import Table, WarmnasError
from warmnas.bench.readers import Options, import_file
from warmnas.cli import main

CELLS = ("334131", "421211", "111111", "000000")


@pytest.fixture
def refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """The one line of an import that must end with exit code 2 and leave nothing behind."""

    def run(path: Path, form: str, *options: str) -> str:
        out = tmp_path / "refused" / "T.h5"
        before = sorted(tmp_path.rglob("*"))
        assert main(["bench", "import", str(path), "--format", form, "--out", str(out), *options]) == 2
        printed = capsys.readouterr()
        assert printed.out == ""
        assert printed.err.count("\n") == 1, printed.err
        assert sorted(tmp_path.rglob("*")) == before
        return printed.err

    return run


@pytest.fixture
def csv(tmp_path: Path) -> Callable[..., Path]:
    """A CSV file of a header and lines."""

    def write(*lines: str, name: str = "stranger.csv") -> Path:
        path = tmp_path / name
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


@pytest.fixture
def table_of() -> Callable[..., Table]:
    """The table of a CSV file, with mappings."""

    def read(path: Path, *mapping: str, **options: object) -> Table:
        return import_file(path, "csv", Options(map=mapping, **options)).table  # type: ignore[arg-type]

    return read


def message(path: Path, form: str, options: Options | None = None) -> str:
    """What is said about a file that is refused."""
    with pytest.raises(WarmnasError) as caught:
        import_file(path, form, options)
    return str(caught.value)


DATASETS = {
    "cifar10-valid": ("x-valid", "ori-test"),
    "cifar10": ("ori-test",),
    "cifar100": ("x-valid", "x-test", "ori-test"),
    "ImageNet16-120": ("x-valid", "x-test", "ori-test"),
}
FULL = {  # architecture -> seeds at 200 epochs; one of them lacks one
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|": (777, 888),
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|": (888,),
}


def run_state(
    rng: np.random.Generator, arch: str, dataset: str, seed: int, epochs: int, evaluated: dict[str, range]
) -> Any:
    """A record as the package's own class writes it: curves of random percent, evaluated where ``evaluated`` says."""
    from nas_201_api.api_utils import ResultsCount

    def curve() -> dict[int, float]:
        return dict(enumerate(rng.uniform(0, 100, epochs).tolist()))

    config = {"channel": 16, "num_cells": 5, "arch_str": arch, "class_num": 10}
    run = ResultsCount(dataset, None, curve(), curve(), float(rng.uniform(0.1, 1)), 12.5, config, seed, epochs, [0.01])
    times = dict(enumerate(rng.uniform(1, 2, epochs).tolist()))
    run.update_train_info(curve(), curve(), curve(), times)
    for split, some in evaluated.items():
        run.eval_names.append(split)
        for epoch in some:
            run.eval_acc1es[f"{split}@{epoch}"] = float(rng.uniform(0, 100))
            run.eval_losses[f"{split}@{epoch}"] = float(rng.uniform(0, 5))
        for epoch in range(epochs):
            run.eval_times[f"{split}@{epoch}"] = float(rng.uniform(0.1, 1))
    return run


def _evaluated(dataset: str, epochs: int) -> dict[str, range]:
    """Which epochs the benchmark evaluated on which split: every one, or the last alone at 200 epochs."""
    alone = {"cifar10-valid": "x-valid"}.get(dataset, "ori-test")
    last = range(epochs - 1, epochs)
    return {s: range(epochs) if epochs == 12 or s == alone else last for s in DATASETS[dataset]}


@pytest.fixture(scope="session")
def official() -> dict[str, Any]:
    """What a NAS-Bench-201 file holds, in small: two of four listed architectures, made with the package's classes."""
    from nas_201_api.api_utils import ArchResults

    rng = np.random.default_rng(7)
    names = [*FULL, "|none~0|+|none~0|none~1|+|none~0|none~1|skip_connect~2|", "never evaluated"]
    infos: dict[int, Any] = {}
    for index, arch in enumerate(FULL):
        infos[index] = {}
        for key, epochs, seeds in (("less", 12, (111,)), ("full", 200, FULL[arch])):
            results = ArchResults(index, arch)
            for dataset in DATASETS:
                for seed in seeds:
                    state = run_state(rng, arch, dataset, seed, epochs, _evaluated(dataset, epochs))
                    results.update(dataset, seed, state)
            infos[index][key] = results.state_dict()
    return {"meta_archs": names, "total_archs": 4, "arch2infos": infos, "evaluated_indexes": list(infos)}


@pytest.fixture(scope="session")
def nats_content(official: dict[str, Any]) -> dict[str, Any]:
    """The same as NATS-Bench has it: schedules by their epochs."""
    infos = {i: OrderedDict({"12": hp["less"], "200": hp["full"]}) for i, hp in official["arch2infos"].items()}
    return {**official, "arch2infos": infos, "evaluated_indexes": set(infos)}


@pytest.fixture(scope="session")
def pth(official: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A NAS-Bench-201 file as torch writes it today."""
    import torch

    path = tmp_path_factory.mktemp("nb201") / "NAS-Bench-201-v1_1-096897.pth"
    torch.save(official, path)
    return path


@pytest.fixture(scope="session")
def table201(pth: Path) -> Table:
    """Its table."""
    return import_file(pth, "nasbench201").table


def write_pickle(path: Path, content: Any, protocol: int = 4) -> Path:
    """A ``.pickle.pbz2`` as NATS-Bench writes it."""
    with bz2.open(path, "wb", compresslevel=1) as file:
        pickle.dump(content, file, protocol)
    return path


@pytest.fixture(scope="session")
def nats_folder(nats_content: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ``-simple`` folder of two topology architectures."""
    folder = tmp_path_factory.mktemp("nats") / "NATS-tss-v1_0-3ffb9-simple"
    folder.mkdir()
    for index, info in nats_content["arch2infos"].items():
        write_pickle(folder / f"{index:06d}.pickle.pbz2", info)
    write_pickle(folder / "meta.pickle.pbz2", {**nats_content, "arch2infos": None, "evaluated_indexes": set()})
    return folder


@pytest.fixture(scope="session")
def genuine() -> Path:
    """Folder of genuine records beside the checkout, which not everybody has."""
    folder = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "formats"
    if not folder.is_dir():
        pytest.skip("the genuine records are not beside this checkout (../shared/data/formats)")
    return folder
