"""Building the runtime's environment, so that a failure at any moment leaves what was there before.

A new environment is made beside the old one; the marker names it only after its self-test, and
only then the old one goes. Downloads stay in the cache until then, so that the next try goes on.

Which Python it is built on: one of the runtime's own (uv fetches it), so that removing or updating
Blender does no harm; where that can't be fetched, or a folder of wheels is for the Python at hand,
the one that Blender brings. Either serves every Blender: the worker is a process of its own.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..errors import FaceLiftError
from ..progress import Reporter
from . import advice, command, uv
from . import environment as places
from .backends import Backend
from .errors import RuntimeProblem
from .indexes import torch_index
from .lockfile import Lock
from .preflight import check_disk, check_path, check_wheels, python_version, torch_wheels
from .tool_environment import tool_environment
from .tools import Pip, Tool, Uv

MANAGED_PYTHON = "3.13"
"""The runtime's own Python."""
MEASURE_SECONDS = 0.7
"""Between two looks at how far the folder has grown."""
SELF_TEST = Path(__file__).resolve().with_name("selftest.py")
ALMOST = 0.99
"""Progress while the tool still works: sizes of lock files are estimates."""


@dataclass
class Installation:
    """What to install, from where, into which folder.

    Attributes:
        home: The runtime's folder.
        lock: The packages.
        base: The Python at hand, Blender's.
        wheels: A folder of wheels to take packages from, or None.
        online: Whether package indexes may be asked.
        use_uv: Whether to try uv; False goes straight to pip.
        notes: Sentences about what went another way than planned.
    """

    home: Path
    lock: Lock
    base: Path
    wheels: Path | None = None
    online: bool = True
    use_uv: bool = True
    notes: list[str] = field(default_factory=list)

    def run(self, reporter: Reporter) -> dict[str, Any]:
        """Install, and return the marker of the finished runtime.

        Raises:
            RuntimeProblem: it failed; what was there before is still there.
            FaceLiftError: the disk is too small or full (code "disk-full").
            Cancelled: cancelled through the reporter; downloads are kept.
        """
        checking, building = reporter.parts(1, 99)
        checking.stage("Checking folder and disk")
        check_path(self.home)
        check_wheels(self.wheels, self.lock, self.online)
        with places.locked(self.home):
            before = places.read_marker(self.home)
            previous = before if before.get("state") == places.COMPLETE else before.get("previous")
            self._delete_leftovers(previous)
            check_disk(self.home, self.lock, places.folder_bytes(self.home / places.CACHE))
            target = places.new_environment(self.home)
            unfinished = {"state": places.INCOMPLETE, "environment": target.name, "previous": previous}
            places.write_marker(self.home, unfinished)
            try:
                marker = self._build(target, building)
            except BaseException:
                self._roll_back(target, previous)
                raise
            places.write_marker(self.home, marker)
            self._tidy(target)
        reporter.finish()
        return marker

    def _build(self, target: Path, reporter: Reporter) -> dict[str, Any]:
        begin = time.monotonic()
        getting, fetching, making, installing, testing = reporter.parts(2, 3, 2, 80, 10)
        (self.home / places.CACHE / "tmp").mkdir(parents=True, exist_ok=True)
        tool = self._tool(target, getting)
        base = self._base_python(tool, fetching)
        making.stage("Making the environment")
        tool.make(target, base)
        self._install(tool, target, installing)
        testing.stage("Testing the runtime")
        tested = self_test(places.python_of(target), self.lock.backend, testing)
        return {
            "state": places.COMPLETE,
            "environment": target.name,
            "platform": self.lock.platform,
            "backend": str(self.lock.backend),
            "digest": self.lock.digest,
            "torch": tested["torch"],
            "python": tested["python"],
            "installer": tool.name,
            "unhashed": self.lock.torch if self.lock.torch_index else "",
            "bytes": places.folder_bytes(target),
            "seconds": round(time.monotonic() - begin, 1),
            "tested": tested,
            "notes": self.notes,
        }

    def _tool(self, target: Path, reporter: Reporter) -> Tool:
        """Return uv, or pip where uv can't be had or does not start."""
        measure = self._measure(reporter, target)
        arguments = (self.home, tool_environment(self.home), reporter, measure)
        if self.use_uv:
            looking, downloading = reporter.parts(1, 1)
            looking.stage("Looking for the installer")
            try:
                return Uv(uv.obtain(self.home / places.TOOLS, self.wheels, self.online, downloading), *arguments)
            except uv.UvUnavailable as error:
                self.notes.append(f"{error.message} pip was used instead.")
        return Pip(*arguments)

    def _base_python(self, tool: Tool, reporter: Reporter) -> Path:
        """Return the interpreter to build on: our own where it can be fetched, else the one at hand."""
        at_hand = python_version(self.base, reporter)
        wanted = torch_wheels(self.wheels, self.lock)
        if wanted and at_hand in wanted:
            return self.base
        version = max(wanted, key=lambda text: int(text.split(".")[1])) if wanted else MANAGED_PYTHON
        if isinstance(tool, Uv) and self.online:
            reporter.stage(f"Getting Python {version}")
            try:
                return tool.fetch_python(version)
            except RuntimeProblem as error:
                self.notes.append(f"Python {version} could not be fetched ({error.message}); Blender's was used.")
        if wanted:
            raise RuntimeProblem(
                f"The folder's PyTorch is for Python {' and '.join(sorted(wanted))}, but this is Python {at_hand}.",
                f"Put the wheel of {self.lock.torch} for Python {at_hand} in the folder.",
                code="wrong-wheels",
            )
        return self.base

    def _install(self, tool: Tool, target: Path, reporter: Reporter) -> None:
        """Install everything, locked packages first; progress is the growth of the folder."""
        reporter.stage("Installing packages", steps=self.lock.installed_bytes)
        folder = ["--find-links", str(self.wheels)] if self.wheels else []
        tool.install_locked(target, self.lock, folder if self.online else ["--no-index", *folder])
        if self.lock.torch_index:
            # A folder that has PyTorch is enough: its index may be out of reach.
            local = not self.online or torch_wheels(self.wheels, self.lock)
            index = ["--no-index"] if local else ["--index-url", torch_index(self.lock.backend)]
            tool.install_torch(target, self.lock.torch, [*index, *folder])

    def _measure(self, reporter: Reporter, target: Path) -> Callable[[], None]:
        """Return a function that reports by how much cache and environment have grown."""
        told, next_look = 0, 0.0
        limit = round(self.lock.installed_bytes * ALMOST)

        def measure() -> None:
            nonlocal told, next_look
            if time.monotonic() < next_look:
                return
            grown = min(places.folder_bytes(self.home / places.CACHE, target), limit)
            next_look = time.monotonic() + MEASURE_SECONDS
            if grown > told:
                reporter.step(grown - told)
                told = grown

        return measure

    def _delete_leftovers(self, previous: dict[str, Any] | None) -> None:
        """Delete environments that no marker calls complete."""
        kept = (previous or {}).get("environment")
        for folder in places.environments(self.home):
            if folder.name != kept:
                places.delete_folder(folder)

    def _roll_back(self, target: Path, previous: dict[str, Any] | None) -> None:
        """Put back what was there; a disk that is full must not hide why it failed."""
        try:
            places.delete_folder(target)
            if previous:
                places.write_marker(self.home, previous)
        except FaceLiftError:
            return

    def _tidy(self, target: Path) -> None:
        """Delete what the finished runtime does not need; what can't be deleted now goes another time."""
        others = [folder for folder in places.environments(self.home) if folder != target]
        for folder in (*others, self.home / places.CACHE):
            try:
                places.delete_folder(folder)
            except RuntimeProblem as error:
                self.notes.append(f"{error.message} It is no longer needed.")


def self_test(python: Path, backend: Backend, reporter: Reporter) -> dict[str, Any]:
    """Run one small kernel on the backend's device in the runtime, and return its facts.

    Raises:
        RuntimeProblem: it failed; ``details["raw"]`` has the output.
        Cancelled: cancelled through the reporter.
    """
    variables = tool_environment(python.parents[2])
    # The test may run when the cache and its folder for temporary files are gone.
    for name in ("TMPDIR", "TEMP", "TMP"):
        variables.pop(name)
    try:
        outcome = command.run([python, "-I", SELF_TEST, backend.device], reporter, variables)
    except OSError as error:
        raise advice.explain(f"{python.name}: {error}") from error
    lines = outcome.output.strip().splitlines()
    if outcome.status == 0:
        return json.loads(lines[-1])
    if lines and lines[-1].startswith('{"device"'):
        raise RuntimeProblem(
            "The device calculates wrongly: the self-test's product is off.",
            "Update the graphics driver; if that does not help, choose another build under Folders and Maintenance.",
            code="wrong-result",
            raw=outcome.output,
        )
    raise advice.explain(outcome.output or f"the self-test ended with status {outcome.status}")
