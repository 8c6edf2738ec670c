"""File > Export of splats: the dialog, and the baking of edits and transforms."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, StringProperty
from bpy_extras.io_utils import ExportHelper

from ...core import formats
from ...core.errors import FaceLiftError
from ...core.formats.axes import Axes, Unit
from ...core.formats.registry import Format, Statement
from ...core.progress import Reporter
from .. import paths
from ..editing import targets
from ..interface.explaining import Explained
from ..making import errands
from ..reporting import reported
from ..splats.data import baking, exchange, geometry, heads
from ..splats.data.columns import Column
from .animations import Animation
from .axes import AXES

FORMATS = {kind.id: kind for kind in formats.FORMATS}
DEFAULT_FORMAT = formats.FORMATS[0].id
FILE_GLOB = ";".join(f"*{suffix}" for suffix in formats.writable_suffixes())


def _option_name(kind: Format, name: str) -> str:
    """Return the operator's property for an option of a format."""
    return f"{kind.id}_{name}".replace("-", "_")


def _option_properties() -> dict[str, Any]:
    """Return an EnumProperty for each option of each format, by its name."""
    return {
        _option_name(kind, option.name): EnumProperty(
            name=option.label,
            description=option.doc,
            items=[(str(value), label, "") for value, label in option.choices],
            default=str(option.default),
        )
        for kind in formats.FORMATS
        for option in kind.options
    }


def _on_format_chosen(self, context: bpy.types.Context) -> None:
    """Give the name in the file browser the suffix of the chosen format."""
    kind = FORMATS[self.format]
    self.filepath = exchange.renamed(self.filepath, kind)
    browser = context.space_data
    if isinstance(browser, bpy.types.SpaceFileBrowser) and browser.params is not None:
        browser.params.filename = exchange.renamed(browser.params.filename, kind)


def export_in_background(
    pieces: Sequence[tuple[dict[str, Column], np.ndarray]], path: Path, options: dict[str, Any]
) -> None:
    """Begin to write; parameters as for :func:`exchange.write`."""
    errands.start(
        f"Writing {path.name}…",
        lambda reporter: exchange.write(pieces, path, options, reporter),
        lambda count: f"{count:,} splats exported to {path.name}",
        belongs_to_file=False,
        prominent=True,
    )


