"""A process together with everything that it starts."""

from __future__ import annotations

import os
import signal
import subprocess
from typing import Any

from . import windows_job
from .launch import Launch


class ProcessGroup(subprocess.Popen[Any]):
    """A process in a session of its own: :meth:`kill` reaches what it starts, and Ctrl-C in our terminal does not.

    On Windows it ends when this process does; elsewhere it has to see to that itself (:mod:`.lifetime`).

    Args:
        launch: What to start.
        options: As of :class:`subprocess.Popen`, its pipes foremost.

    Raises:
        OSError: the program could not be started.
    """

    def __init__(self, launch: Launch, **options: Any) -> None:
        super().__init__(
            launch.argv,
            env=launch.env,
            cwd=launch.cwd,
            start_new_session=os.name == "posix",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
            **options,
        )
        self._job = windows_job.bind(self)

    def kill(self) -> None:
        """End the process and what it started. Returns at once."""
        if self._job is not None:
            self._job.terminate()
        elif os.name == "posix" and self.returncode is None:
            try:
                os.killpg(self.pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                super().kill()
        else:
            super().kill()

    def release(self) -> None:
        """Give back what the system still keeps of the process after its end."""
        if self._job is not None:
            self._job.close()
