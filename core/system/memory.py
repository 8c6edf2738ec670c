"""The computer's memory, as its system tells it."""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path


def computer_memory() -> tuple[int | None, int | None]:
    """Return the computer's total and available memory in bytes, None where the system does not tell."""
    if sys.platform == "linux":
        lines = (line.split() for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines())
        kibibytes = {parts[0].rstrip(":"): int(parts[1]) for parts in lines}
        return kibibytes["MemTotal"] * 1024, kibibytes["MemAvailable"] * 1024
    if sys.platform == "win32":
        status = _MemoryStatus(dwLength=ctypes.sizeof(_MemoryStatus))
        if not ctypes.WinDLL("kernel32").GlobalMemoryStatusEx(ctypes.byref(status)):
            return None, None
        return status.ullTotalPhys, status.ullAvailPhys
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"), None


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = (
        ("dwLength", ctypes.c_uint32),
        ("dwMemoryLoad", ctypes.c_uint32),
        ("ullTotalPhys", ctypes.c_uint64),
        ("ullAvailPhys", ctypes.c_uint64),
        ("unused", ctypes.c_uint64 * 5),
    )
