"""Who holds a claim, and whether that process still lives.

A process is known by machine, process number and start: numbers are used again after a while and after a restart. A machine
is its host name, this boot of it and the process namespace (two containers may share the first two).
"""

from __future__ import annotations

import os
import socket
from functools import cache
from pathlib import Path

SILENT = 600.0  # seconds without a sign of life after which a process that cannot be seen from here counts as dead


@cache
def machine() -> str:
    """This machine, this boot, this process namespace."""
    boot, namespace = "", ""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
        namespace = os.readlink("/proc/self/ns/pid")
    except OSError:  # no /proc on this system: the host name must do
        pass
    return f"{socket.gethostname()}|{boot}|{namespace}"


def start_of(pid: int) -> str | None:
    """When a process of this machine began, in the system's own unit; None where there is no living one."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return None if state in "ZX" else fields[18]  # a zombie waits for its parent and does nothing more
    except OSError:
        if Path("/proc/self/stat").exists():
            return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return None
    except PermissionError:
        pass
    return ""


def owner_of(pid: int) -> str:
    """The name under which a process of this machine holds claims."""
    return f"{machine()}|{pid}|{start_of(pid) or ''}"


def alive(owner: str, heartbeat: float, now: float) -> bool:
    """Whether the process that holds a claim may still be at work.

    Args:
        owner: its name, see :func:`owner_of`.
        heartbeat: its last sign of life, seconds since 1970.
        now: the same clock.
    """
    where, pid, start = owner.rsplit("|", 2)
    if where == machine():
        return start_of(int(pid)) == start
    if where.split("|")[0] == machine().split("|")[0] and where.split("|")[1] != machine().split("|")[1]:
        return False  # the same host before its last start
    return now - heartbeat < SILENT
