"""Where a person's setup stands: what the disk, the hardware and the person's choices say together."""

from __future__ import annotations

import datetime
import urllib.parse
from dataclasses import replace
from enum import StrEnum
from pathlib import Path

from ..errors import EngineUnavailable
from ..weights.places import weights_home
from ..weights.resolve import DOWNLOADED_NAME, Location, is_complete, resolve
from ..weights.table import LICENCE_FILE, OFFICIAL, FileTable
from ..weights.verify import table_of
from . import backends, environment, lockfile
from .backends import Backend, Choice
from .environment import RuntimeState
from .errors import RuntimeProblem
from .lockfile import Lock
from .places import runtime_home
from .probe import Hardware
from .setup_memory import Memory

PICTURE_NAME = "selftest.png"


class Stage(StrEnum):
    """The steps, in their order."""

    CHECK = "check"
    INSTALL = "install"
    LICENCE = "licence"
    DOWNLOAD = "download"
    TEST = "test"
    READY = "ready"


class SetupState:
    """The facts, the choices, and the step that follows from them.

    Args:
        store: JSON file for what is kept between sessions.
        table: JSON file with another table of weight files, for mirrors and own checkpoints.

    Attributes:
        table: The weights' files.
        table_path: As given.
        memory: What is kept; written by :meth:`remember`.
        hardware, choice: The verdict, once the hardware was looked at.
        runtime: State of the runtime's folder.
        weights: The checkpoint that will be used, or None.
        licence_text: The licence in full, once it is here.
    """

    def __init__(self, store: Path, table: Path | None = None) -> None:
        self._store = store
        self.table_path = table
        self.table = FileTable.read(table) if table else OFFICIAL
        self._read_memory()
        self.refresh()

    @property
    def stage(self) -> Stage:
        """The step that is next, or being done."""
        if self.choice is None or self.choice.backend is None:
            return Stage.CHECK
        if self.runtime.status != "ready":
            return Stage.INSTALL
        if not self.licence_accepted:
            return Stage.LICENCE
        if self.weights is None:
            return Stage.DOWNLOAD
        return Stage.READY if self.tested() else Stage.TEST

    @property
    def home(self) -> Path:
        """The runtime's folder."""
        return Path(self.memory.home) if self.memory.home else runtime_home()

    @property
    def weights_folder(self) -> Path:
        """Where a download of the weights goes."""
        return Path(self.memory.weights) if self.memory.weights else weights_home() / DOWNLOADED_NAME

    @property
    def picture(self) -> Path:
        """Where the self-test leaves its picture."""
        return self._store.with_name(PICTURE_NAME)

    @property
    def original(self) -> Path | None:
        """The weights from which the slimmed ones in use were made, while they are still here."""
        if self.weights is None or not self.weights.slimmed or not self.memory.original:
            return None
        folder = Path(self.memory.original)
        return folder if folder != self.weights.folder and is_complete(folder, self.table) else None

    @property
    def backend(self) -> Backend | None:
        """The build that is, or will be, installed."""
        if self.choice is None:
            return None
        if self.memory.backend:
            return Backend(self.memory.backend)
        # A newer driver alone is no reason to download gigabytes again.
        installed = environment.read_marker(self.home).get("backend")
        still_good = installed in backends.CUDA and installed in self.choice.alternatives
        return Backend(str(installed)) if still_good else self.choice.backend

    @property
    def lock(self) -> Lock | None:
        """The packages of that build."""
        backend = self.backend
        return lockfile.read(self.hardware.platform, backend) if self.hardware and backend else None

    @property
    def licence_accepted(self) -> bool:
        """Whether this very licence of these very weights was accepted."""
        consent = self.memory.licence or {}
        return (consent.get("repository"), consent.get("revision")) == (self.table.repository, self.table.revision)

    @property
    def needs_network(self) -> bool:
        """Whether the next step can't be done without the network."""
        if self.stage is Stage.INSTALL:
            return not self.memory.wheels
        if self.stage is Stage.LICENCE:
            return not self.licence_text
        return self.stage is Stage.DOWNLOAD

    def _read_memory(self) -> None:
        self._seen = _version_of(self._store)
        self.memory = Memory.read(self._store)
        self._before = replace(self.memory)

    def follow(self) -> bool:
        """Take over what another Blender wrote, such as the end of an installation; return whether it did."""
        if _version_of(self._store) == self._seen:
            return False
        self._read_memory()
        self.refresh()
        return True

    def refresh(self) -> None:
        """Look at the disk again: a few dozen file names, no contents."""
        self.hardware, self.choice = self._verdict()
        self.runtime: RuntimeState = environment.state(self.home, self.lock.digest if self.lock else None)
        self.weights = self._find_weights()
        self.licence_text = self._read_licence()

    def _verdict(self) -> tuple[Hardware | None, Choice | None]:
        if self.memory.hardware is None:
            return None, None
        try:
            hardware = Hardware.from_dict(self.memory.hardware)
        except (KeyError, TypeError, ValueError):
            return None, None
        choice = backends.choose(hardware)
        # A build that is no longer offered, or a store from another computer.
        if self.memory.backend not in (*backends.PLATFORM_BACKENDS.get(hardware.platform, ()), ""):
            self.memory.backend = ""
        return hardware, choice

    def _find_weights(self) -> Location | None:
        try:
            location = resolve(self.memory.weights or None, self.table)
            table = table_of(location.folder) if location.slimmed else self.table
        except EngineUnavailable:
            return None
        return location if is_complete(location.folder, table) else None

    def _read_licence(self) -> str:
        folders = [self.weights_folder, *([self.weights.folder] if self.weights else [])]
        for folder in folders:
            try:
                return (folder / LICENCE_FILE).read_text(encoding="utf-8", errors="replace")
            except OSError:
                continue
        return ""

    def tested(self) -> bool:
        """Return whether the last self-test was of this runtime with these weights."""
        return (self.memory.tested or {}).get("of") == self.identity()

    def identity(self) -> list[str]:
        """Return what a self-test is valid for."""
        facts = self.runtime.facts or {}
        weights = self.weights.folder if self.weights else None
        return [str(self.home), str(facts.get("environment")), str(facts.get("digest")), str(weights)]

    # A person's choices

    def accept_licence(self) -> None:
        """Record the consent to the licence whose text was shown.

        Raises:
            RuntimeProblem: its text was not shown, because it is not here.
            FaceLiftError: the consent can't be written.
        """
        if not self.licence_text:
            raise RuntimeProblem("The licence is not here yet.", "Fetch it first.", code="no-licence")
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
        table = self.table
        self.memory.licence = {
            "licence": table.licence,
            "repository": table.repository,
            "revision": table.revision,
            "accepted": now,
        }
        self.remember()

    def withdraw_licence(self) -> None:
        """Forget the consent."""
        self.memory.licence = None
        self.remember()

    def use_backend(self, backend: Backend | None) -> None:
        """Choose another build than the recommended one; None for that one."""
        self.memory.backend = str(backend or "")
        self.remember()

    def use_pip(self, wanted: bool) -> None:
        """Install with pip, or with uv, which is faster."""
        self.memory.use_pip = wanted
        self.remember()

    def use_home(self, folder: Path | None) -> None:
        """Use an existing runtime's folder, or have it installed there; None for the usual one."""
        self.memory.home = str(folder.absolute()) if folder else ""
        self.remember()

    def use_wheels(self, folder: Path | None) -> None:
        """Install from a folder of wheels; None for the network."""
        self.memory.wheels = str(folder.absolute()) if folder else ""
        self.remember()

    def use_server(self, address: str) -> None:
        """Download from a mirror of the hub; empty for the environment's or the hub itself.

        Raises:
            RuntimeProblem: the address is none, or holds a password, which would be kept in a file.
        """
        parts = urllib.parse.urlsplit(address.strip())
        if address.strip() and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise RuntimeProblem(
                f"{address.strip()} is no server's address.", "Write it with https://, or leave it empty."
            )
        if "@" in parts.netloc:
            raise RuntimeProblem(
                "A password in the address would be kept in a file.",
                "Write the address without it and use the token's field.",
            )
        self.memory.server = address.strip().rstrip("/")
        self.remember()

    def use_weights(self, folder: Path | None) -> None:
        """Use a folder of weights, or have them downloaded there; None for the usual places."""
        self.memory.weights = str(folder.absolute()) if folder else ""
        self.remember()

    def remember(self) -> None:
        """Keep the memory and look at the disk again.

        Raises:
            FaceLiftError: it can't be written.
        """
        self.memory = self.memory.merged(self._before, Memory.read(self._store))
        self.memory.write(self._store)
        self._read_memory()
        self.refresh()


def _version_of(path: Path) -> tuple[int, int]:
    """Return what changes whenever a file is replaced: clocks tick too slowly to tell two writings apart."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_ino
