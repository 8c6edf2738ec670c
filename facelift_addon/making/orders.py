"""What the panel's choices mean to an engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import bpy

from ...core.engines import registry
from ...core.engines.capture import Capture, Shot
from ...core.engines.settings import Setting
from ...core.engines.shot_options import ShotOptions
from ...core.photo.edits import NO_EDITS, PhotoEdits
from .. import engine_properties
from ..photo import lenses
from ..photo.photos import PhotoSource
from ..splats.data import heads, recipes
from ..splats.scene import placement
from . import connection, together
from .session import session
from .tasks import Order, State, Task

SAME_HEIGHT = 1e-4
"""Share by which the sizes of equal heads may differ: numbers are rounded on their way."""


def settings_of(engine: str) -> tuple[Setting, ...]:
    """Return an engine's settings that its worker knows too; before it started, all of them.

    A worker of another version may have fewer. Engines that this version doesn't know have none.
    """
    if engine not in registry.ENGINES:
        return ()
    settings, told = registry.describe(engine).settings, connection.engines().get(engine)
    if told is None:
        return settings
    names = {setting["name"] for setting in told.get("settings", ())}
    return tuple(setting for setting in settings if setting.name in names)


def takes_lens(engine: str, photos: int = 1) -> bool:
    """Return whether an engine makes use of the lens of so many photos of a head."""
    return together.takes(engine).lens_counts(photos)


def order_for(
    context: bpy.types.Context,
    source: PhotoSource,
    face: int | None = None,
    edits: PhotoEdits = NO_EDITS,
    **changes: Any,
) -> Order:
    """Return an order with the scene's choices.

    Args:
        context: Its scene is where the head will go.
        source: The photo.
        face: Index of the face, the largest first; None for the largest.
        edits: What the user changed of the photo by hand.
        changes: Other fields of the order.
    """
    choices = context.scene.facelift
    lens = lenses.options_of(choices) if takes_lens(choices.engine) else {}
    capture = Capture.of(source, edits, face=face, **lens)
    settings = engine_properties.values_of(choices, settings_of(choices.engine))
    return Order(capture, choices.engine, settings, choices.head_height, context.scene.name, **changes)


def order_of_shot(context: bpy.types.Context, shot: Shot[PhotoSource]) -> Order:
    """Return an order of a photo with the scene's engine, taken as it was chosen for it."""
    return replace(order_for(context, shot.photo), capture=Capture((shot,)))


def order_again(context: bpy.types.Context, head: bpy.types.Object, source: PhotoSource, **changes: Any) -> Order:
    """Return an order for a head's photos with the scene's choices, and with what was chosen for these photos alone.

    Photos that the chosen engine can't take stay away.

    Args:
        context: Its scene is where the head will go.
        head: A head made from a photo.
        source: The photo.
        changes: Other fields of the order.
    """
    order, made = order_for(context, source, **changes), recipes.capture_of(head, source)
    panel, own = order.capture.portrait.options, made.portrait.options
    taken = made.first(together.takes(order.engine).shots)
    lens = lenses.kept(own) if takes_lens(order.engine, len(taken.shots)) else {}
    options = replace(panel, face=own.face, aligned=own.aligned, **lens)
    return replace(order, capture=taken.with_portrait(options=options))


def order_as_made(context: bpy.types.Context, head: bpy.types.Object, source: PhotoSource, **options: Any) -> Order:
    """Return an order that makes a head again as it is, whatever the panel's choices are now.

    Args:
        context: Its scene is where the head is.
        head: A head made from a photo.
        source: The photo.
        options: Of the photo, where they differ.
    """
    recipe, made = recipes.of(head), recipes.capture_of(head, source)
    capture = made.with_portrait(options=replace(made.portrait.options, **options))
    known = {setting.name for setting in settings_of(recipe.engine)}
    settings = {name: value for name, value in recipe.settings.items() if name in known}
    return Order(
        capture,
        recipe.engine,
        settings,
        _height_of(head),
        context.scene.name,
        replaces=head[heads.ID_KEY],
        replaces_name=head.name,
    )


def orders_to_make(context: bpy.types.Context) -> list[Order]:
    """Return what Generate begins: one order for all photos of a person, or one for each photo that can be used.

    The same head is not made twice. An order that is under way is left out; one whose head stands in its
    scene gets a seed that was not used for its photos yet.
    """
    known, orders = [task.order for task in session.unfinished], []
    usable = (photo for photo in session.photos if photo.state is not State.FAILED)
    for order, digests in [_order_together(context)] if session.together else [_order_of(context, p) for p in usable]:
        if order is not None and _stands(context.scene, order, digests):
            order = with_unused_seed(order, context.scene, digests)
        if order is not None and order not in (*known, *orders):
            orders.append(order)
    return orders


