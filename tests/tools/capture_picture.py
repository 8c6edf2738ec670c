"""Makes README's moving picture of face capture: ``python -m tests.tools.capture_picture OUT.webp``.

Left is a clip of the astronaut's head with known expressions, right her avatar, moved by what was captured, seen from
elsewhere.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from core.avatar.binding import rest_mesh
from core.avatar.deformation import deform
from core.avatar.gaps import openings
from core.avatar.joints import HEAD, NECK, find_joints
from core.avatar.skinning import bone_weights, posed
from core.avatar.turns import divided, to_turns
from core.cameras import Camera
from core.performance.capturing import capture
from core.performance.faces import face_of
from core.performance.types import CaptureOptions
from core.progress import Reporter
from core.rasterize.cpu import render
from core.video.clip import open_clip
from tests.helpers.avatar import astronaut_base, bound_astronaut
from tests.helpers.performances import FPS, Performance, quick
from tests.helpers.truth import ARKIT_AXES
from tests.tools.truth_clip import BACKDROP, FACE, NECK_SHARE, TruthHead, camera_of, film, write_video

EVERY, SIDE, QUALITY = 2, 280, 60
"""Of the frames shown; pixels of a picture; of WebP."""
AZIMUTH = 30.0
"""Degrees to the side from which the avatar is seen."""


def main() -> None:
    """Film, capture, move, write."""
    head, performance = TruthHead(bound_astronaut(), astronaut_base()), quick()
    performance = Performance(performance.values[::EVERY], performance.turns[::EVERY])
    base = head.base
    with TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.mp4"
        camera = camera_of(base).resized(640)
        write_video(clip, film(head, performance, camera)[0], (camera.width, camera.height), FPS // EVERY)
        found = capture(clip, face_of(base), CaptureOptions(), Reporter())
        with open_clip(clip) as opened:
            shown = [frame.rgb for frame in opened.frames()]
    joints, rest, recording = find_joints(base), rest_mesh(base), found.recording.centered()
    weights, axes = bone_weights(joints), base.pose.rotation @ ARKIT_AXES.T
    lower, upper = (
        Rotation.from_matrix(axes @ to_turns(turns).as_matrix() @ axes.T)
        for turns in divided(recording.rotations["head"], NECK_SHARE)
    )
    matrix = np.eye(4)
    matrix[:3, 3] = base.pose.apply(np.array(FACE))
    focal = camera.fx * SIDE / camera.height
    aimed = Camera.orbit(270 + AZIMUTH, 3.0, radius=0.66 * base.pose.scale).moved(matrix)
    beside = Camera(SIDE, SIDE, focal, focal, SIDE / 2, SIDE / 2, aimed.c2w)
    pictures = []
    for moment, frame in enumerate(found.frames):
        turns = {NECK: lower[moment].as_rotvec(), HEAD: upper[moment].as_rotvec()}
        vertices = base.vertices(recording.values[moment])
        splats = deform(head.splats, rest, posed(joints, vertices, weights, turns), openings(base, vertices))
        left = (camera.width - camera.height) // 2
        seen = Image.fromarray(shown[frame][:, left : left + camera.height]).resize((SIDE, SIDE))
        pictures.append(Image.fromarray(np.hstack([np.asarray(seen), render(splats, beside, BACKDROP).to_uint8()])))
    pictures[0].save(
        sys.argv[1], save_all=True, append_images=pictures[1:], duration=1000 * EVERY // FPS, loop=0, quality=QUALITY
    )


if __name__ == "__main__":
    main()
