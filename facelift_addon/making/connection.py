"""The extension's workers: how they are started here, and the clients that talk to them.

On this computer there are two, because Blender's Python has no PyTorch and the runtime's starts
slower: Blender's own prepares photos and drafts, the runtime's generates with engines that need it.
A command in the preferences replaces both by one worker, wherever it runs.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any

import bpy

from ...core.engines import registry
from ...core.engines.capture import Capture, PhotoFile
from ...core.performance.types import CaptureOptions, PersonFace
from ...core.photo.types import FaceBox
from ...core.processes.connection import Timeouts
from ...core.processes.job import Job
from ...core.processes.launch import Launch
from ...core.processes.protocol import Method
from ...core.refine.types import Refined, View
from ...core.worker.client import WorkerClient
from ...core.worker.launch import custom_command, worker_command
from ..identity import preferences, user_folder
from ..setup.guide import guide

CLOSE_SECONDS = 2.0
COMMAND_START_SECONDS = 1800.0
"""A cluster's queue may take long to give a computer."""


class Seat(StrEnum):
    """Which worker."""

    BLENDER = "blender"
    RUNTIME = "runtime"
    COMMAND = "command"


_clients: dict[Seat, WorkerClient] = {}


def seat_of(engine: str, method: str = Method.GENERATE) -> Seat:
    """Return which worker does a job. Preparing a photo needs no PyTorch with any engine."""
    strongest = strongest_seat()
    if strongest is Seat.RUNTIME and (method != Method.GENERATE or not needs_runtime(engine)):
        return Seat.BLENDER
    return strongest


def strongest_seat() -> Seat:
    """Return which worker generates with engines that need the runtime."""
    if preferences().worker_command.strip():
        return Seat.COMMAND
    return Seat.RUNTIME if guide.flow.state.runtime.usable else Seat.BLENDER


def needs_runtime(engine: str) -> bool:
    """Return whether an engine needs the packages and weights that the setup installs; unknown ones don't."""
    return engine in registry.ENGINES and registry.describe(engine).needs_runtime


def client(seat: Seat | None = None) -> WorkerClient:
    """Return a worker's client, by default the one that prepares photos; the worker starts with its first job.

    Raises:
        ValueError: the command in the preferences can't be read.
    """
    seat = seat or seat_of("", Method.PREPARE)
    if seat not in _clients:
        timeouts = Timeouts(start=COMMAND_START_SECONDS) if seat is Seat.COMMAND else None
        _clients[seat] = WorkerClient(_launch(seat), log_path(seat), timeouts)
    elif not _clients[seat].jobs:
        _follow_changes(_clients[seat], _launch(seat))
    return _clients[seat]


def _follow_changes(worker: WorkerClient, launch: Launch) -> None:
    """The command or the runtime may have changed since the worker started."""
    if worker.pid is not None and worker.launch.argv != launch.argv:
        worker.stop()
    worker.launch = launch


def request(
    method: str, capture: Capture[PhotoFile], engine: str, settings: Mapping[str, Any], further: bool = False
) -> Job:
    """Queue a job with the worker that it needs.

    Args:
        method: "prepare" or "generate".
        capture: The photos.
        engine: Engine's id.
        settings: Its settings; on this computer those about its weights and memory are added.
        further: Whether a photo to prepare may be a further one of a person, and needs no face.

    Raises:
        ValueError: the command in the preferences can't be read.
    """
    seat = seat_of(engine, method)
    if seat is Seat.RUNTIME and method == Method.GENERATE:
        settings = {**_local_settings(engine), **settings}
    if method == Method.PREPARE:
        return client(seat).prepare(capture, engine, settings, further)
    return client(seat).generate(capture, engine, settings)


def request_shapes(refined: Refined, views: Sequence[View]) -> Job:
    """Queue the second step of refining a head; the result is a :class:`~core.worker.refining.ReceivedShapes`.

    Raises:
        ValueError: the command in the preferences can't be read.
    """
    return client(strongest_seat()).refine(refined, views)


def request_capture(path: Path, face: PersonFace | None, options: CaptureOptions) -> Job:
    """Queue capturing a face from a clip, which lies on this computer; see :meth:`WorkerClient.capture`."""
    return client(Seat.BLENDER).capture(path, face, options)


