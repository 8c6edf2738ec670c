"""The extension's worker: how it is started here, and the one client that talks to it."""

from __future__ import annotations

import sys
from pathlib import Path

import bpy

from ..core.worker.client import WorkerClient
from ..core.worker.launch import Launch, custom_command, worker_command
from .identity import preferences, user_folder

_client: WorkerClient | None = None


def client() -> WorkerClient:
    """Return the client; the worker itself starts with the first job."""
    global _client
    if _client is None:
        _client = WorkerClient(_launch(), log_path())
    elif _client.pid is None:
        # The user may have changed the command since.
        _client.launch = _launch()
    return _client


def is_running() -> bool:
    """Whether a worker process exists."""
    return _client is not None and _client.pid is not None


def engines() -> dict[str, dict]:
    """Return what the worker told about its engines, by id; empty before it started."""
    hello = _client.hello if _client is not None else None
    return {engine["id"]: engine for engine in (hello or {}).get("engines", ())}


def close() -> None:
    """End the worker."""
    global _client
    if _client is not None:
        _client.close()
    _client = None


def log_path() -> Path:
    """Return the file with the worker's messages."""
    return user_folder("logs") / "worker.log"


def _launch() -> Launch:
    command = preferences().worker_command.strip()
    if command:
        return custom_command(command)
    return worker_command(sys.executable, [wheel_folder()])


def wheel_folder() -> Path:
    """Return the folder where Blender installs the wheels of extensions."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    return Path(bpy.utils.user_resource("EXTENSIONS", path=f".local/lib/{version}/site-packages"))
