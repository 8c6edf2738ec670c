"""The chosen photos, one or several, in the .blend file: stored when it is saved, chosen again when it is opened.

What is chosen belongs to the session, not to a scene, so that undo can't take it away. A file that is opened without
a window, to render, chooses nothing: there the timer that would do it doesn't run.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import bpy
from bpy.app.handlers import persistent

from ...core.engines.capture import Shot
from ...core.errors import FaceLiftError
from ..photo import editing, kept
from ..photo.photos import PhotoSource
from .orders import order_of_shot
from .session import session
from .tasks import Order, Task
from .timers import wake

LIST_KEY = "facelift_photos"
"""Custom property of the scene in which the file was saved: how each photo is to be taken, as JSON."""


@persistent
def keep(path: str = "", *_arguments) -> None:
    """The file is about to be saved, or the startup file if the path is empty: that has no photos."""
    for scene in _own_scenes():
        if LIST_KEY in scene:
            del scene[LIST_KEY]
        kept.forget(scene)
    scene = bpy.context.scene
    if not path or not session.photos or scene.library is not None:
        return
    shots = [_shot_of(photo) for photo in session.photos]
    for number, shot in enumerate(shots):
        kept.keep(scene, number, shot)
    facts = [{**shot.facts(), "name": shot.photo.name} for shot in shots]
    shown = session.photos.index(session.photo)
    scene[LIST_KEY] = json.dumps({"photos": facts, "together": session.together, "shown": shown})


@persistent
def opened(*_arguments) -> None:
    """A file was opened: its photos are chosen as soon as Blender is ready."""
    if any(LIST_KEY in scene for scene in _own_scenes()) and not bpy.app.timers.is_registered(choose_again):
        bpy.app.timers.register(choose_again, first_interval=0.0, persistent=True)


def choose_again() -> None:
    """Choose the photos that were chosen when the file was saved, unless others were meanwhile."""
    scene = next((scene for scene in (bpy.context.scene, *_own_scenes()) if LIST_KEY in scene), None)
    if scene is None or session.photos:
        return
    try:
        facts = json.loads(scene[LIST_KEY])
        orders = [_order_of(scene, number, each) for number, each in enumerate(facts["photos"])]
        together, shown = bool(facts["together"]), int(facts["shown"])
    except (FaceLiftError, KeyError, TypeError, ValueError):
        return
    session.choose(*orders, together=together)
    session.photo = session.photos[shown % len(orders)]
    wake()


def _own_scenes() -> Iterator[bpy.types.Scene]:
    return (scene for scene in bpy.data.scenes if scene.library is None)


def _shot_of(photo: Task) -> Shot[PhotoSource]:
    """Return a photo as it is chosen now, with what was painted and moved on the shown one since."""
    shot = photo.order.capture.portrait
    return replace(shot, edits=editing.painted_edits(session)) if photo is session.photo else shot


def _order_of(scene: bpy.types.Scene, number: int, facts: dict) -> Order:
    """Return the order of a photo of a file. One that is gone is chosen, too: its row says so."""
    shot = Shot.from_facts(kept.source_of(scene, number, facts["name"]), facts, kept.matte_of(scene, number))
    return order_of_shot(bpy.context, shot)


HANDLERS = ((bpy.app.handlers.save_pre, keep), (bpy.app.handlers.load_post, opened))
"""Handler lists, and what is in them while the extension is registered."""
