"""A file format of your own for ``warmnas bench import``: lines of "task cell validation test".

``python examples/own_reader.py``
"""

import tempfile
from pathlib import Path

import numpy as np

from warmnas.bench import space
from warmnas.bench.assembling import Draft
from warmnas.bench.readers.formats import Import, file_format, import_file

CELLS = "|nor_conv_3x3~0|+|{a}~0|nor_conv_3x3~1|+|skip_connect~0|none~1|{b}~2|"


@file_format("lines", "a line per training: task cell validation test")
def read_lines(path, options):
    """Rows into arrays; whatever stays NaN was not measured."""
    rows = [line.split() for line in path.read_text().splitlines()]
    tasks, names = (list(dict.fromkeys(row[i] for row in rows)) for i in (0, 1))
    cells = space("nasbench201")
    genotypes = np.stack([cells.from_string(name) for name in names])
    splits = {task: {"val": "third column", "test": "fourth column"} for task in tasks}
    draft = Draft(options.name or path.stem, cells, names, genotypes, {"task": tasks}, splits, "my lab", "CC0-1.0")
    arrays = [draft.empty(f"{split}_accuracy", ("task", "architecture")) for split in ("val", "test")]
    for task, name, *values in rows:
        for array, value in zip(arrays, values, strict=True):
            array[tasks.index(task), names.index(name)] = float(value)
    return Import(draft.table())


with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "mine.txt"
    choices = [("none", 60), ("avg_pool_3x3", 65), ("nor_conv_1x1", 70), ("skip_connect", 72)]
    file.write_text("".join(f"leaves {CELLS.format(a=a, b='skip_connect')} {v} {v - 1}\n" for a, v in choices))
    table = import_file(file, "lines").table
print(table.info()["name"], table.tasks, f"best validation {table.optimum('leaves'):.1f} %")