def makes_variant(context: bpy.types.Context) -> bool:
    """Whether the head of what is shown stands in the scene, so that Generate gives it another seed."""
    if session.photo is None or not _has_seed(context.scene.facelift.engine):
        return False
    order, digests = _order_together(context) if session.together else _order_of(context, session.photo)
    return order is not None and _stands(context.scene, order, digests)


def head_together(context: bpy.types.Context) -> bpy.types.Object | None:
    """Return a head that stands in the scene of the chosen photos of one person, the active one if it is that."""
    digests = together.digests_of(session.photos, context.scene.facelift.engine) if session.together else ()
    made = [head for head in heads.heads_of(context.scene) if digests and _digests_of(head) == digests]
    active = context.view_layer.objects.active
    return active if active in made else made[-1] if made else None


def _digests_of(head: bpy.types.Object) -> tuple[str, ...]:
    recipe = recipes.of(head)
    return () if recipe is None else recipe.digests


def _order_of(context: bpy.types.Context, photo: Task) -> tuple[Order, tuple[str, ...]]:
    """Return an order with the scene's choices, and with what was chosen for this photo alone: face, crop, matte."""
    own = photo.order.capture.portrait
    return order_for(context, own.photo, own.options.face, own.edits), photo.digests


def _order_together(context: bpy.types.Context) -> tuple[Order | None, tuple[str, ...]]:
    """Return the order of one head of all photos, None where no photo shows the face."""
    engine = context.scene.facelift.engine
    capture = together.capture_of(session.photos, engine)
    if capture is None:
        return None, ()
    order = order_for(context, capture.portrait.photo)
    return replace(order, capture=capture), together.digests_of(session.photos, engine)


def with_unused_seed(
    order: Order, scene: bpy.types.Scene, digests: tuple[str, ...], coming: Sequence[Order] = ()
) -> Order:
    """Return an order with a seed that gives another head than those of the same photos that stand in a scene.

    Engines without a seed make the same head again.

    Args:
        order: Of the photos.
        scene: Whose heads count.
        digests: The photos' SHA-256.
        coming: Other orders whose seeds count as used.
    """
    if not _has_seed(order.engine):
        return order
    made = filter(None, map(recipes.of, heads.heads_of(scene)))
    used = [recipe.seed for recipe in made if recipe.digests == digests]
    used += [other.settings.get("seed", 0) for other in coming]
    return replace(order, settings=order.settings | {"seed": max(used, default=-1) + 1})


def _has_seed(engine: str) -> bool:
    """Whether an engine makes other variants with other seeds."""
    return any(setting.name == "seed" for setting in settings_of(engine))


def _stands(scene: bpy.types.Scene, order: Order, digests: tuple[str, ...]) -> bool:
    """Whether a scene has a head of an order."""
    return bool(digests) and any(_is_of(head, order, digests) for head in heads.heads_of(scene))


def _is_of(head: bpy.types.Object, order: Order, digests: tuple[str, ...]) -> bool:
    """Whether a head is what an order asks for: of the same photos, engine, settings and size."""
    recipe = recipes.of(head)
    if recipe is None or recipe.digests != digests or recipe.engine != order.engine:
        return False
    if abs(_height_of(head) - order.head_height) > SAME_HEIGHT * order.head_height:
        return False
    taken_alike = all(
        recipes.edits_of(head, number) == wanted.edits
        and _chosen(made.options) == _chosen(wanted.options)
        and made.placement == wanted.placement
        for number, (made, wanted) in enumerate(zip(recipe.capture.shots, order.capture.shots, strict=True))
    )
    return taken_alike and all(recipe.settings.get(name) == value for name, value in order.settings.items())


def _chosen(options: ShotOptions) -> dict[str, Any]:
    """Return a shot's options for comparison: the largest face is the first, whether it was chosen or not."""
    return asdict(replace(options, face=options.face or 0))


def _height_of(head: bpy.types.Object) -> float:
    """Return the height that a head was ordered with, in metres."""
    return placement.scale_of(heads.placement_of(head)) * placement.HEAD_HEIGHT_UNITS
