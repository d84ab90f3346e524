"""Damaged and hostile files for every format that ``warmnas bench import`` reads.

    python tests/fuzz/readers.py [--seconds 60] [--format NAME ...] [--seed 0]

Makes a small good file of each format, damages it (cut, flipped bits, bytes put in, parts moved or repeated), below the
compression and the checksums as well as above, and imports it through the command line. Allowed are exit code 0 (the damage
did not matter) and exit code 2 with one line on stderr and nothing written. With ``atheris`` and ``--atheris`` the
damage is guided by coverage. The tests use a few of these files, this script is not part of them.
"""

from __future__ import annotations

import argparse
import base64
import bz2
import contextlib
import io
import json
import pickle
import random
import shutil
import struct
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

CELLS = (
    "|nor_conv_3x3~0|+|nor_conv_3x3~0|avg_pool_3x3~1|+|skip_connect~0|nor_conv_3x3~1|skip_connect~2|",
    "|avg_pool_3x3~0|+|nor_conv_1x1~0|skip_connect~1|+|nor_conv_1x1~0|skip_connect~1|skip_connect~2|",
)
SENTINEL = "executed"  # what a pickle that runs code would create


@dataclass(frozen=True)
class Subject:
    """A format: a good content, how a file is made of it, the file's name, and options of the import.

    ``content`` lies below compression and checksums; ``pack`` adds them.
    """

    format: str
    name: str
    content: bytes
    pack: Callable[[bytes], bytes] = bytes
    options: tuple[str, ...] = ()
    pickled: bool = False


def _run(epochs: int, dataset: str, splits: tuple[str, ...]) -> dict[str, Any]:
    rng = np.random.default_rng(epochs)
    return {
        "name": dataset,
        "epochs": epochs,
        "train_acc1es": dict(enumerate(rng.uniform(0, 100, epochs).tolist())),
        "train_losses": dict(enumerate(rng.uniform(0, 3, epochs).tolist())),
        "train_times": dict(enumerate(rng.uniform(1, 2, epochs).tolist())),
        "eval_names": list(splits),
        "eval_acc1es": {f"{split}@{e}": float(rng.uniform(0, 100)) for split in splits for e in range(epochs)},
        "eval_times": {f"{split}@{e}": 0.5 for split in splits for e in range(epochs)},
        "params": np.float64(0.8),
        "flop": 12.0,
        "latency": [0.01],
    }


def _states(schedules: dict[str, int]) -> dict[int, dict[str, Any]]:
    infos: dict[int, dict[str, Any]] = {}
    for index, cell in enumerate(CELLS):
        infos[index] = {}
        for key, epochs in schedules.items():
            results = {("cifar100", 777): _run(epochs, "cifar100", ("x-valid", "x-test"))}
            infos[index][key] = {"arch_index": index, "arch_str": cell, "all_results": results}
    return infos


def _benchmark(schedules: dict[str, int]) -> dict[str, Any]:
    return {"meta_archs": list(CELLS), "arch2infos": _states(schedules), "evaluated_indexes": {0, 1}}


def _zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("archive/data.pkl", data)
        archive.writestr("archive/version", b"3\n")
    return buffer.getvalue()


def _legacy(data: bytes) -> bytes:
    head = [0x1950A86A20F9469CFC6C, 1001, {"protocol_version": 1001, "little_endian": True}]
    return b"".join(pickle.dumps(part, 2) for part in head) + data + pickle.dumps([], 2)


def _frames(data: bytes) -> bytes:
    """Lines as TFRecord frames with good checksums."""
    from warmnas.bench.tfrecord import crc32c, masked

    def mask(part: bytes) -> bytes:
        return struct.pack("<I", int(masked(crc32c([part]))[0]))

    framed = b""
    for line in data.split(b"\n"):
        head = struct.pack("<Q", len(line))
        framed += head + mask(head) + line + mask(line)
    return framed


def _module_lines() -> bytes:
    def doubles(*values: float) -> bytes:
        return b"".join(bytes([i << 3 | 1]) + struct.pack("<d", v) for i, v in enumerate(values, 1))

    parts = [doubles(0, 0, 0.1, 0.1, 0.1), doubles(54, 300, 0.8, 0.7, 0.7), doubles(108, 600, 1.0, 0.93, 0.92)]
    message = b"".join(bytes([1 << 3 | 2, len(part)]) + part for part in parts) + bytes([2 << 3, 100])
    encoded = base64.b64encode(message).decode()
    module = ["28cfc7874f6d200472e1a9dcd8650aa0", 108, "0100", "input,output", encoded]
    from warmnas.bench import space
    from warmnas.bench.spaces.nasbench101 import NASBench101Space

    modules = space("nasbench101")
    assert isinstance(modules, NASBench101Space)
    module[0] = modules.module_hash(modules.from_modules(np.array([[[0, 1], [0, 0]]]), np.zeros((1, 0), np.int8))[0])
    return json.dumps(module).encode() + b"\n" + json.dumps(module).encode()


