"""The one setup of this Blender: made when first looked at, moved by the extension's timer."""

from __future__ import annotations

import os
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import bpy

from ...core.runtime.environment import folder_bytes
from ...core.runtime.setup_flow import SetupFlow
from ...core.runtime.setup_state import SetupState, Stage
from ...core.runtime.setup_view import View, view
from ...core.weights.places import user_data
from ..interface.previews import previews

STORE_NAME = "setup.json"
"""In the user's data folder, not the extension's: choices and consent outlive an uninstallation, as the
runtime and the weights do."""
PICTURE_KEY = "setup/selftest"
TABLE_VARIABLE = "FACELIFT_WEIGHTS_TABLE"
"""Environment variable with a JSON file that ``python -m core weights table`` wrote, for mirrors and own weights."""


class Guide:
    """Holds the flow. Used on Blender's main thread only."""

    def __init__(self) -> None:
        self._flow: SetupFlow | None = None
        self._sizes: dict[Path, Future] = {}
        self._counter: ThreadPoolExecutor | None = None
        self._pictured = 0

    @property
    def flow(self) -> SetupFlow:
        """The flow, with Blender's present online access."""
        if self._flow is None:
            table = os.environ.get(TABLE_VARIABLE)
            state = SetupState(user_data() / STORE_NAME, Path(table) if table else None)
            self._flow = SetupFlow(state, sys.executable, bpy.app.online_access)
        self._flow.online_access = bpy.app.online_access
        return self._flow

    @property
    def busy(self) -> bool:
        """Whether a task runs or a size is being counted."""
        counting = any(not size.done() for size in self._sizes.values())
        return counting or (self._flow is not None and self._flow.busy)

    @property
    def ready(self) -> bool:
        """Whether heads can be made on this computer."""
        return self.flow.state.stage is Stage.READY

    def view(self) -> View:
        """Return what to draw. Another Blender may have gone on with the setup meanwhile."""
        if not self.flow.busy:
            self.flow.state.follow()
        return view(self.flow)

    def picture(self) -> int:
        """Return the icon of the self-test's picture once everything is ready, or 0."""
        path = self.flow.state.picture
        if not self.ready or not path.is_file():
            return 0
        written = path.stat().st_mtime_ns
        if self._pictured != written:
            previews.show(PICTURE_KEY, path.read_bytes())
            self._pictured = written
        return previews.icon(PICTURE_KEY)

    def tick(self) -> bool:
        """Take in what the running task told; return whether anything changed."""
        if self._flow is None or not self._flow.busy:
            return False
        changed = self._flow.poll()
        if not self._flow.busy:
            self._sizes.clear()
        return changed

    def size(self, folder: Path) -> int | None:
        """Return a folder's bytes; None while a thread still counts them, or when they can't be counted."""
        if folder not in self._sizes:
            if self._counter is None:
                self._counter = ThreadPoolExecutor(1, thread_name_prefix="facelift-sizes")
            self._sizes[folder] = self._counter.submit(folder_bytes, folder)
        counted = self._sizes[folder]
        return counted.result() if counted.done() and counted.exception() is None else None

    def close(self) -> None:
        """End what runs and forget everything: the extension is switched off."""
        if self._flow is not None:
            self._flow.close()
        if self._counter is not None:
            self._counter.shutdown(wait=False, cancel_futures=True)
        self._flow, self._counter, self._pictured = None, None, 0
        self._sizes.clear()


guide = Guide()
