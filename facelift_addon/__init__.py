"""The Blender side of FaceLift: operators, panels, nodes and drawing; what they compute is in ``core``."""

from __future__ import annotations

import bpy

from . import avatar, by_hand, editing, preferences, properties, sequences, viewport
from .groom import cards, choosing, grooming
from .groom import panel as groom_panel
from .interface import head_panels, panels, photo_list
from .interface.previews import previews
from .listening import listen, stop_listening
from .making import connection, keeping, timers
from .making.session import session
from .moving import making as moving
from .operators import generate, photo, photo_editing, presenting, queue, refining, transfer, view
from .performance import avatar_from_video, capturing, saving, whom
from .performance import panel as performance_panel
from .photo import crop_gizmo
from .photo import panels as photo_panels
from .setup import choices, folders, steps, worker
from .setup.guide import guide
from .splats.scene import imports, leftovers, lighting

MODULES = (
    preferences,
    properties,
    photo,
    generate,
    photo_editing,
    photo_panels,
    crop_gizmo,
    queue,
    transfer,
    view,
    presenting,
    refining,
    steps,
    folders,
    choices,
    worker,
    photo_list,
    panels,
    head_panels,
    editing,
    avatar,
    choosing,
    grooming,
    groom_panel,
    cards,
    whom,
    capturing,
    avatar_from_video,
    moving,
    saving,
    performance_panel,
    by_hand,
    sequences,
)


def register() -> None:
    """Register everything."""
    for module in MODULES:
        for cls in module.CLASSES:
            bpy.utils.register_class(cls)
    properties.register_properties()
    viewport.register()
    lighting.register()
    imports.register()
    leftovers.register()
    editing.register_menus()
    avatar.register()
    by_hand.register()
    bpy.types.VIEW3D_MT_add.append(photo.draw_add)
    bpy.types.TOPBAR_MT_file_import.append(transfer.draw_import)
    bpy.types.TOPBAR_MT_file_import.append(capturing.draw_import)
    bpy.types.TOPBAR_MT_file_import.append(avatar_from_video.draw_import)
    bpy.types.TOPBAR_MT_file_import.append(moving.draw_import)
    bpy.types.TOPBAR_MT_file_export.prepend(transfer.draw_export)
    # After the prepended entry, below whose note are formats that leave out splats.
    sequences.register()
    bpy.types.TOPBAR_MT_file_export.append(saving.draw_export)
    bpy.types.VIEW3D_MT_view.append(view.draw_in_view_menu)
    listen((*timers.HANDLERS, *keeping.HANDLERS))


def unregister() -> None:
    """Unregister everything and end the worker."""
    stop_listening((*timers.HANDLERS, *keeping.HANDLERS))
    bpy.types.VIEW3D_MT_view.remove(view.draw_in_view_menu)
    bpy.types.TOPBAR_MT_file_export.remove(saving.draw_export)
    bpy.types.TOPBAR_MT_file_export.remove(transfer.draw_export)
    bpy.types.TOPBAR_MT_file_import.remove(moving.draw_import)
    bpy.types.TOPBAR_MT_file_import.remove(avatar_from_video.draw_import)
    bpy.types.TOPBAR_MT_file_import.remove(capturing.draw_import)
    bpy.types.TOPBAR_MT_file_import.remove(transfer.draw_import)
    bpy.types.VIEW3D_MT_add.remove(photo.draw_add)
    timers.sleep()
    session.reset()
    connection.close()
    guide.close()
    previews.close()
    by_hand.unregister()
    avatar.unregister()
    editing.unregister_menus()
    leftovers.unregister()
    imports.unregister()
    lighting.unregister()
    sequences.unregister()
    viewport.unregister()
    properties.unregister_properties()
    for module in reversed(MODULES):
        for cls in reversed(module.CLASSES):
            bpy.utils.unregister_class(cls)