def _transnas() -> dict[str, Any]:
    curves = {f"{split}_top1": [10.0, 20.0] for split in ("train", "valid", "test")} | {"time_elapsed": [5.0, 11.0]}
    info = {"inference_time": 0.1, "model_params": 1.0, "model_FLOPs": 2.0}
    record = {"class_scene": {"total_epochs": 2, "metrics": curves, "model_info": info}}
    names = {"micro": {"64-41414-1_02_333": record, "64-41414-0_12_303": record}, "macro": {"64-1234-basic": record}}
    return {"metrics_dict": {"class_scene": list(curves)}, "task_list": ["class_scene"], "data": names}


def _hardware() -> dict[str, Any]:
    costs = {"edgegpu_latency": [1.0, 2.0], "fpga_energy": np.array([3.0, 4.0]), "config": [{"arch_str": c} for c in CELLS]}
    return {"nasbench201": dict.fromkeys(("cifar10", "cifar100", "ImageNet16-120"), costs)}


def _lcbench() -> bytes:
    keys = ("batch_size", "learning_rate", "momentum", "weight_decay", "num_layers", "max_units", "max_dropout")
    tags = ("Train/val_accuracy", "Train/test_result", "Train/train_accuracy", "Train/loss", "time")
    runs = {
        str(n): {
            "config": dict.fromkeys(keys, n),
            "log": {**{tag: [1.0, 20.0, 30.0] for tag in tags}, "epoch": [0, 1, 2]},
        }
        for n in (1, 2)
    }
    return json.dumps({"credit-g": runs, "higgs": runs}).encode()


def _graph() -> dict[int, dict[str, Any]]:
    entry = {"dur": [[0.5] * 7] * 3, "valid_perf": 0.5, "perf": 0.5, "latency": 0.1, "para": 0.2}
    return {4218: entry, 41345: entry}


def _analog() -> bytes:
    """Written by hand, as pickles of the package's classes look: they are not installed."""

    def drift() -> bytes:
        return b"\x8c\x13analognasbench.data\x8c\x10DriftMeasurement\x93)\x81}(" + (
            b"\x8c\x05valueG" + struct.pack(">d", 50.0) + b"\x8c\x0buncertaintyG" + struct.pack(">d", 1.0) + b"ub"
        )

    def text(name: str) -> bytes:
        return b"\x8c" + bytes([len(name)]) + name.encode()

    accuracies = [f"{kind}_accuracy" for kind in ("baseline", "ptq", "qat", "noisy", "analog")]
    drifts = [f"{kind}_drift_{s}" for kind in ("baseline", "analog") for s in (60, 3600, 86400, 2592000)]
    state = b"".join(text(name) + b"G" + struct.pack(">d", 90.0) for name in accuracies)
    state += b"".join(text(name) + drift() for name in drifts)
    made = b"\x8c\x13analognasbench.data\x8c\x0cArchitecture\x93)\x81}(" + state + b"ub"
    return b"\x80\x04}((K\x00K\x00K\x00K\x04K\x03K\x02t" + made + b"(K\x01K\x01K\x01K\x01K\x01K\x01t" + made + b"u."


def _parquet() -> bytes:
    import pandas as pd

    buffer = io.BytesIO()
    pd.DataFrame({"arch": ["334131", "421211"], "a_val": [50.0, 60.0], "a_test": [51.0, 61.0]}).to_parquet(buffer)
    return buffer.getvalue()


def subjects() -> list[Subject]:
    """A good file of every format; of those that are compressed or framed, several."""
    csv = b"arch,task,seed,epoch,val,test\n" + b"".join(
        f"{cell},t{task},{seed},{epoch},{50 + epoch},{40 + epoch}\n".encode()
        for cell in ("334131", "421211")
        for task in (1, 2)
        for seed in (0, 1)
        for epoch in (1, 2)
    )
    of_201, of_nats = _benchmark({"less": 12, "full": 200}), _benchmark({"01": 1, "12": 12})
    return [
        Subject("csv", "x.csv", csv),
        Subject("parquet", "x.parquet", _parquet()),
        Subject("nasbench201", "old.pth", pickle.dumps(of_201, 2), _legacy, pickled=True),
        Subject("nasbench201", "new.pth", pickle.dumps(of_201, 2), _zipped, pickled=True),
        Subject("nasbench201", "plain.pth", pickle.dumps(of_201, 4), pickled=True),
        Subject("nats", "x.pickle.pbz2", pickle.dumps(of_nats, 4), lambda data: bz2.compress(data, 1), pickled=True),
        Subject("nats", "y.pickle.pbz2", bz2.compress(pickle.dumps(of_nats, 2))),
        Subject("nasbench101", "x.tfrecord", _module_lines(), _frames),
        Subject("nasbench101", "y.tfrecord", _frames(_module_lines())),
        Subject("transnas101", "x.pth", pickle.dumps(_transnas(), 2), _zipped, ("--space", "micro"), pickled=True),
        Subject("hw-nas-bench", "x.pickle", pickle.dumps(_hardware(), 3), pickled=True),
        Subject("nas-bench-graph", "cora0.bench", pickle.dumps(_graph()), pickled=True),
        Subject("lcbench", "x.json", _lcbench()),
        Subject("analog-nasbench", "data.anb", _analog(), pickled=True),
    ]


