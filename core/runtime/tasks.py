"""The process that does the setup's long work: ``python -m core.runtime.tasks``, one process for each task.

See :mod:`core.processes`; :mod:`.background` is the other side.
"""

from __future__ import annotations

import os
import threading
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from io import BufferedIOBase
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import FaceLiftError
from ..processes.protocol import Method
from ..processes.server import Request, Result, Server, serve
from ..progress import Reporter
from ..system.files import replacing
from . import advice, environment, lockfile, relocate
from .backends import Backend
from .installer import Installation, self_test
from .probe import probe

if TYPE_CHECKING:
    from ..weights.table import FileTable

Params = Mapping[str, Any]
LEAVE_SECONDS = 2.0
"""Patience with work when nobody is there any more, so that it ends what it has started."""


def _probe(params: Params, reporter: Reporter) -> dict[str, Any]:
    reporter.stage("Looking at this computer")
    return probe().to_dict()


def _install(params: Params, reporter: Reporter) -> dict[str, Any]:
    return Installation(
        Path(params["home"]),
        lockfile.read(params["platform"], Backend(params["backend"])),
        Path(params["base"]),
        Path(params["wheels"]) if params.get("wheels") else None,
        params["online"],
        params.get("use_uv", True),
    ).run(reporter)


def _test(params: Params, reporter: Reporter) -> dict[str, Any]:
    testing, sending = reporter.parts(40, 60)
    testing.stage("Testing the device")
    backend = Backend(params["backend"])
    facts = self_test(Path(params["python"]), backend, testing)
    sending.stage("Sending a picture through the weights")
    from ..engines import registry

    engine = registry.load_setup(registry.with_setup().id)
    picture = engine.picture_through_weights(Path(params["weights"]), backend.device, sending)
    with replacing(params["picture"]) as stream:
        stream.write(picture)
    return facts


def _licence(params: Params, reporter: Reporter) -> dict[str, Any]:
    _use_server(params)
    from ..weights.download import download
    from ..weights.table import LICENCE_FILE

    folder = Path(params["folder"])
    download(folder, _table(params), reporter, only=[LICENCE_FILE])
    return {"text": (folder / LICENCE_FILE).read_text(encoding="utf-8", errors="replace")}


def _download(params: Params, reporter: Reporter) -> dict[str, Any]:
    _use_server(params)
    from ..weights.download import download
    from ..weights.record import HashRecord

    fetched = download(
        Path(params["folder"]),
        _table(params),
        reporter,
        licence_accepted=params["licence_accepted"],
        record=HashRecord.of_user(),
    )
    return {"fetched": list(fetched)}


def _verify(params: Params, reporter: Reporter) -> dict[str, Any]:
    from ..weights.record import HashRecord
    from ..weights.verify import verify

    # Nothing remembered is trusted: a person who asks for this suspects the disk.
    table = _table(params) if params.get("table") else None
    report = verify(Path(params["folder"]), table, reporter, HashRecord())
    return {"files": report.files, "size": report.size, "problems": [asdict(problem) for problem in report.problems]}


def _slim(params: Params, reporter: Reporter) -> dict[str, Any]:
    # Importing PyTorch takes seconds.
    starting, slimming = reporter.parts(1, 99)
    starting.stage("Starting PyTorch")
    from ..engines import registry
    from ..weights.record import HashRecord
    from ..weights.slim import slim

    models = registry.load_setup(registry.with_setup().id).models
    result = slim(
        Path(params["folder"]), Path(params["target"]), models, _table(params), slimming, HashRecord.of_user()
    )
    return {"folder": str(result.folder), "size": result.size, "original_size": result.original_size}


def _move(params: Params, reporter: Reporter) -> dict[str, Any]:
    source, target = Path(params["source"]), Path(params["target"])
    move = relocate.move_runtime if params["kind"] == "runtime" else relocate.move_folder
    move(source, target, reporter)
    return {"folder": str(target)}


def _remove(params: Params, reporter: Reporter) -> dict[str, Any]:
    reporter.stage("Deleting")
    return {"freed": environment.remove(Path(params["home"]))}


def _remove_weights(params: Params, reporter: Reporter) -> dict[str, Any]:
    from ..weights.remove import remove_checkpoint

    reporter.stage("Deleting")
    return {"freed": remove_checkpoint(Path(params["folder"]), _table(params))}


def _remove_original(params: Params, reporter: Reporter) -> dict[str, Any]:
    from ..weights.remove import remove_original

    removal = remove_original(Path(params["folder"]), Path(params["slimmed"]), reporter)
    return {"freed": removal.freed, "left": list(removal.left)}


def _use_server(params: Params) -> None:
    """Set what the hub's client reads when it is imported; this process does nothing else than this download."""
    for variable, value in (("HF_ENDPOINT", params.get("server")), ("HF_TOKEN", params.get("token"))):
        if value:
            os.environ[variable] = value


def _table(params: Params) -> FileTable:
    from ..weights.table import OFFICIAL, FileTable

    return FileTable.read(Path(params["table"])) if params.get("table") else OFFICIAL


TASKS: dict[str, Callable[[Params, Reporter], dict[str, Any]]] = {
    "probe": _probe,
    "install": _install,
    "test": _test,
    "licence": _licence,
    "download": _download,
    "verify": _verify,
    "slim": _slim,
    "move": _move,
    "remove": _remove,
    "remove_weights": _remove_weights,
    "remove_original": _remove_original,
}
"""What can be asked for. probe, install, move and those that remove run in any Python, the others in the runtime's."""


class TaskServer(Server):
    """Does one task, on a thread of its own."""

    def __init__(self, incoming: BufferedIOBase, outgoing: BufferedIOBase) -> None:
        super().__init__(incoming, outgoing)
        self._cancel = threading.Event()
        self._thread: threading.Thread | None = None
        self.methods |= {Method.RUN: self._run, Method.CANCEL: self._stop}

    def explain(self, error: BaseException) -> FaceLiftError:
        """Return what a person should read, with everything that Python tells as the raw text."""
        return advice.explain("".join(traceback.format_exception(error)))

    def leave(self, status: int) -> None:
        """End the process, and before that what the work has started."""
        self._cancel.set()
        if threading.current_thread() is self._thread:
            return  # Its next step notices, and the end of stdin ends the process.
        if self._thread is not None:
            self._thread.join(LEAVE_SECONDS)
        super().leave(status)

    def _run(self, request: Request) -> None:
        def work(reporter: Reporter) -> Result:
            return TASKS[request.params["task"]](request.params["params"], reporter), {}

        self._thread = threading.Thread(target=self.do, args=(request.id, "task", work, self._cancel), daemon=True)
        self._thread.start()

    def _stop(self, request: Request) -> dict[str, bool]:
        self._cancel.set()
        return {"found": self._thread is not None}


if __name__ == "__main__":
    serve(TaskServer)
