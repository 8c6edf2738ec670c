"""What a user interface shows of the setup: words and numbers, no widgets."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from ..engines import registry
from ..errors import FaceLiftError
from ..weights.table import OFFICIAL, OFFICIAL_LARGE_BYTES
from .backends import Choice
from .background import Status
from .indexes import torch_index
from .lockfile import Lock
from .probe import free_bytes
from .report import report
from .setup_flow import OFFLINE_ADVICE, OFFLINE_MESSAGE, SetupFlow
from .setup_state import SetupState, Stage

GB, MB = 1e9, 1e6
ASSUMED_SPEED = 100e6 / 8
"""Bytes a second taken for the estimate while none was measured: 100 Mbit/s."""
MINUTE = 60

TITLES = {
    Stage.CHECK: "Check this computer",
    Stage.INSTALL: "Install the runtime",
    Stage.LICENCE: "Accept the licence",
    Stage.DOWNLOAD: "Download the weights",
    Stage.TEST: "Test",
    Stage.READY: "Ready",
}
BUTTONS = {Stage.CHECK: "Check", Stage.INSTALL: "Install", Stage.DOWNLOAD: "Download", Stage.TEST: "Test"}


@dataclass(frozen=True)
class Step:
    """One step of the list: ``mark`` is "done", "now" or "later"."""

    stage: Stage
    title: str
    mark: str


@dataclass(frozen=True)
class View:
    """Everything to draw.

    Attributes:
        steps: All steps.
        lines: Sentences about the present step.
        button: Label of the one button (:meth:`.SetupFlow.proceed`, or for "Accept"
            :meth:`.SetupState.accept_licence`); empty when there is nothing to press.
        enabled: Whether it may be pressed.
        hint: Why not, or what else is possible; may be empty.
        progress: While something runs.
        progress_text: Its words: stage, bytes, speed, time left.
        can_cancel: Whether to offer to cancel.
        error: What went wrong last, or None; its raw text is ``details["raw"]`` where there is one.
        licence_text: To show in full at the licence's step, else empty.
    """

    steps: tuple[Step, ...]
    lines: tuple[str, ...]
    button: str
    enabled: bool
    hint: str
    progress: Status | None
    progress_text: str
    can_cancel: bool
    error: FaceLiftError | None
    licence_text: str


def view(flow: SetupFlow) -> View:
    """Return what to draw now. Reads nothing but the free space of a disk."""
    state, stage = flow.state, flow.state.stage
    order = list(Stage)
    position = order.index(stage)
    done = len(order) if stage is Stage.READY else position
    marks = ["done"] * done + ["now"] + ["later"] * len(order)
    steps = tuple(Step(item, TITLES[item], mark) for item, mark in zip(order, marks, strict=False))
    blocked = state.needs_network and not flow.online_access
    task = flow.running
    return View(
        steps,
        _lines(state, stage),
        _button(state, stage),
        task is None and not blocked,
        f"{OFFLINE_MESSAGE} {OFFLINE_ADVICE}" if blocked else _hint(state, stage),
        task.status if task else None,
        progress_text(task.status, task.cancelling) if task else "",
        task is not None and not task.cancelling,
        None if task else flow.error,
        state.licence_text if stage is Stage.LICENCE else "",
    )


def report_text(flow: SetupFlow, log: str = "", hidden: Iterable[str] = ()) -> str:
    """Return the text of "Copy report".

    Args:
        flow: The setup, with its last error.
        log: The end of the worker's log.
        hidden: Words that must not appear, such as names of photos.
    """
    state = flow.state
    cuda = state.hardware.cuda if state.hardware else None
    facts = {
        "stage": state.stage,
        "graphics": ", ".join(device.name for device in cuda.devices) or cuda.problem or "none" if cuda else "unknown",
        "driver": f"{cuda.driver_version} {cuda.cuda_version}" if cuda and cuda.present else "none",
        "backend": state.backend,
        "runtime": f"{state.runtime.status} {dict(state.runtime.facts or {})}",
        "weights": f"{state.weights.source}, slimmed: {state.weights.slimmed}" if state.weights else "none",
    }
    return flow.published(report(flow.error, facts, log, hidden))


def progress_text(status: Status, cancelling: bool = False) -> str:
    """Return a progress bar's words, such as "Downloading: 1.2 of 9.3 GB, 24 MB/s, 5 min left"."""
    if cancelling:
        return "Cancelling..."
    parts = []
    if status.done is not None and status.total is not None:
        parts.append(f"{status.done / GB:.1f} of {status.total / GB:.1f} GB")
    if status.speed:
        parts.append(f"{status.speed / MB:.0f} MB/s")
    if status.seconds_left is not None:
        parts.append(f"{duration(status.seconds_left)} left")
    return f"{status.stage}: {', '.join(parts)}" if parts else status.stage


