"""Checkpoint files, replaced whole or not at all. Nothing here needs torch."""

from __future__ import annotations

import os
from pathlib import Path


def read(path: Path) -> bytes:
    """A file's bytes, none where there is no file."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def write(path: Path, content: bytes) -> None:
    """Replace a file, whole or not at all; OSError where the disk is full."""
    part = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        part.write_bytes(content)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)
