"""What the panel's choices mean to an engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Any

import bpy

from ..core.engines.draft.settings import DraftSettings
from ..core.engines.facelift.settings import FaceLiftSettings
from . import connection, lenses
from .jobs import session
from .photos import PhotoSource
from .properties import FaceLiftSettings as Choices
from .splats import heads, placement
from .tasks import Order, State, Task

OPTIONS = ("body", "quality", *lenses.OPTIONS, "preset", "steps", "seed")
"""Properties of a scene's settings that are engine settings of the same name."""
SAME_HEIGHT = 1e-4
"""Share by which the sizes of equal heads may differ: numbers are rounded on their way."""
SETTINGS = {"draft": DraftSettings, "facelift": FaceLiftSettings}


def known_settings(engine: str) -> set[str]:
    """Return the names of an engine's settings: as its worker told, before it started as our own copy has them."""
    described = connection.engines().get(engine)
    if described is None:
        return {field.name for field in fields(SETTINGS[engine])}
    return {setting["name"] for setting in described.get("settings", ())}


def options_of(choices: Choices) -> tuple[str, ...]:
    """Return which of :data:`OPTIONS` the chosen engine knows and the choices make use of."""
    unused = set(lenses.OPTIONS) - set(lenses.options_of(choices))
    known = known_settings(choices.engine) - unused
    return tuple(option for option in OPTIONS if option in known)


def settings_for(scene: bpy.types.Scene, face: int | None = None) -> dict[str, Any]:
    """Return the engine settings of a scene's choices; no face means the largest."""
    choices = scene.facelift
    settings = {option: getattr(choices, option) for option in options_of(choices)}
    return settings if face is None else settings | {"face": face}


def order_for(context: bpy.types.Context, source: PhotoSource, face: int | None = None, **changes: Any) -> Order:
    """Return an order with the scene's choices.

    Args:
        context: Its scene is where the head will go.
        source: The photo.
        face: Index of the face, the largest first; None for the largest.
        changes: Other fields of the order.
    """
    choices = context.scene.facelift
    return Order(
        source, choices.engine, settings_for(context.scene, face), choices.head_height, context.scene.name, **changes
    )


def order_again(context: bpy.types.Context, head: bpy.types.Object, source: PhotoSource, **changes: Any) -> Order:
    """Return an order for a head's photo with the scene's choices, and with what was chosen for this photo alone.

    Args:
        context: Its scene is where the head will go.
        head: A head made from a photo.
        source: The photo.
        changes: Other fields of the order.
    """
    made = heads.recipe_of(head).get("settings", {})
    order = order_for(context, source, made.get("face"), edits=heads.edits_of(head), **changes)
    lens = {name: value for name, value in lenses.kept(made).items() if name in known_settings(order.engine)}
    return replace(order, settings=order.settings | lens)


def order_as_made(context: bpy.types.Context, head: bpy.types.Object, source: PhotoSource, **changes: Any) -> Order:
    """Return an order that makes a head again as it is, whatever the panel's choices are now.

    Args:
        context: Its scene is where the head is.
        head: A head made from a photo.
        source: The photo.
        changes: Engine settings that differ.
    """
    recipe = heads.recipe_of(head)
    known = known_settings(recipe["engine"])
    settings = {name: value for name, value in recipe.get("settings", {}).items() if name in known}
    replaced = {"replaces": head[heads.ID_KEY], "replaces_name": head.name, "edits": heads.edits_of(head)}
    return Order(source, recipe["engine"], settings | changes, _height_of(head), context.scene.name, **replaced)


def orders_to_make(context: bpy.types.Context) -> list[Order]:
    """Return what Generate begins: an order for each chosen photo that can be used.

    The same head is not made twice. An order that is under way is left out; one whose head stands in its
    scene gets a seed that was not used for this photo yet.
    """
    known, orders = [task.order for task in session.unfinished], []
    for photo in session.photos:
        if photo.state is not State.FAILED and (order := _order_of_photo(context, photo)) not in (*known, *orders):
            orders.append(order)
    return orders


def makes_variant(context: bpy.types.Context) -> bool:
    """Whether the head of the shown photo stands in the scene, so that Generate gives it another seed."""
    photo = session.photo
    return photo is not None and _stands(context.scene, _plain_order(context, photo), photo.digest)


def _plain_order(context: bpy.types.Context, photo: Task) -> Order:
    """Return the order with the scene's choices, and with what was chosen for this photo alone: face, crop, matte."""
    order = order_for(context, photo.order.source)
    own = {name: value for name, value in photo.order.settings.items() if name not in OPTIONS}
    return replace(order, settings=order.settings | own, edits=photo.order.edits)


def _order_of_photo(context: bpy.types.Context, photo: Task) -> Order:
    order = _plain_order(context, photo)
    if not _stands(context.scene, order, photo.digest):
        return order
    return with_unused_seed(order, context.scene, photo.digest)


def with_unused_seed(order: Order, scene: bpy.types.Scene, digest: str, coming: Sequence[Order] = ()) -> Order:
    """Return an order with a seed that gives another head than those of the same photo that stand in a scene.

    Args:
        order: Of the photo.
        scene: Whose heads count.
        digest: The photo's SHA-256.
        coming: Other orders whose seeds count as used.
    """
    recipes = map(heads.recipe_of, heads.heads_of(scene))
    used = [recipe.get("seed", 0) for recipe in recipes if recipe.get("sha256") == digest]
    used += [other.settings.get("seed", 0) for other in coming]
    return replace(order, settings=order.settings | {"seed": max(used, default=-1) + 1})


def _stands(scene: bpy.types.Scene, order: Order, digest: str) -> bool:
    """Whether a scene has a head of an order."""
    return bool(digest) and any(_is_of(head, order, digest) for head in heads.heads_of(scene))


def _is_of(head: bpy.types.Object, order: Order, digest: str) -> bool:
    """Whether a head is what an order asks for: of the same photo, engine, settings and size."""
    recipe = heads.recipe_of(head)
    if recipe.get("sha256") != digest or recipe.get("engine") != order.engine:
        return False
    if abs(_height_of(head) - order.head_height) > SAME_HEIGHT * order.head_height:
        return False
    if heads.edits_of(head) != order.edits:
        return False
    made = recipe.get("settings", {})
    wanted: Mapping[str, Any] = {"face": None} | order.settings
    return all((made.get(name) or 0) == (value or 0) for name, value in wanted.items())


def _height_of(head: bpy.types.Object) -> float:
    """Return the height that a head was ordered with, in metres."""
    return placement.scale_of(heads.placement_of(head)) * placement.HEAD_HEIGHT_UNITS
