"""What every operator that takes a clip asks for: the file, and the part of it."""

from __future__ import annotations

from pathlib import Path

import bpy
from bpy.props import CollectionProperty, FloatProperty, IntProperty, StringProperty
from bpy_extras.io_utils import ImportHelper

from ...core.errors import FaceLiftError
from ...core.video.clip import PICTURE_SUFFIXES, VIDEO_SUFFIXES
from .. import paths
from ..identity import user_folder

DROPPED = ";".join(VIDEO_SUFFIXES)
"""Suffixes of files that are taken for videos when they are dropped."""


def folder_for(clip: Path, what: str) -> Path:
    """Return where what is made of a clip is kept: beside the .blend file, or with the user's files until it is saved.

    Args:
        clip: Path of the clip, by whose name the folder is called.
        what: What is kept there.
    """
    base = Path(bpy.data.filepath).parent if bpy.data.filepath else user_folder(what)
    return base / f"{clip.stem} {what}"


class TakesClip(ImportHelper):
    """Mix-in of operators that take a video, or a picture of a numbered sequence."""

    filter_glob: StringProperty(
        default=";".join(f"*{suffix}" for suffix in (*VIDEO_SUFFIXES, *PICTURE_SUFFIXES)), options={"HIDDEN"}
    )
    filepath: StringProperty(subtype="FILE_PATH", options={"SKIP_SAVE", "HIDDEN"})
    # Blender's popup for dropped files asks for these.
    directory: StringProperty(subtype="DIR_PATH", options={"SKIP_SAVE", "HIDDEN"})
    files: CollectionProperty(type=bpy.types.OperatorFileListElement, options={"SKIP_SAVE", "HIDDEN"})
    clip_start: FloatProperty(
        name="From", description="Second of the clip at which to begin", default=0.0, min=0.0, subtype="TIME_ABSOLUTE"
    )
    clip_end: FloatProperty(
        name="To",
        description="Second at which to end; 0 for the whole clip",
        default=0.0,
        min=0.0,
        subtype="TIME_ABSOLUTE",
    )

    # Who presses a button chooses by picture; this is for scripts.
    person: IntProperty(
        name="Person",
        description="Of several people in the clip, the one to follow: 1 is seen longest and largest. 0 asks, or in a "
        "script follows the largest face",
        default=0,
        min=0,
        options={"HIDDEN", "SKIP_SAVE"},
    )

    def clip_path(self) -> Path:
        """Return the clip's path.

        Raises:
            FaceLiftError: none was chosen, or as of :func:`.paths.absolute`.
        """
        if not self.filepath:
            raise FaceLiftError("No video was chosen.", "Choose a video of a face.", code="none")
        return paths.absolute(self.filepath)

    @property
    def clip_stop(self) -> float:
        """Second at which to end, infinite for the clip's end."""
        return self.clip_end if self.clip_end > 0 else float("inf")