def request_people(path: Path, start: float, end: float) -> Job:
    """Queue looking who is in a clip on this computer; see :meth:`WorkerClient.people`."""
    return client(Seat.BLENDER).people(path, start, end)


def request_frames(path: Path, start: float, end: float, whom: FaceBox | None) -> Job:
    """Queue choosing the best frames of a clip on this computer; see :meth:`WorkerClient.frames`."""
    return client(Seat.BLENDER).frames(path, start, end, whom)


def request_moving(path: Path, folder: Path, engine: str, settings: Mapping[str, Any], **recipe: Any) -> Job:
    """Queue making a head of each frame of a clip on this computer; see :meth:`WorkerClient.moving`."""
    seat = seat_of(engine)
    if seat is Seat.RUNTIME:
        settings = {**_local_settings(engine), **settings}
    return client(seat).moving(path, folder, engine, settings, **recipe)


def poll() -> None:
    """Take in what all workers sent; never waits."""
    for worker in _clients.values():
        worker.poll()


def broadcast(method: str) -> list[Job]:
    """Ask something of all workers that run."""
    return [worker.submit(method) for worker in _clients.values() if worker.pid is not None]


def is_running() -> bool:
    """Whether a worker process exists."""
    return any(worker.pid is not None for worker in _clients.values())


def engines() -> dict[str, dict]:
    """Return what workers told about their engines, by id; empty before one started.

    Those that need the runtime are available when its setup has ended Ready, also before its worker started.
    """
    told: dict[str, dict] = {}
    for seat in Seat:
        hello = _clients[seat].hello if seat in _clients else None
        for engine in (hello or {}).get("engines", ()):
            if engine["id"] not in told or seat_of(engine["id"]) is seat:
                told[engine["id"]] = engine
    for engine in told.values():
        if seat_of(engine["id"]) is Seat.RUNTIME:
            reason = "" if guide.ready else f"The {engine['label']} engine's setup is not finished."
            told[engine["id"]] = engine | {"available": guide.ready, "reason": reason}
    return told


def needs_setup(engine: str) -> bool:
    """Return whether an engine can't be used here before its setup has ended Ready."""
    if not needs_runtime(engine) or seat_of(engine) is Seat.COMMAND or guide.ready:
        return False
    # Blender's own Python may have everything, as a developer's does.
    return not engines().get(engine, {}).get("available", False)


def stop() -> None:
    """End all workers by force; Blender does not wait for it, except where files of theirs could not be deleted."""
    if os.name == "nt":
        close(0.0)
    for worker in _clients.values():
        worker.stop()


def close(seconds: float = CLOSE_SECONDS) -> None:
    """End all workers: politely for some seconds, then by force."""
    for worker in _clients.values():
        worker.close(seconds)
    _clients.clear()


def log_path(seat: Seat | None = None) -> Path:
    """Return the file with a worker's messages, by default of the one that wrote last."""
    folder = user_folder("logs")
    if seat is not None:
        return folder / ("worker.log" if seat is Seat.BLENDER else f"worker-{seat}.log")
    paths = [path for each in Seat if (path := log_path(each)).is_file()]
    return max(paths, key=lambda path: path.stat().st_mtime, default=log_path(Seat.BLENDER))


def _launch(seat: Seat) -> Launch:
    if seat is Seat.COMMAND:
        return custom_command(preferences().worker_command.strip())
    python = guide.flow.state.runtime.python if seat is Seat.RUNTIME else None
    # A runtime that was removed meanwhile: its jobs end with the reason.
    return worker_command(python, []) if python else worker_command(sys.executable, [wheel_folder()])


def _local_settings(engine: str) -> dict[str, Any]:
    """Return those of an engine's settings that are about this computer; never sent to another one."""
    state = guide.flow.state
    settings: dict[str, Any] = {"low_memory": bool(state.choice and state.choice.low_memory)}
    # Weights in the usual places are found, and checked, by the engine itself.
    if state.weights and (state.weights.source == "chosen" or state.table_path):
        settings["checkpoint"] = str(state.weights.folder)
    known = {setting.name for setting in registry.describe(engine).settings}
    return {name: value for name, value in settings.items() if name in known}


def wheel_folder() -> Path:
    """Return the folder where Blender installs the wheels of extensions."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Path(bpy.utils.user_resource("EXTENSIONS", path=f".local/lib/{version}/site-packages"))
