"""An Image Editor for the photo: one that is there, or half of the 3D View for as long as it is needed."""

from __future__ import annotations

from contextlib import suppress
from functools import partial

import bpy

SHARE = 0.5
"""Of the 3D View that the Image Editor takes."""
TAB, TAB_SECONDS = "FaceLift", 0.3
"""Tab of the sidebar, and how long Blender gets to draw a sidebar before it: one without a layout has no tabs."""

_opened: set[int] = set()
"""Areas that were made for the photo; they are closed again."""


def image_area(context: bpy.types.Context, image: bpy.types.Image | None) -> bpy.types.Area | None:
    """Return the Image Editor that shows an image, in the context's window."""
    areas = context.screen.areas if image is not None and context.screen is not None else ()
    return next((area for area in areas if area.type == "IMAGE_EDITOR" and area.spaces.active.image == image), None)


def open_area(context: bpy.types.Context, image: bpy.types.Image) -> bpy.types.Area | None:
    """Show an image in an Image Editor; None where Blender has no window."""
    if bpy.app.background or context.window is None:
        return None
    area = image_area(context, image)
    area = area or next((one for one in context.screen.areas if one.type == "IMAGE_EDITOR"), None) or _split(context)
    if area is not None:
        area.spaces.active.image = image
        area.spaces.active.show_region_ui = True
        bpy.app.timers.register(partial(_choose_tab, image.name), first_interval=TAB_SECONDS)
    return area


def give_back(image: bpy.types.Image) -> None:
    """Show an image again in the areas that were made for the photo, after undo took it from them."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.as_pointer() in _opened and area.type == "IMAGE_EDITOR" and area.spaces.active.image is None:
                area.spaces.active.image = image
                bpy.app.timers.register(partial(_choose_tab, image.name), first_interval=TAB_SECONDS)


def _choose_tab(image_name: str) -> None:
    """Bring this extension's tab of the sidebar to the front."""
    image = bpy.data.images.get(image_name)
    for window in bpy.context.window_manager.windows if image is not None else ():
        for area in window.screen.areas:
            if area.type != "IMAGE_EDITOR" or area.spaces.active.image != image:
                continue
            region = next(region for region in area.regions if region.type == "UI")
            # A sidebar that was closed meanwhile has no tabs.
            with suppress(TypeError, AttributeError):
                region.active_panel_category = TAB
            area.tag_redraw()


def close_area(context: bpy.types.Context) -> None:
    """Close the area that was made for the photo."""
    for area in context.screen.areas if context.screen is not None else ():
        if area.as_pointer() in _opened and area.type == "IMAGE_EDITOR":
            with context.temp_override(area=area):
                bpy.ops.screen.area_close()
            break
    _opened.clear()


def in_area(region: bpy.types.Region, event: bpy.types.Event) -> bool:
    """Whether the mouse is over a region."""
    return 0 <= event.mouse_x - region.x < region.width and 0 <= event.mouse_y - region.y < region.height


def _split(context: bpy.types.Context) -> bpy.types.Area | None:
    views = [area for area in context.screen.areas if area.type == "VIEW_3D"] or list(context.screen.areas)
    largest = max(views, key=lambda area: area.width * area.height)
    before = {area.as_pointer() for area in context.screen.areas}
    with context.temp_override(area=largest, region=largest.regions[-1]):
        bpy.ops.screen.area_split(direction="VERTICAL", factor=SHARE)
    made = next((area for area in context.screen.areas if area.as_pointer() not in before), None)
    if made is not None:
        # The right one of the two keeps the sidebar, in which the user is working.
        left = made if made.x < largest.x else largest
        left.type = "IMAGE_EDITOR"
        _opened.add(left.as_pointer())
        return left
    return None