def damaged(data: bytes, rng: random.Random) -> bytes:
    """One or a few damages."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if not data:
            return data
        at, other = rng.randrange(len(data)), rng.randrange(len(data))
        kind = rng.randrange(7)
        if kind == 0:
            data = data[:at]
        elif kind == 1:
            data = data[:at] + bytes([data[at] ^ 1 << rng.randrange(8)]) + data[at + 1 :]
        elif kind == 2:
            data = data[:at] + rng.randbytes(rng.randrange(1, 9)) + data[at:]
        elif kind == 3:
            data = data[:at] + data[at + rng.randrange(1, 30) :]
        elif kind == 4:
            data = data[:at] + data[other : other + 20] + data[at:]
        elif kind == 5:
            data = data[:at] + bytes([rng.choice(b"\x00\xff\x80.c(NRtuG)}b]eI-9\n")]) + data[at + 1 :]
        else:
            data = data[:at] + data[other : other + 8] + data[at + 8 :]
    return data


def payload(folder: Path, protocol: int) -> bytes:
    """A pickle that creates a file when it is loaded with full powers."""
    target = folder / SENTINEL

    class Runs:
        def __reduce__(self) -> Any:
            return (Path.touch, (target,))

    return pickle.dumps({"meta_archs": [Runs()], "nasbench201": Runs()}, protocol)


def attempt(subject: Subject, data: bytes, folder: Path) -> tuple[int, str]:
    """Exit code of importing these bytes, and what is wrong with how it went: an empty text where nothing is."""
    from warmnas.cli import main

    for old in folder.iterdir():  # of an attempt before
        shutil.rmtree(old) if old.is_dir() else old.unlink()
    path, out = folder / subject.name, folder / "out" / "T.h5"
    path.write_bytes(data)
    stdout, stderr = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
        arguments = ["bench", "import", str(path), "--format", subject.format, "--out", str(out), *subject.options]
        try:
            code = main(arguments)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            return -1, f"{type(error).__name__}: {error}"
    left = {p.name for p in folder.rglob("*")} - {subject.name}
    problem = ""
    if code == 0:
        if left != {"out", "T.h5"}:
            problem = f"files {left}"
    elif code != 2 or stderr.getvalue().count("\n") != 1 or stdout.getvalue() or left:
        problem = f"exit code {code}, files {left}, said {stdout.getvalue()[:200]!r} {stderr.getvalue()[:300]!r}"
    return code, problem


def campaign(seconds: float, formats: list[str], seed: int) -> int:
    """Try until the time is over; print how many files of each format were tried and refused, and every failure."""
    rng = random.Random(seed)
    chosen = [subject for subject in subjects() if not formats or subject.format in formats]
    tried: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    failures = 0
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as name, contextlib.suppress(KeyboardInterrupt):
        folder = Path(name)
        while time.monotonic() < end:
            subject = rng.choice(chosen)
            inner = rng.random() < 0.8
            data = subject.pack(damaged(subject.content, rng)) if inner else damaged(subject.pack(subject.content), rng)
            code, problem = attempt(subject, data, folder)
            tried[subject.format] += 1
            refused[subject.format] += code == 2
            if problem:
                failures += 1
                print(f"{subject.format} {subject.name}: {problem}\n  {base64.b64encode(data)[:2000]!r}", flush=True)
    for name_of in tried:
        print(f"{name_of:16}{tried[name_of]:8} tried{refused[name_of]:8} refused")
    print(f"{sum(tried.values())} files, {failures} failures")
    return int(failures > 0)


def guided(seconds: float, formats: list[str]) -> None:
    """Coverage-guided, with atheris; ends at the first failure, whose file is then named, or when the time is over."""
    atheris: Any = import_module("atheris")

    chosen = [subject for subject in subjects() if not formats or subject.format in formats]
    folder, corpus = Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())
    for place, subject in enumerate(chosen):  # good files to start from
        (corpus / str(place)).write_bytes(bytes([place]) + subject.content)

    def one(data: bytes) -> None:
        if data:
            subject = chosen[data[0] % len(chosen)]
            _, problem = attempt(subject, subject.pack(data[1:]), folder)
            if problem:
                raise RuntimeError(f"{subject.format}: {problem}")

    atheris.instrument_all()
    limits = [f"-max_total_time={seconds:.0f}", f"-artifact_prefix={tempfile.gettempdir()}/"]
    atheris.Setup([sys.argv[0], *limits, str(corpus)], one)
    atheris.Fuzz()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--format", nargs="*", default=[])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--atheris", action="store_true")
    given = parser.parse_args()
    if given.atheris:
        guided(given.seconds, given.format)
    sys.exit(campaign(given.seconds, given.format, given.seed))
