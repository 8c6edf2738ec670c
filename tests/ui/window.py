"""Drives Blender's window from a script: one action a tick, a screenshot whenever one is asked for.

Runs inside a Blender with a window, in which the extension is enabled. Whoever started Blender
takes a screenshot of the screen whenever the file ``signal`` appears, then deletes it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import bpy

PACKAGE = "bl_ext.user_default.facelift"
FIRST_SECONDS = 3.0
"""Until the window stands."""
PATIENCE_SECONDS = 180.0

Steps = Iterator[float]
"""A script: yields the seconds after which Blender comes back to it."""


def module(name: str) -> ModuleType:
    """Return a module of the installed extension, e.g. ``"facelift_addon.making.session"``."""
    return importlib.import_module(f"{PACKAGE}.{name}")


def view() -> tuple[bpy.types.Window, bpy.types.Area, dict[str, bpy.types.Region]]:
    """Return the main window, its 3D View and that one's regions by type."""
    window = bpy.context.window_manager.windows[0]
    area = next(area for area in window.screen.areas if area.type == "VIEW_3D")
    return window, area, {region.type: region for region in area.regions}


def override():
    """Return a context manager in which operators run as if called in the 3D View."""
    window, area, regions = view()
    return bpy.context.temp_override(window=window, area=area, region=regions["WINDOW"])


def shoot(signal: Path, settle: float = 1.0) -> Steps:
    """Let Blender redraw, ask for a screenshot and wait until it was taken."""
    for area in view()[0].screen.areas:
        area.tag_redraw()
    yield settle
    signal.touch()
    while signal.exists():
        yield 0.1


def wait(condition: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> Steps:
    """Let the extension's own timers work until something is true, or for that long."""
    while not condition() and seconds > 0:
        seconds -= 0.1
        yield 0.1


def open_tab() -> Steps:
    """Show the FaceLift tab in the sidebar, without animated views from here on."""
    bpy.context.preferences.view.smooth_view = 0
    _, area, regions = view()
    area.spaces[0].show_region_ui = True
    yield 1.0
    regions["UI"].active_panel_category = "FaceLift"


def empty_scene() -> None:
    """Take Blender's cube and light away; the camera stays."""
    for name in ("Cube", "Light"):
        if name in bpy.data.objects:
            bpy.data.objects.remove(bpy.data.objects[name])


def start(steps: Steps) -> None:
    """Run a script, then quit. An error is printed and quits as well."""

    def run() -> float | None:
        try:
            return next(steps)
        except StopIteration:
            bpy.ops.wm.quit_blender()
        except Exception:
            bpy.ops.wm.quit_blender()
            raise
        return None

    bpy.app.timers.register(run, first_interval=FIRST_SECONDS, persistent=True)
