"""What the worker's machine has, and what the worker takes of it. Imports no torch."""

from __future__ import annotations

import os
import platform
import sys
from pathlib import Path
from typing import Any

from ..system.memory import computer_memory


def probe() -> dict[str, Any]:
    """Return the machine's facts.

    Returns:
        ``cpu_count``: processors usable by this process; ``memory_total`` and
        ``memory_available``: bytes, or None where unknown; ``devices``: what engines can compute
        on, each with ``kind`` ("cpu") and ``name``.
    """
    total, available = computer_memory()
    return {
        "cpu_count": _cpu_count(),
        "memory_total": total,
        "memory_available": available,
        "devices": [{"kind": "cpu", "name": platform.processor() or platform.machine()}],
    }


def used_memory() -> dict[str, int]:
    """Return the memory that this process takes.

    Returns:
        Bytes by kind, where they are known: ``process``, of the computer's memory; ``device``,
        what PyTorch keeps of the graphics cards' memory, once it has used one.
    """
    used = {}
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        used["process"] = pages * os.sysconf("SC_PAGE_SIZE")
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        used["device"] = sum(torch.cuda.memory_reserved(index) for index in range(torch.cuda.device_count()))
    return used


def _cpu_count() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
