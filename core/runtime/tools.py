"""The two tools that can build an environment, behind one interface: uv, and venv with pip."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from ..progress import Reporter
from . import advice, command
from .environment import python_of
from .lockfile import Lock


class Tool(Protocol):
    """Something that makes environments and installs into them.

    Every method raises RuntimeProblem with an explanation when the tool fails, and Cancelled.
    """

    name: str

    def make(self, environment: Path, base: Path) -> None:
        """Make an empty environment on an interpreter."""
        ...

    def install_locked(self, environment: Path, lock: Lock, sources: list[str]) -> None:
        """Install what a lock file pins and hashes."""
        ...

    def install_torch(self, environment: Path, requirement: str, sources: list[str]) -> None:
        """Install PyTorch from its own index, with what it needs besides the locked packages."""
        ...


class _Runner:
    """Runs a tool's commands in one environment of variables and explains failures."""

    def __init__(self, home: Path, env: Mapping[str, str], reporter: Reporter, on_tick: Callable[[], None]) -> None:
        self._home, self._env, self._reporter, self._on_tick = home, env, reporter, on_tick

    def _run(self, argv: Sequence[str | Path]) -> str:
        try:
            outcome = command.run(argv, self._reporter, self._env, self._home, self._on_tick)
        except OSError as error:
            raise advice.explain(f"{Path(argv[0]).name}: {error}") from error
        if outcome.status:
            raise advice.explain(outcome.output or f"exit status {outcome.status}")
        return outcome.output


class Uv(_Runner):
    """uv: fast, needs nothing of the base Python."""

    name = "uv"

    def __init__(
        self, program: Path, home: Path, env: Mapping[str, str], reporter: Reporter, on_tick: Callable[[], None]
    ) -> None:
        super().__init__(home, env, reporter, on_tick)
        self._program = program

    def make(self, environment: Path, base: Path) -> None:
        """Make an empty environment on an interpreter."""
        # --no-project: nothing that lies around in parent folders decides.
        self._run([self._program, "venv", "--no-project", "--system-certs", "--python", base, environment])

    def install_locked(self, environment: Path, lock: Lock, sources: list[str]) -> None:
        """Install what a lock file pins and hashes."""
        self._install(environment, ["--require-hashes", "--no-deps", "-r", str(lock.path), *sources])

    def install_torch(self, environment: Path, requirement: str, sources: list[str]) -> None:
        """Install PyTorch from its own index, with what it needs besides the locked packages."""
        self._install(environment, [requirement, *sources])

    def fetch_python(self, version: str) -> Path:
        """Install a Python of the runtime's own and return its interpreter."""
        self._run([self._program, "python", "install", "--system-certs", "--no-bin", version])
        options = ["--system-certs", "--managed-python", "--no-project"]
        found = self._run([self._program, "python", "find", *options, version])
        return Path(found.strip().splitlines()[-1])

    def _install(self, environment: Path, arguments: list[str]) -> None:
        options = ["--system-certs", "--only-binary", ":all:"]
        self._run([self._program, "pip", "install", *options, "--python", python_of(environment), *arguments])


class Pip(_Runner):
    """venv and pip of the base Python: slower, but no program that a virus scanner has never seen."""

    name = "pip"

    def make(self, environment: Path, base: Path) -> None:
        """Make an empty environment on an interpreter."""
        self._run([base, "-I", "-m", "venv", environment])

    def install_locked(self, environment: Path, lock: Lock, sources: list[str]) -> None:
        """Install what a lock file pins and hashes."""
        self._install(environment, ["--require-hashes", "--no-deps", "-r", str(lock.path), *sources])

    def install_torch(self, environment: Path, requirement: str, sources: list[str]) -> None:
        """Install PyTorch from its own index, with what it needs besides the locked packages."""
        self._install(environment, [requirement, *sources])

    def _install(self, environment: Path, arguments: list[str]) -> None:
        # Bytecode is written when modules are first imported, which are few of them.
        options = ["--only-binary", ":all:", "--progress-bar", "off", "--no-compile"]
        self._run([python_of(environment), "-I", "-m", "pip", "install", *options, *arguments])
