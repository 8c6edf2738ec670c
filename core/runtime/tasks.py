"""The process that does the long work: ``python -m core.runtime.tasks NAME``.

The first line on stdin holds the parameters as JSON; a line "cancel", or the end of stdin, cancels.
On stdout there is one JSON object a line: ``progress``, and at the end ``result`` or ``error``.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, TextIO

from ..errors import FaceLiftError
from ..files import replacing
from ..progress import Progress, Reporter
from . import advice, environment, lockfile, relocate
from .backends import Backend
from .installer import Installation, self_test
from .probe import probe

Params = Mapping[str, Any]
PROGRESS_SECONDS = 0.1
"""Between two progress lines of one stage."""
LEAVE_SECONDS = 2.0
"""Patience with work that does not notice that nobody is there any more."""


def _probe(params: Params, reporter: Reporter) -> dict[str, Any]:
    reporter.stage("Looking at this computer", share=1.0)
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
    reporter.stage("Testing the device", share=0.4)
    backend = Backend(params["backend"])
    facts = self_test(Path(params["python"]), backend, reporter)
    reporter.stage("Sending a picture through the weights", share=0.6)
    from ..engines.facelift import location, trial

    location.check_packages()
    picture = trial.picture_through_weights(Path(params["weights"]), backend.device, reporter)
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
    reporter.stage("Starting PyTorch", share=0.01)
    from ..engines.facelift import slimming
    from ..weights.record import HashRecord
    from ..weights.slim import slim

    result = slim(
        Path(params["folder"]), Path(params["target"]), slimming, _table(params), reporter, HashRecord.of_user()
    )
    return {"folder": str(result.folder), "size": result.size, "original_size": result.original_size}


def _move(params: Params, reporter: Reporter) -> dict[str, Any]:
    source, target = Path(params["source"]), Path(params["target"])
    move = relocate.move_runtime if params["kind"] == "runtime" else relocate.move_folder
    move(source, target, reporter)
    return {"folder": str(target)}


def _remove(params: Params, reporter: Reporter) -> dict[str, Any]:
    reporter.stage("Deleting", share=1.0)
    return {"freed": environment.remove(Path(params["home"]))}


def _remove_weights(params: Params, reporter: Reporter) -> dict[str, Any]:
    from ..weights.remove import remove_checkpoint

    reporter.stage("Deleting", share=1.0)
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


def _table(params: Params):
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


class _Teller:
    """Writes progress lines, not more often than anybody can see."""

    def __init__(self, stream: TextIO) -> None:
        self._stream, self._stage, self._next = stream, "", 0.0
        self._lock = threading.Lock()

    def progress(self, progress: Progress) -> None:
        now = time.monotonic()
        if progress.stage == self._stage and now < self._next and progress.step < progress.steps:
            return
        self._stage, self._next = progress.stage, now + PROGRESS_SECONDS
        self.tell({"progress": progress.to_dict()})

    def tell(self, message: Mapping[str, Any]) -> None:
        with self._lock:
            print(json.dumps(message), file=self._stream, flush=True)


def _watch(cancel: threading.Event) -> None:
    """Cancel when asked to; at the end of stdin leave, with or without the work's consent."""
    for line in sys.stdin:
        if line.strip() == "cancel":
            cancel.set()
    cancel.set()
    time.sleep(LEAVE_SECONDS)
    os._exit(1)


def main() -> int:
    """Run the task named on the command line; return the exit status."""
    # Libraries print: what they print must not stand between our lines.
    teller = _Teller(os.fdopen(os.dup(1), "w", encoding="utf-8"))
    os.dup2(2, 1)
    params = json.loads(sys.stdin.readline())
    cancel = threading.Event()
    threading.Thread(target=_watch, args=(cancel,), name="watch", daemon=True).start()
    try:
        teller.tell({"result": TASKS[sys.argv[1]](params, Reporter(teller.progress, cancel=cancel))})
        return 0
    except FaceLiftError as error:
        teller.tell({"error": error.to_dict()})
    except Exception as error:
        traceback.print_exc()
        raw = "".join(traceback.format_exception(error))
        teller.tell({"error": advice.explain(raw).to_dict()})
    return 1


if __name__ == "__main__":
    # Not sys.exit: threads of libraries must not keep the process.
    status = main()
    sys.stdout.flush()
    os._exit(status)
