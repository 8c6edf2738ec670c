"""What a scene remembers: the choices for the next head and how heads are shown."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, FloatVectorProperty, PointerProperty

from ..core.engines import registry
from ..core.photo.edits import LARGEST_CROP, SMALLEST_CROP
from . import engine_properties
from .making import together
from .making.session import session
from .making.timers import wake
from .photo import crop_values, rows
from .photo.lenses import LensChoice
from .splats.data import heads
from .splats.scene import arrivals, lighting
from .splats.scene.placement import DEFAULT_HEAD_HEIGHT

EngineChoices = engine_properties.with_properties("EngineChoices", registry.settings_by_name().values())
"""Mix-in with what engines let a user choose."""

COLOR_MODES = (
    ("SCENE", "Scene", "Linear colors that mix with lights, materials and other objects of the scene"),
    ("PHOTO", "Photo", "The photo's own values: with the Raw view transform, the render matches the photo exactly"),
    (
        "LIT",
        "Lit",
        "The scene's lights shine on the splats, and a mesh made inside of them casts their shadows. "
        "Free View shows the light without shadows, and only the plain color of the world",
    ),
)


def _look_changed(settings: FaceLiftSettings, _context: bpy.types.Context) -> None:
    for head in heads.heads_of(settings.id_data):
        arrivals.show_as(head, settings)
    lighting.scene_changed(settings.id_data)


def _image_chosen(settings: FaceLiftSettings, context: bpy.types.Context) -> None:
    if settings.image is not None:
        bpy.ops.facelift.use_image("EXEC_DEFAULT", image=settings.image.name)


def _heads(_settings: FaceLiftSettings) -> int:
    return int(session.together)


def _set_heads(settings: FaceLiftSettings, value: int) -> None:
    if value != int(session.together):
        (together.join if value else together.separate)(settings)
        wake()


class FaceLiftSettings(EngineChoices, LensChoice, bpy.types.PropertyGroup):
    """Settings of a scene."""

    image: PointerProperty(
        name="Image",
        description="A photo that is already in this .blend file",
        type=bpy.types.Image,
        update=_image_chosen,
    )
    heads: EnumProperty(
        name="Heads",
        description="What becomes of several photos",
        items=(
            ("EACH", "A Head Each", "The photos are of different people, and each becomes a head"),
            ("ONE", "One Head", "The photos are of one person, and become one head"),
        ),
        get=_heads,
        set=_set_heads,
    )
    engine: EnumProperty(name="Engine", description="What makes the head", items=engine_properties.engine_items())
    head_height: FloatProperty(
        name="Head height",
        description="Chin to crown, without hair",
        default=DEFAULT_HEAD_HEIGHT,
        min=0.01,
        soft_max=3.0,
        unit="LENGTH",
    )
    # Of the chosen photo: what is stored is in its order, and later on its head.
    crop_center: FloatVectorProperty(
        name="Center",
        description="Center of the crop, in widths and heights of the photo from its upper left corner",
        size=2,
        soft_min=0.0,
        soft_max=1.0,
        min=-1.0,
        max=2.0,
        step=1,
        get=crop_values.center,
        set=crop_values.set_center,
    )
    crop_size: FloatProperty(
        name="Size",
        description="Side of the crop, in widths of the photo",
        min=SMALLEST_CROP,
        max=LARGEST_CROP,
        soft_max=2.0,
        step=1,
        get=crop_values.size,
        set=crop_values.set_size,
    )
    color_mode: EnumProperty(
        name="Colors",
        description="What the colors of heads are when rendered",
        items=COLOR_MODES,
        update=_look_changed,
    )
    exact_renders: BoolProperty(
        name="Exact Renders",
        description="Render splats as the photo's own picture shows them, free of noise from the first sample on, "
        "but several times slower and with hundreds of transparent bounces. "
        "Otherwise Blender's own splats are rendered",
        update=_look_changed,
    )


def register_properties() -> None:
    """Attach the settings to scenes, and the list of photos to Blender's windows."""
    bpy.types.Scene.facelift = PointerProperty(type=FaceLiftSettings)
    rows.register_properties()


def unregister_properties() -> None:
    """Detach them."""
    rows.unregister_properties()
    del bpy.types.Scene.facelift


CLASSES = (*rows.CLASSES, FaceLiftSettings)
