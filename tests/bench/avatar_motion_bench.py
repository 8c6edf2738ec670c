"""What moves the base mesh: joints, rig, a long recording. Processor time, through the installed zip."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.avatar.joints import JAW, find_joints
from core.avatar.recording import load_recording
from core.avatar.skinning import bone_weights, posed
from tests.bench.report import Measurement, print_table
from tests.helpers import addon as addon_helpers
from tests.helpers.avatar import add_head_with_mesh, astronaut_base
from tests.helpers.recording import live_link_face

MINUTES = 10


def main() -> None:
    """Measure and print."""
    import bpy

    with tempfile.TemporaryDirectory() as folder:
        extension = addon_helpers.install(Path(folder))
        bpy.ops.wm.read_homefile(use_empty=True)
        add_head_with_mesh(extension)
        measurements = [*_jaw(), *_blender(extension, Path(folder))]
    print_table(f"Moving the base mesh in Blender {bpy.app.version_string}", measurements)


def _processor(function: Callable[[], object]) -> float:
    """Return the least processor time of a few runs, in seconds."""
    times = []
    for _ in range(3):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def _jaw() -> list[Measurement]:
    """How far bone and expression, each alone, open the mouth differently."""
    base = astronaut_base()
    joints = find_joints(base)
    weights = bone_weights(joints)
    bone = posed(joints, base.neutral, weights, {JAW: joints.jaw_turn})
    moves = base.expressions[base.model.expression_names.index("jawOpen")]
    apart, moved = (1e3 / base.pose.scale * np.linalg.norm(v, axis=1) for v in (bone - base.neutral - moves, moves))
    return [
        Measurement("joints and weights", _processor(lambda: bone_weights(find_joints(base))), "s"),
        Measurement("jaw bone against jawOpen, mean of what moves over 1 mm", apart[moved > 1].mean(), "mm"),
        Measurement("the same, 99th percentile", float(np.percentile(apart[moved > 1], 99)), "mm"),
        Measurement("jawOpen itself, largest move", moved.max(), "mm"),
    ]


def _blender(extension: addon_helpers.Extension, folder: Path) -> list[Measurement]:
    """The buttons."""
    import bpy

    mesh = bpy.context.active_object.name
    rig = _processor(bpy.ops.facelift.add_rig)
    random = np.random.default_rng(0)
    take = folder / "take.csv"
    count = MINUTES * 60 * 60
    take.write_bytes(live_link_face(random.uniform(size=(count, 52)), random.uniform(-0.3, 0.3, (count, 9))))
    performances = extension.module("facelift_addon.avatar.performances")
    recording = load_recording(take)

    def import_at(fps: int, keys: str) -> float:
        bpy.context.scene.render.fps = fps
        taken = performances.Take("take", recording)
        return _processor(lambda: performances.add_take(taken, mesh, {"keys": keys}))

    length = f"{MINUTES} minutes at 60 a second"
    return [
        Measurement("Add Rig", rig, "s"),
        Measurement(f"{length}: reading, in a thread", _processor(lambda: load_recording(take)), "s"),
        Measurement(f"{length}: keyframes at 24 a second", import_at(24, "FRAMES"), "s"),
        Measurement(f"{length}: every recorded moment", import_at(60, "RECORDED"), "s"),
    ]


if __name__ == "__main__":
    main()
