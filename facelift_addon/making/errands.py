"""What tools do in a thread while Blender stays usable: files, pictures, fits. The end happens on the main thread."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event
from typing import Any

import bpy

from ...core.errors import Cancelled, FaceLiftError
from ...core.progress import Progress, Reporter
from ..reporting import explained
from .timers import redraw

logger = logging.getLogger(__name__)

TICK_SECONDS = 0.1
PIECE_SECONDS = 0.01
"""Between the pieces of an end that comes in several."""
NEWS_SECONDS, CHARACTERS_A_SECOND = 6.0, 15
"""How long the status bar tells what was done: at least so long, and as long as reading it takes."""

Pieces = Generator[Progress | None, None, str]

_quick = ThreadPoolExecutor(max_workers=2, thread_name_prefix="facelift-files")
_heavy = ThreadPoolExecutor(max_workers=1, thread_name_prefix="facelift-heads")
"""Fits, wraps and the like take all processors for many seconds: they wait for each other, files never for them."""


@dataclass(eq=False)
class Errand:
    """Something under way.

    Attributes:
        title: What it does, for the status bar.
        finish: Takes the work's result on the main thread; returns what to tell. A generator function
            yields between pieces that are short each, or while it waits, then its progress if there is any, and is
            closed when it is cancelled meanwhile.
        belongs_to_file: Whether it makes no sense any more once another .blend is open.
        prominent: Whether the main panel and the status bar show its progress; others have panels of their own.
        picture: Key of the preview that shows what it is at; the panel then tells the step, too.
        stopped: What to tell where it is cancelled.
        cancelled: Set to make work stop that looks at its reporter.
        progress: What work that looks at its reporter told last; None before that.
        future: The thread's work.
        pieces: The end, while it is under way in pieces.
    """

    title: str
    finish: Callable[[Any], str | Pieces]
    belongs_to_file: bool
    prominent: bool
    picture: str = ""
    stopped: str = ""
    cancelled: Event = field(default_factory=Event)
    progress: Progress | None = None
    future: Future | None = None
    pieces: Pieces | None = None


_errands: list[Errand] = []
_shown: list[Progress | None] = []
"""The progress that panels show."""


def start(
    title: str,
    work: Callable[[Reporter], Any],
    finish: Callable[[Any], str | Pieces],
    *,
    belongs_to_file: bool,
    prominent: bool = False,
    heavy: bool = False,
    picture: str = "",
    stopped: str = "",
) -> None:
    """Begin work in a thread. It must not touch bpy; ``finish`` may.

    Args:
        title: As for :class:`Errand`, as are ``finish``, ``belongs_to_file`` and ``prominent``.
        work: The thread's work.
        finish: Takes its result.
        belongs_to_file: Whether it ends with the .blend.
        prominent: Whether the main panel shows it.
        heavy: Whether it computes for many seconds: it then waits in a line of its own.
        picture: As for :class:`Errand`.
        stopped: As for :class:`Errand`.
    """
    errand = Errand(title, finish, belongs_to_file, prominent, picture, stopped)

    def told(progress: Progress) -> None:
        errand.progress = progress

    _errands.append(errand)
    errand.future = (_heavy if heavy else _quick).submit(work, Reporter(told, cancel=errand.cancelled))
    _show(title)
    if _forget_file not in bpy.app.handlers.load_pre:
        bpy.app.handlers.load_pre.append(_forget_file)
    if not bpy.app.timers.is_registered(_on_timer):
        bpy.app.timers.register(_on_timer, first_interval=TICK_SECONDS, persistent=True)


def under_way() -> list[Errand]:
    """Return what tells its progress, for panels."""
    return [errand for errand in _errands if errand.progress is not None]


def has(title: str) -> bool:
    """Whether the work of something with a title is under way, or waits."""
    return any(errand.title == title and not errand.future.done() for errand in _errands)


def is_pending(title: str) -> bool:
    """Whether something with a title has not ended yet, its end on the main thread included."""
    return any(errand.title == title for errand in _errands)


def cancel(title: str = "") -> None:
    """Ask what has a title to stop, or everything."""
    for errand in _errands:
        if title in ("", errand.title):
            errand.cancelled.set()


def tick() -> bool:
    """Finish what is ready, on the main thread; return whether something is still under way."""
    # While Blender renders in the background, the scene must not change.
    if bpy.app.is_job_running("RENDER"):
        return bool(_errands)
    for errand in [errand for errand in _errands if errand.future.done()]:
        if _ended(errand):
            _errands.remove(errand)
    _redraw_progress()
    return bool(_errands)


def _redraw_progress() -> None:
    """Redraw panels when they show something else than the last time: a redraw may take longer than a tick."""
    progress = [errand.progress for errand in under_way()]
    if progress != _shown:
        _shown[:] = progress
        redraw()
        for errand in under_way():
            if errand.prominent:
                _show(f"{errand.title} {errand.progress.fraction:.0%}")


def at_once(pieces: Pieces) -> str:
    """Do in one go what otherwise comes in pieces, for scripts; return what to tell."""
    try:
        while True:
            next(pieces)
            time.sleep(PIECE_SECONDS)
    except StopIteration as end:
        return end.value


def close() -> None:
    """Forget everything; threads that write complete their files, pictures being made are dropped."""
    for errand in list(_errands):
        _drop(errand)
    if _forget_file in bpy.app.handlers.load_pre:
        bpy.app.handlers.load_pre.remove(_forget_file)
    for timer in (_on_timer, _clear_news):
        if bpy.app.timers.is_registered(timer):
            bpy.app.timers.unregister(timer)


@bpy.app.handlers.persistent
def _forget_file(_path: str | None = None) -> None:
    """Another .blend opens: what was meant for this one is dropped."""
    for errand in [errand for errand in _errands if errand.belongs_to_file]:
        _drop(errand)


def _drop(errand: Errand) -> None:
    errand.cancelled.set()
    if errand.pieces is not None:
        errand.pieces.close()
    _errands.remove(errand)


def _ended(errand: Errand) -> bool:
    """Do what comes next on the main thread; return whether that was all."""
    try:
        if errand.pieces is None:
            news = errand.finish(errand.future.result())
            if isinstance(news, Generator):
                errand.pieces = news
        if errand.pieces is not None:
            if errand.cancelled.is_set():
                errand.pieces.close()
                raise Cancelled
            errand.progress = next(errand.pieces) or errand.progress
            return False
    except StopIteration as end:
        _tell(end.value)
    except Cancelled:
        _tell(errand.stopped) if errand.stopped else _show(None)
    except FaceLiftError as error:
        _show(None)
        _complain(error.message, error.advice)
    except Exception as error:  # an errand's own fault must not stop the timer that serves the others
        logger.exception("%s failed", errand.title)
        _show(None)
        told = explained(error)
        _complain(f"{errand.title} failed. {told.message}", told.advice)
    else:
        _tell(news)
    return True


def _tell(news: str) -> None:
    """Show in the status bar for a while what was done."""
    _show(news)
    if bpy.app.timers.is_registered(_clear_news):
        bpy.app.timers.unregister(_clear_news)
    seconds = max(NEWS_SECONDS, len(news) / CHARACTERS_A_SECOND)
    bpy.app.timers.register(_clear_news, first_interval=seconds, persistent=True)


def _on_timer() -> float | None:
    if not tick():
        return None
    return PIECE_SECONDS if any(errand.pieces is not None for errand in _errands) else TICK_SECONDS


def _clear_news() -> None:
    _show(_errands[-1].title if _errands else None)


def _show(text: str | None) -> None:
    """Put a text into the status bar, or with None Blender's own."""
    for workspace in bpy.data.workspaces:
        workspace.status_text_set(text)


def _complain(message: str, advice: str) -> None:
    """Open a popup; without windows, as in background mode, write to the console."""
    windows = bpy.context.window_manager.windows
    if bpy.app.background or not windows:
        logger.error("%s %s", message, advice)
        return

    def draw(popup: bpy.types.UIPopupMenu, _context: bpy.types.Context) -> None:
        popup.layout.label(text=message)
        if advice:
            popup.layout.label(text=advice)

    # Timers run without a window.
    with bpy.context.temp_override(window=windows[0]):
        bpy.context.window_manager.popup_menu(draw, title="FaceLift", icon="ERROR")
