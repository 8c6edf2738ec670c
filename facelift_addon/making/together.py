"""The chosen photos as one person's: which of them become a head, in which order, and why others don't.

Nobody guesses whether two faces are one person's. Photos that are chosen or dropped together make a head each, as
they always have: a folder of portraits is the usual case, and a wrong guess would mix people. Photos that are added
to a chosen one make one head with it, where the engine takes several: who adds instead of choosing anew means so.
One switch in the panel says which it is, and what the user chose there holds for whatever is added later.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import bpy

from ...core.engines import registry
from ...core.engines.capture import FURTHER, PORTRAIT, Capture, Shot
from ...core.engines.description import Takes
from ...core.photo.sides import AUTO, FACELESS
from ..photo import lenses
from ..photo.photos import PhotoSource
from .session import session
from .tasks import State, Task


@dataclass(frozen=True, eq=False)
class Place:
    """What a chosen photo is to the head.

    Attributes:
        photo: The photo.
        number: Its number among the head's photos, the portrait's is 0; None where it isn't used.
        why: Why it isn't used, a sentence; "" where it is.
    """

    photo: Task
    number: int | None
    why: str = ""


def takes(engine: str) -> Takes:
    """Return what an engine takes; of one that this version doesn't know, a photo."""
    return registry.describe(engine).takes if engine in registry.ENGINES else Takes()


def places(photos: Sequence[Task], engine: str) -> list[Place]:
    """Return what each photo is to one head of them all, in their order."""
    portrait, most = _portrait(photos), takes(engine).shots
    used, found = [] if portrait is None else [portrait], []
    for photo in photos:
        same = next((one for one in used if one is not photo and one.digests and one.digests == photo.digests), None)
        if portrait is None or photo.state is State.FAILED:
            why = "It can't be used."
        elif same is not None:
            why = f"It is the same photo as {same.order.source.name}, which is used once."
        elif photo is not portrait and len(used) >= most:
            why = _too_many(engine, most)
        else:
            why = ""
            used += [] if photo is portrait else [photo]
        found.append(Place(photo, None if why else used.index(photo), why))
    return found


def needs_side(photo: Task) -> bool:
    """Whether nothing tells what a photo shows, neither its face nor its outline nor the user."""
    found = photo.found
    unknown = found is not None and found.has_person and not found.has_face and not found.side
    return unknown and photo.order.options.side == AUTO


def needs_hand(photo: Task) -> bool:
    """Whether nobody was found in a photo, so that only the user can say where the head is."""
    return photo.found is not None and not photo.found.has_person


def capture_of(photos: Sequence[Task], engine: str) -> Capture[PhotoSource] | None:
    """Return what one head of all photos is made from, None where none of them can be the portrait."""
    used = _used(photos, engine)
    lens = takes(engine).lens_counts(len(used))
    return Capture(tuple(_shot(*pair, lens) for pair in enumerate(used))) if used else None


def digests_of(photos: Sequence[Task], engine: str) -> tuple[str, ...]:
    """Return the SHA-256 of the photos of one head of them all; empty before they were read."""
    used = _used(photos, engine)
    digests = tuple(digest for photo in used for digest in photo.digests)
    return digests if len(digests) == len(used) else ()


def join(settings: bpy.types.PropertyGroup) -> None:
    """Make one head of the chosen photos: the panel's lens becomes that of each of them, and they can differ."""
    lens = lenses.options_of(settings)
    for photo in session.photos:
        photo.order = photo.order.with_options(**lens)
    session.set_together(True)


def separate(settings: bpy.types.PropertyGroup) -> None:
    """Make a head of each chosen photo: the panel's lens is that of the shown one."""
    if session.photo is not None:
        lenses.take(settings, session.photo.order.options)
    session.set_together(False)


def _used(photos: Sequence[Task], engine: str) -> list[Task]:
    """Return the photos of one head, the portrait first."""
    used = {place.number: place.photo for place in places(photos, engine) if place.number is not None}
    return [used[number] for number in sorted(used)]


def _portrait(photos: Sequence[Task]) -> Task | None:
    """Return the first photo that can show the face: the order is the user's, but a back can't lead it."""
    return next((each for each in photos if each.shows_face and each.order.options.side not in FACELESS), None)


def _shot(number: int, photo: Task, with_lens: bool) -> Shot[PhotoSource]:
    own = photo.order.capture.portrait
    options = own.options if with_lens else lenses.leave_out(own.options)
    role, placement = (FURTHER, own.placement) if number else (PORTRAIT, None)
    return Shot(own.photo, options, own.edits, role, placement)


def _too_many(engine: str, most: int) -> str:
    label = registry.describe(engine).label if engine in registry.ENGINES else engine
    photos = "one photo" if most == 1 else f"{most} photos at most"
    return f"The {label} engine makes a head from {photos}."
