"""How measurements are taken and shown: a table with ratios to a named baseline, and peak memory."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Measurement:
    """One figure.

    Attributes:
        name: What was measured.
        value: The figure; None where it could not be measured.
        unit: Its unit ("s", "dB", "%", "MB").
        aim: What the project wants, as text ("<= 3"), or empty.
        baseline: Name of what it is compared with, measured in the same process, or empty.
        baseline_value: The baseline's figure in the same unit.
        reason: Why it could not be measured.
    """

    name: str
    value: float | None
    unit: str
    aim: str = ""
    baseline: str = ""
    baseline_value: float | None = None
    reason: str = ""

    @property
    def ratio(self) -> str:
        """How often the figure goes into the baseline's, as text; empty without baseline."""
        if self.baseline_value is None or not self.value:
            return ""
        return f"{self.baseline_value / self.value:.2f}x {self.baseline} ({self.baseline_value:.3g} {self.unit})"


def best_seconds(function: Callable[[], object], repeats: int = 5) -> float:
    """Return the fastest of several runs: the one that other processes disturbed least."""
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return min(times)


def peak_memory_mb() -> float:
    """Return this process's largest resident memory so far, in megabytes."""
    if sys.platform == "win32":
        import psutil

        return psutil.Process().memory_info().peak_wset / 1e6
    if sys.platform == "linux":
        # What getrusage tells begins with the parent's.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return int(status.partition("VmHWM:")[2].split()[0]) * 1024 / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6


def print_table(title: str, measurements: Iterable[Measurement]) -> None:
    """Print the figures with their aims and ratios, and the process's peak memory."""
    print(f"\n{title}")
    for item in measurements:
        aim = f"aim {item.aim}" if item.aim else ""
        figure = f"not measured: {item.reason}" if item.value is None else f"{item.value:>10.3f} {item.unit:<5}"
        print(f"  {item.name:<58} {figure} {aim:<14} {item.ratio}".rstrip(), flush=True)
    print(f"  {'peak memory of this process':<58} {peak_memory_mb():>10.0f} MB", flush=True)
