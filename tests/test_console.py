"""What the command line says while it works: a bar with the time left on a terminal, nothing where it is piped."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys

import pytest

BARS = {
    "generation_bar": "show(1, 4, {'done': 1, 'failed': 0, 'running': 1, 'left': 2, 'epochs': 3})",
    "progress_bar": "show('cifar100', 'rea', 2)",
    "counting_bar": "(show(0, 4, 'first'), show(1, 4))",
    "busy": "None",
}
ARGUMENTS = {"progress_bar": "8", "counting_bar": "'tasks'", "busy": "'writing onnx'"}


def script(bar: str) -> list[str]:
    lines = ["import time", "from warmnas import console", f"with console.{bar}({ARGUMENTS.get(bar, '')}) as show:"]
    lines += ["    time.sleep(0.3)", f"    show and {BARS[bar]}", "    time.sleep(0.3)"]
    return [sys.executable, "-c", "\n".join(lines)]


@pytest.mark.parametrize("bar", BARS)
def test_quiet_when_piped(bar):
    done = subprocess.run(script(bar), capture_output=True, text=True, check=True)
    assert done.stdout == done.stderr == ""


@pytest.mark.parametrize("bar", BARS)
def test_a_terminal_sees_how_far_it_is(bar):
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(script(bar), stderr=theirs, stdout=subprocess.PIPE, env=environment) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                part = os.read(ours, 4096)
            except OSError:  # the other side is closed
                break
            if not part:
                break
            seen += part
        assert process.wait() == 0
    os.close(ours)
    text = seen.decode()
    assert re.search(r"\d:\d\d:\d\d", text), "how long it has taken"
    if bar != "busy":
        assert re.search(r"\b25 %", text)
        assert len(re.findall(r"\d:\d\d:\d\d", text)) >= 2, "and how long it will take"