def duration(seconds: float) -> str:
    """Return a time in words of one unit."""
    if seconds < MINUTE:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / MINUTE)
    return f"{minutes} min" if minutes < 2 * MINUTE else f"{minutes / MINUTE:.1f} h"


def _button(state: SetupState, stage: Stage) -> str:
    if stage is Stage.LICENCE:
        return "Accept" if state.licence_text else "Show the licence"
    if stage is Stage.INSTALL and state.runtime.status != "absent":
        return {"broken": "Repair", "outdated": "Update"}.get(state.runtime.status, "Go on installing")
    if stage is Stage.CHECK and state.choice is not None:
        return "Check again"
    return BUTTONS.get(stage, "")


def _hint(state: SetupState, stage: Stage) -> str:
    if stage in (Stage.CHECK, Stage.INSTALL) and state.choice is not None:
        return state.choice.advice
    return ""


def _lines(state: SetupState, stage: Stage) -> tuple[str, ...]:
    if stage is Stage.CHECK:
        reasons = state.choice.reasons if state.choice else ()
        return reasons or ("See what this computer can do. Nothing is downloaded.",)
    if stage is Stage.INSTALL and state.choice is not None and (lock := state.lock) is not None:
        return (*state.choice.reasons, *_quality(state.choice), *_install_lines(state, lock))
    if stage is Stage.LICENCE:
        licence = state.table.licence
        return (f"The weights are under the {licence}.", "Read it; without your consent nothing is downloaded.")
    if stage is Stage.DOWNLOAD:
        size = _download_bytes(state)
        amount = f"{size / GB:.1f} GB from {state.table.repository}" if size else f"Files from {state.table.repository}"
        return (amount + (_time(state, size) if size else ""), *_place(state.weights_folder))
    if stage is Stage.TEST:
        return ("One small calculation on the device, then a picture goes through the weights.",)
    facts = (state.memory.tested or {}).get("facts", {})
    device = {"cpu": "the processor", "mps": "this Mac's GPU"}.get(name := facts.get("device_name", ""), name)
    engine = registry.with_setup().label
    return (
        f"{engine} is ready on {device or 'this computer'} (PyTorch {facts.get('torch', '')}).",
        f"Choose {engine} as the engine in the sidebar of the 3D View (N), then Generate.",
    )


def _quality(choice: Choice) -> tuple[str, ...]:
    memory = f"{choice.memory / 2**30:.0f} GB of its own memory: " if choice.memory else ""
    text = f"{memory}{choice.quality}."
    return (text[0].upper() + text[1:],) if choice.quality else ()


def _install_lines(state: SetupState, lock: Lock) -> tuple[str, ...]:
    what = f"PyTorch ({lock.backend.label}) and {len(lock.packages)} packages"
    if state.memory.wheels:
        amount, source = f"{what} from {state.memory.wheels}.", "whoever filled that folder"
    else:
        amount = f"{what}: about {lock.download_bytes / GB:.1f} GB{_time(state, lock.download_bytes)}."
        source = urllib.parse.urlsplit(torch_index(lock.backend)).hostname or "its index"
    trust = (f"Every package is checked by its hash, but for PyTorch's own, where {source} is trusted.",)
    return (amount, *(trust if lock.torch_index else ()), *_place(state.home, lock.installed_bytes))


def _place(folder: Path, needed: int | None = None) -> tuple[str, ...]:
    try:
        free = f"{free_bytes(folder) / GB:.0f} GB are free"
    except OSError:
        free = "its disk can't be read"
    amount = f", {needed / GB:.1f} GB there" if needed else ""
    return (f"It goes to {folder}{amount}; {free}.",)


def _time(state: SetupState, size: int) -> str:
    speed = state.memory.speed
    measured = f"at the measured {speed / MB:.0f} MB/s" if speed else "at 100 Mbit/s"
    return f", {duration(size / (speed or ASSUMED_SPEED))} {measured}"


def _download_bytes(state: SetupState) -> int:
    known = sum(file.size or 0 for file in state.table.files)
    return known or (OFFICIAL_LARGE_BYTES if state.table is OFFICIAL else 0)