class FACELIFT_OT_export_splats(Explained, bpy.types.Operator, ExportHelper):
    """Export splats with their edits and transforms to a file that other splat tools open"""

    bl_idname = "facelift.export_splats"
    bl_label = "Export Splats"
    bl_options = {"PRESET"}

    filter_glob: StringProperty(default=FILE_GLOB, options={"HIDDEN"})
    format: EnumProperty(
        name="Format",
        description="Kind of file; the same as the suffix of its name",
        items=[(kind.id, f"{kind.label} ({kind.suffixes[0]})", "") for kind in formats.FORMATS],
        default=DEFAULT_FORMAT,
        update=_on_format_chosen,
    )
    frame: EnumProperty(
        name="Axes",
        description="Which way is up in the file. Other programs expect Y down; PLY files say it in a comment",
        items=(
            *AXES,
            (
                exchange.HEAD,
                "FaceLift head",
                "As the engine made it: its unit and origin; the object's own transform is left out",
            ),
        ),
    )
    use_animation: BoolProperty(
        name="Animation",
        description="Write one file for each frame of the scene, with its number at the end of the name",
        default=False,
    )
    skip_existing: BoolProperty(
        name="Skip Existing Files",
        description="Leave out frames whose file is there already, to go on with an export that was cancelled",
        default=False,
    )
    use_modifiers: BoolProperty(
        name="Apply Modifiers",
        description="Export what the object's other modifiers make of the splats",
        default=True,
    )

    @property
    def filename_ext(self) -> str:
        """The suffix that ExportHelper gives to the name it proposes."""
        return FORMATS[self.format].suffixes[0]

    @classmethod
    def obstacle(cls, context: bpy.types.Context) -> str:
        """Splats must be selected."""
        return "" if _chosen(context) else "Select a head or imported splats"

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        """Open the file browser, with the name of the first object."""
        if not self.filepath:
            folder = Path(bpy.data.filepath).parent if bpy.data.filepath else Path()
            self.filepath = str(folder / (bpy.path.clean_name(_chosen(context)[0].name) + self.filename_ext))
        return super().invoke(context, event)

    def check(self, _context: bpy.types.Context) -> bool:
        """Keep name and format in step: a typed suffix chooses the format, a missing one is added."""
        before = self.filepath, self.format
        self._settle()
        return (self.filepath, self.format) != before

    def draw(self, _context: bpy.types.Context) -> None:
        """Draw what matters to the chosen format."""
        layout = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        kind = FORMATS[self.format]
        layout.prop(self, "format")
        for option in kind.options:
            layout.prop(self, _option_name(kind, option.name))
        if kind.statement is not Statement.BY_FORMAT:
            layout.prop(self, "frame")
        layout.prop(self, "use_modifiers")
        layout.prop(self, "use_animation")
        if self.use_animation:
            layout.prop(self, "skip_existing")
        if kind.losses:
            box = layout.box().column(align=True)
            box.label(text="Left out by this format:", icon="INFO")
            for loss in kind.losses:
                box.label(text=loss.value, icon="BLANK1")

    @reported
    def execute(self, context: bpy.types.Context) -> set[str]:
        """Write the selected splats into one file; from the interface in the background."""
        kind = self._settle()
        path = paths.absolute(self.filepath)
        options = {
            option.name: self._chosen_option(_option_name(kind, option.name), option.choices) for option in kind.options
        }
        if kind.statement is not Statement.BY_FORMAT:
            is_head = self.frame == exchange.HEAD
            options["axes"] = Axes.Z_UP if is_head else Axes[self.frame]
            options["unit"] = Unit.HEAD if is_head else Unit.METRE
        # The writer of USD finds the library that Blender brings.
        bpy.utils.expose_bundled_modules()
        if self.use_animation:
            return self._write_animation(context, path, kind, options)
        pieces = [_baked(context, target, kind, self.use_modifiers, self.frame) for target in _chosen(context)]
        if self.options.is_invoke:
            export_in_background(pieces, path, options)
        else:
            self.report({"INFO"}, f"{exchange.write(pieces, path, options, Reporter()):,} splats exported")
        return {"FINISHED"}

    def _write_animation(
        self, context: bpy.types.Context, path: Path, kind: Format, options: dict[str, Any]
    ) -> set[str]:
        """Write a file a frame; from the interface in the background, one frame at a time."""
        chosen = [target.name for target in _chosen(context)]
        use_modifiers, frame = self.use_modifiers, self.frame

        def read() -> list[tuple[dict[str, Column], np.ndarray]]:
            found = [bpy.data.objects.get(name) for name in chosen]
            if None in found:
                raise FaceLiftError("The splats are gone.", "Undo, and export again.", code="head-gone")
            return [_baked(bpy.context, target, kind, use_modifiers, frame) for target in found]

        frames = range(context.scene.frame_start, context.scene.frame_end + 1, context.scene.frame_step)
        animation = Animation(context.scene, frames, read, path, options, self.skip_existing)
        if self.options.is_invoke:
            animation.start()
        else:
            self.report({"INFO"}, animation.run())
        return {"FINISHED"}

    def _settle(self) -> Format:
        """Bring name and format into agreement and return the format."""
        kind = exchange.format_named(self.filepath)
        if kind is None:
            kind = FORMATS[self.format]
            self.filepath = exchange.renamed(self.filepath, kind)
        elif kind.id != self.format:
            self.format = kind.id
        return kind

    def _chosen_option(self, name: str, choices: tuple[tuple[Any, str], ...]) -> Any:
        return next(value for value, _ in choices if str(value) == getattr(self, name))


# Not in the class body: there annotations are names only.
FACELIFT_OT_export_splats.__annotations__.update(_option_properties())


def _chosen(context: bpy.types.Context) -> list[bpy.types.Object]:
    """Return the selected splat objects, or the active one."""
    candidates = [*map(targets.splats_of, context.selected_objects), targets.active_splats(context)]
    found = [target for target in candidates if target is not None and target.type == "POINTCLOUD"]
    return list(dict.fromkeys(target for target in found if geometry.is_splats(target.data)))


def _baked(
    context: bpy.types.Context, target: bpy.types.Object, kind: Format, use_modifiers: bool, frame: str
) -> tuple[dict[str, Column], np.ndarray]:
    """Return the attributes of an object's splats in its local space, and the matrix to where they are written."""
    local = baking.evaluated_columns(context, target) if use_modifiers else baking.stored_columns(target)
    if kind.statement is not Statement.BY_FORMAT and frame == exchange.HEAD:
        return local, np.linalg.inv(heads.placement_of(target))
    # The format's writer turns from our frame to the file's.
    return local, np.array(target.matrix_world, np.float64)


CLASSES = (FACELIFT_OT_export_splats,)
