"""Small files in the formats of other people, written by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

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
