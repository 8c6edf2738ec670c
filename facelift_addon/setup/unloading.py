"""Unloading the models, and the memory that it gave back."""

from __future__ import annotations

from ...core.processes.job import Job
from ...core.processes.protocol import Method
from ..interface.widgets import size_text
from ..making import connection


class Unloading:
    """Asks the workers to free the models' memory.

    Attributes:
        text: What came of it, as a sentence; empty before.
    """

    def __init__(self) -> None:
        self.text = ""
        self._jobs: list[Job] = []

    @property
    def busy(self) -> bool:
        """Whether an answer is awaited."""
        return bool(self._jobs)

    def start(self) -> None:
        """Ask all workers that run; they keep running."""
        self.text = ""
        self._jobs = connection.broadcast(Method.UNLOAD)

    def tick(self) -> None:
        """Add up once all have answered."""
        if not self._jobs or not all(job.finished for job in self._jobs):
            return
        failed = next((job.error for job in self._jobs if job.error is not None), None)
        returned: dict[str, int] = {}
        for job in self._jobs:
            for kind, size in ((job.result or {}).get("returned") or {}).items():
                returned[kind] = returned.get(kind, 0) + size
        self._jobs = []
        if failed is not None:
            self.text = str(failed)
            return
        places = {"device": "of the graphics card's memory", "process": "of the computer's memory"}
        given = [f"{size_text(returned[kind])} {place}" for kind, place in places.items() if kind in returned]
        self.text = f"The models are unloaded. Free again: {', '.join(given)}." if given else "The models are unloaded."


unloading = Unloading()
