"""Runs of the tests: which there are, and how they go on side by side."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import IO, Any

from .environments import BLENDERS, log, own_blender, run

AT_ONCE = 3
"""Test runs at a time: one more than a small machine has cores, for each waits now and then, for an installer or a
disk, and so that no core idles when the last ones are of different lengths."""
NOTHING_CHOSEN = 5
"""pytest's exit code where what was asked for chooses no test of a run."""


@dataclass(frozen=True)
class TestRun:
    """Tests that one process runs.

    Attributes:
        blender: Against which Blender.
        choice: pytest's expression of the markers.
    """

    blender: str
    choice: str

    def __str__(self) -> str:
        return f"Blender {self.blender}, Python {BLENDERS[self.blender]}, {self.choice}"


def planned_runs(blenders: list[str]) -> list[TestRun]:
    """Return what is run against these Blenders, in the order in which it begins: what takes longest comes first.

    What touches Blender runs against each of them, what is marked ``ends`` against the oldest and the newest; the
    core runs with each Python; what is marked ``once`` runs with the first. Several processes share a Blender's
    tests, so that the work can be spread evenly.
    """
    runs: list[TestRun] = []
    shorter: list[TestRun] = []
    pythons: set[str] = set()
    for blender in blenders:
        newest = blender == blenders[-1]
        if not runs:
            choices = ("not blender and not facelift", "not blender and facelift", "blender")
            runs += [TestRun(blender, choice) for choice in choices]
        else:
            if BLENDERS[blender] not in pythons:
                shorter.append(TestRun(blender, "not blender and not once"))
            again = TestRun(blender, "blender and not once" + ("" if newest else " and not ends"))
            (runs if newest else shorter).append(again)
        pythons.add(BLENDERS[blender])
    return runs + shorter


def fast_runs() -> list[TestRun]:
    """Return what is run while one works: what tells most in two minutes, against the running Python's Blender."""
    return [TestRun(own_blender(), "fast and blender"), TestRun(own_blender(), "fast and not blender")]


@dataclass(frozen=True)
class Outcome:
    """How a run of tests ended."""

    code: int
    seconds: float

    def __str__(self) -> str:
        verdict = {0: "passed", NOTHING_CHOSEN: "no test chosen"}.get(self.code, f"FAILED (exit code {self.code})")
        return f"{verdict}, {self.seconds / 60:.1f} minutes"


def run_side_by_side(commands: dict[TestRun, list[Any]]) -> dict[TestRun, Outcome]:
    """Run the test commands, some at a time; print the first one's output as it comes, the others' when they end.

    Each gets one thread for its matrix products: more would only fight for the same processors. Whatever is set here,
    Python keeps the bytecode of packages, which are installed without.
    """
    variables = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")}
    variables["PYTHONDONTWRITEBYTECODE"] = ""

    def run_tests(command: list[Any], output: IO[bytes] | None) -> Outcome:
        start = time.monotonic()
        code = run(command, env=os.environ | variables, stdout=output, stderr=output and subprocess.STDOUT)
        return Outcome(code, time.monotonic() - start)

    outcomes = {}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        started: list[tuple[TestRun, IO[bytes] | None, Future[Outcome]]] = []
        for tests, command in commands.items():
            output = tempfile.TemporaryFile() if started else None
            started.append((tests, output, pool.submit(run_tests, command, output)))
        for tests, kept, running in started:
            log(f"\n=== {tests} ===")
            outcomes[tests] = running.result()
            if kept:
                with kept:
                    kept.seek(0)
                    log(kept.read().decode(errors="replace"))
    return outcomes
