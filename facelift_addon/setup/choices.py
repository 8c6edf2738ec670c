"""What a person may choose about the installation: PyTorch's build, the installer, the weights' server, its token."""

from __future__ import annotations

import bpy
from bpy.props import BoolProperty, EnumProperty, StringProperty

from ...core.errors import FaceLiftError
from ...core.runtime import lockfile
from ...core.runtime.backends import Backend
from ..interface.widgets import size_text
from ..making.timers import redraw
from ..reporting import reported
from .folders import Idle
from .guide import guide

_items: list[tuple[str, str, str]] = []
"""Blender needs the texts of a menu to stay alive while it is shown."""


def _builds(_operator: bpy.types.Operator, _context: bpy.types.Context) -> list[tuple[str, str, str]]:
    """Return the builds that run here, the recommended one first."""
    state = guide.flow.state
    _items.clear()
    for backend in (state.choice.backend, *state.choice.alternatives) if state.choice else ():
        name = f"{backend.label} (recommended)" if backend is state.choice.backend else backend.label
        size = size_text(lockfile.read(state.hardware.platform, backend).download_bytes)
        _items.append((str(backend), name, f"About {size} to download"))
    return _items


class FACELIFT_OT_setup_build(Idle, bpy.types.Operator):
    """Choose another build of PyTorch than the recommended one; it has to be installed then"""

    bl_idname = "facelift.setup_build"
    bl_label = "Build of PyTorch"

    build: EnumProperty(name="Build", items=_builds)

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """There must be something to choose from."""
        choice = guide.flow.state.choice
        if choice is None:
            return "Have your computer looked at first"
        return super().obstacle(context) if choice.alternatives else "Only one build runs on this computer"

    @reported
    def execute(self, _context: bpy.types.Context) -> set[str]:
        """Remember the build."""
        state = guide.flow.state
        backend = Backend(self.build)
        state.use_backend(None if backend is state.choice.backend else backend)
        guide.flow.error = None
        redraw()
        return {"FINISHED"}


def _server(_preferences: bpy.types.AddonPreferences) -> str:
    return guide.flow.state.memory.server


def _use_server(_preferences: bpy.types.AddonPreferences, address: str) -> None:
    guide.flow.error = None
    try:
        guide.flow.state.use_server(address)
    except FaceLiftError as error:
        # A field can't refuse: the setup's error box tells.
        guide.flow.error = error


def _token(_preferences: bpy.types.AddonPreferences) -> str:
    return guide.flow.token


def _use_token(_preferences: bpy.types.AddonPreferences, token: str) -> None:
    guide.flow.token = token.strip()


def _pip(_preferences: bpy.types.AddonPreferences) -> bool:
    return guide.flow.state.memory.use_pip


def _use_pip(_preferences: bpy.types.AddonPreferences, wanted: bool) -> None:
    guide.flow.state.use_pip(wanted)


def pip_property():
    """Return the preferences' switch between the installers."""
    return BoolProperty(
        name="Use pip",
        description="Install with Python's own pip instead of uv: slower, but no program that a virus scanner stops",
        get=_pip,
        set=_use_pip,
    )


def server_property():
    """Return the preferences' field for a mirror; the setup keeps what is entered."""
    return StringProperty(
        name="Weights server",
        description="Address of a mirror of the Hugging Face hub. Empty: what HF_ENDPOINT names, or the hub itself",
        get=_server,
        set=_use_server,
    )


def token_property():
    """Return the preferences' field for a token, which lives until Blender is closed and is saved nowhere."""
    return StringProperty(
        name="Token",
        description=(
            "For a server that asks for one; forgotten when Blender is closed. "
            "Empty: what HF_TOKEN holds, or the login of the hub's own program on this computer"
        ),
        subtype="PASSWORD",
        get=_token,
        set=_use_token,
    )


CLASSES = (FACELIFT_OT_setup_build,)
