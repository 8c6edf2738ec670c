"""The way from a bare Blender to a working engine, as a state machine without a user interface.

Where a person is follows from what is on the disk (:mod:`.setup_state`), never from a note about
it: after a crash, a power failure or a deleted folder the flow shows the step that is really next.

A user interface calls :meth:`SetupFlow.poll` from a timer, draws :func:`.setup_view.view`, and
calls a method for a button. Nothing here waits, and nothing touches the network while
:attr:`SetupFlow.online_access` is off.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import FaceLiftError
from ..processes.job import JobState
from ..weights.places import weights_home
from ..weights.resolve import SLIMMED_NAME
from .background import BackgroundTask
from .errors import RuntimeProblem
from .report import redact
from .setup_state import SetupState, Stage

NETWORK_TASKS = ("install", "licence", "download")
OFFLINE_MESSAGE = "Blender's online access is off, so nothing is downloaded."
OFFLINE_ADVICE = "Switch it on in Preferences > System > Network, or use existing folders of wheels and weights."
RUNTIME_TASKS = ("licence", "download", "verify", "slim", "remove_original", "test")
"""Only the runtime's Python has the hub's client and the engine's packages."""


class SetupFlow:
    """One person's setup. Use from one thread only.

    Args:
        state: Where it stands.
        python: The Python at hand (Blender's own), which looks at the hardware and installs.
        online_access: Whether the network may be used.

    Attributes:
        state: As given.
        online_access: May be changed at any time.
        task: What runs, or ran last.
        error: Why the last task failed, or None.
        token: Secret for the weights' server, for this session only: it is kept in no file, and goes
            to the task through its stdin, where no list of processes shows it.
    """

    def __init__(self, state: SetupState, python: Path | str, online_access: bool) -> None:
        self.state, self.online_access = state, online_access
        self.task: BackgroundTask | None = None
        self.error: FaceLiftError | None = None
        self.token = ""
        self._python = Path(python)
        self._params: Mapping[str, Any] = {}

    @property
    def running(self) -> BackgroundTask | None:
        """The task that runs, or None."""
        return self.task if self.task is not None and self.task.running else None

    @property
    def busy(self) -> bool:
        """Whether a task runs."""
        return self.running is not None

    def proceed(self) -> None:
        """Do the next step; what the one button does. At the licence this fetches its text, no more."""
        stage = self.state.stage
        if stage is Stage.CHECK:
            self.check()
        elif stage is Stage.INSTALL:
            self.install()
        elif stage is Stage.LICENCE and not self.state.licence_text:
            self._start("licence", **self._download_params())
        elif stage is Stage.DOWNLOAD:
            self._start("download", **self._download_params(), licence_accepted=self.state.licence_accepted)
        elif stage is Stage.TEST:
            self.test()

    def check(self) -> None:
        """Look at the hardware, again."""
        self._start("probe")

    def install(self) -> None:
        """Install the runtime, or install it anew ("Repair")."""
        lock = self.state.lock
        if lock is None:
            return
        self._start(
            "install",
            home=str(self.state.home),
            platform=lock.platform,
            backend=str(lock.backend),
            base=str(self._python),
            wheels=self.state.memory.wheels or None,
            online=self.online_access,
            use_uv=not self.state.memory.use_pip,
        )

    def test(self) -> None:
        """Run one small kernel on the device, and send a picture through the weights."""
        runtime, weights = self.state.runtime, self.state.weights
        if runtime.python and runtime.facts and weights:
            self._start(
                "test",
                python=str(runtime.python),
                backend=runtime.facts["backend"],
                weights=str(weights.folder),
                picture=str(self.state.picture),
            )

    def verify(self) -> None:
        """Read every byte of the weights and compare."""
        if self.state.weights:
            table = None if self.state.weights.slimmed else self._table()
            self._start("verify", folder=str(self.state.weights.folder), table=table)

    def slim(self) -> None:
        """Write the slimmed form of the weights beside them."""
        if self.state.weights and not self.state.weights.slimmed:
            target = str(weights_home() / SLIMMED_NAME)
            self._start("slim", folder=str(self.state.weights.folder), target=target, table=self._table())

    def move_runtime(self, target: Path) -> None:
        """Move the runtime to another folder."""
        self._start("move", kind="runtime", source=str(self.state.home), target=str(target.absolute()))

    def move_weights(self, target: Path) -> None:
        """Move the weights to another folder."""
        if self.state.weights:
            self._start("move", kind="weights", source=str(self.state.weights.folder), target=str(target.absolute()))

    def remove_runtime(self) -> None:
        """Delete the runtime."""
        self._start("remove", home=str(self.state.home))

    def remove_weights(self) -> None:
        """Delete the weights that are in use."""
        if self.state.weights:
            self._start("remove_weights", folder=str(self.state.weights.folder), table=self._table())

    def remove_original(self) -> None:
        """Delete the weights from which the slimmed ones were made, after every byte of those was checked."""
        if not self.state.original or not self.state.weights:
            raise RuntimeProblem("There are no slimmed weights with their originals here.", "Press Slim first.")
        self._start("remove_original", folder=str(self.state.original), slimmed=str(self.state.weights.folder))

    def cancel(self) -> None:
        """Stop what runs; within a second it has, and it can be taken up again."""
        if (task := self.running) is not None:
            task.cancel()
            if not task.running:
                self._ended(task)

    def close(self) -> None:
        """End what runs, at once: Blender quits."""
        if self.task is not None:
            self.task.close()

    def poll(self) -> bool:
        """Take in what happened; never waits. Return whether anything changed."""
        task = self.running
        if task is None:
            return False
        changed = task.poll()
        if not task.running:
            self._ended(task)
        return changed

    def published(self, text: str) -> str:
        """Return a text as it may be shown and sent around: without names, paths of photos, and secrets."""
        return redact(text.replace(self.token, "<secret>") if self.token else text)

    # Tasks

    def _start(self, name: str, **params: Any) -> None:
        if self.busy:
            return
        self.error = None
        offline_install = name == "install" and self.state.memory.wheels
        if name in NETWORK_TASKS and not self.online_access and not offline_install:
            self.error = RuntimeProblem(OFFLINE_MESSAGE, OFFLINE_ADVICE, code="offline")
            return
        python = self.state.runtime.python if name in RUNTIME_TASKS else self._python
        if python is None:
            self.error = RuntimeProblem("The runtime is not installed.", "Install it first.", code="no-runtime")
            return
        self._params = params
        self.task = BackgroundTask(python, name, params)
        if not self.task.running:
            self._ended(self.task)

    def _ended(self, task: BackgroundTask) -> None:
        if task.name in ("install", "download"):
            self.state.memory.speed = task.best_speed or self.state.memory.speed
        if task.state is JobState.FAILED:
            self.error = task.error
        elif task.state is JobState.DONE and task.result is not None:
            self._take_result(task.name, task.result)
        try:
            self.state.remember()
        except FaceLiftError as error:
            self.error = self.error or error

    def _take_result(self, name: str, result: Mapping[str, Any]) -> None:
        if name == "probe":
            self.state.memory.hardware = result
        elif name == "test":
            self.state.memory.tested = {"of": self.state.identity(), "facts": result}
        elif name == "verify" and result["problems"]:
            first = result["problems"][0]
            self.error = FaceLiftError(
                first["message"], first["remedy"], code="bad-weights", files=[p["path"] for p in result["problems"]]
            )
        elif name == "slim":
            self.state.memory.original, self.state.memory.weights = self._params["folder"], ""
        elif name == "remove_original":
            self.state.memory.original = ""
            if result["left"]:
                self.error = FaceLiftError(
                    f"{len(result['left'])} files were left, because they changed or lie elsewhere.",
                    "Look at the folder of the original weights and delete them yourself.",
                    code="files-left",
                )
        elif name == "move":
            folder = "home" if self._params["kind"] == "runtime" else "weights"
            setattr(self.state.memory, folder, result["folder"])

    def _download_params(self) -> dict[str, Any]:
        state = self.state
        folder = str(state.weights_folder)
        return {"folder": folder, "table": self._table(), "server": state.memory.server, "token": self.token}

    def _table(self) -> str | None:
        path = self.state.table_path
        return str(path) if path else None
