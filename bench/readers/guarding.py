"""Whatever damaged bytes raise becomes one line that names the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...wording import one_line
from ..errors import CorruptFile, WarmnasError


@contextmanager
def guarded(path: Path, what: str) -> Iterator[None]:
    """Errors of the block as CorruptFile: "PATH does not hold WHAT as its authors write it".

    Parsers raise almost anything on bytes that they do not expect, MemoryError and RecursionError included; an error
    that a user can mend passes as it is.
    """
    try:
        yield
    except CorruptFile as error:
        if str(path) in str(error):
            raise
        raise CorruptFile(f"{path}: {error}") from error
    except WarmnasError as error:
        raise CorruptFile(f"{path} does not hold {what}: {error}") from error
    except Exception as error:
        reason = one_line(error, 200)
        raise CorruptFile(f"{path} does not hold {what}: {type(error).__name__}: {reason}") from error
