"""Makes clips with known truth of a head of the project's own making: ``clip.mp4`` and ``truth.npz`` in a folder.

``python -m tests.tools.truth_clip FOLDER [--photo PHOTO] [--performance NAME]``: bound splats, moved
by known expressions and turns, unlit, drawn by the reference rasterizer; half a second a frame. Lit heads are rendered
by :mod:`tests.tools.lit_truth_clip`.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from core.avatar.base_mesh import BaseMesh
from core.avatar.binding import bind, rest_mesh
from core.avatar.deformation import deform
from core.avatar.gaps import openings
from core.avatar.joints import HEAD, NECK, find_joints
from core.avatar.skinning import bone_weights, posed
from core.avatar.turns import divided, to_turns
from core.cameras import Camera
from core.engines.draft.engine import DraftEngine
from core.gaussians import Gaussians
from core.photo.decode import decode, from_array
from core.progress import Reporter
from core.rasterize.cpu import render
from tests.helpers import performances
from tests.helpers.performances import FPS, Performance
from tests.helpers.photo import astronaut
from tests.helpers.truth import ARKIT_AXES, Truth, eye_turns, head_turn

SIZE = (1280, 720)
LENS, DISTANCE, ELEVATION = 55.0, 0.62, 3.0
"""A webcam: horizontal angle of view, metres from the face, degrees above it."""
FACE = (0.0, 0.0, -0.03)
"""Metres in the model's frame: what the camera is aimed at."""
BACKDROP = (0.55, 0.57, 0.6)
NECK_SHARE = 0.4
"""Of turns of the head, as where recordings are imported."""
PERFORMANCES = {
    "quick": performances.quick,
    "acting": performances.acting,
    "singles": lambda: performances.singles(6),
}


@dataclass(frozen=True, eq=False)
class TruthHead:
    """A head to move: splats bound to their base mesh."""

    splats: Gaussians
    base: BaseMesh

    @classmethod
    def of_photo(cls, photo: Path | None) -> TruthHead:
        """Return the head of a portrait; the astronaut's if None."""
        taken = from_array(astronaut(), "astronaut.png") if photo is None else decode(photo.read_bytes(), photo.name)
        made = DraftEngine().generate(taken, {}, Reporter())
        base = BaseMesh.from_shape(made.shape)
        return cls(bind(made.gaussians, base), base)


def camera_of(base: BaseMesh, lens: float = LENS, distance: float = DISTANCE, elevation: float = ELEVATION) -> Camera:
    """Return the camera that films a head, in its space."""
    width, height = SIZE
    focal = width / 2 / np.tan(np.radians(lens / 2))
    matrix = np.eye(4)
    matrix[:3, 3] = base.pose.apply(np.array(FACE))
    aimed = Camera.orbit(270, elevation, radius=distance * base.pose.scale).moved(matrix)
    return Camera(width, height, focal, focal, width / 2, height / 2, aimed.c2w)


def film(head: TruthHead, performance: Performance, camera: Camera) -> tuple[Iterator[np.ndarray], Truth]:
    """Return the pictures [H, W, 3] uint8 of a performance, made as they are asked for, and its truth."""
    base = head.base
    joints, rest = find_joints(base), rest_mesh(base)
    weights = bone_weights(joints)
    order = [performances.ARKIT_NAMES.index(name) for name in base.model.expression_names]
    values = performance.values[:, order]
    axes = base.pose.rotation @ ARKIT_AXES.T
    lower, upper = (
        Rotation.from_matrix(axes @ to_turns(angles).as_matrix() @ axes.T)
        for angles in divided(np.radians(performance.turns), NECK_SHARE)
    )
    moved = [_swayed(camera, -base.pose.scale * offset) for offset in performance.sway]

    def pictures() -> Iterator[np.ndarray]:
        for frame, coefficients in enumerate(values):
            turns = {NECK: lower[frame].as_rotvec(), HEAD: upper[frame].as_rotvec()}
            vertices = base.vertices(coefficients)
            now = posed(joints, vertices, weights, turns)
            splats = deform(head.splats, rest, now, openings(base, vertices))
            yield render(splats, moved[frame], BACKDROP).to_uint8()

    seen = [head_turn(turn.as_matrix(), base, at.c2w) for turn, at in zip(lower * upper, moved, strict=True)]
    lens = float(2 * np.degrees(np.arctan(camera.width / 2 / camera.fx)))
    eyes = eye_turns(base, values)
    return pictures(), Truth(performance.times, base.model.expression_names, values, np.array(seen), eyes, lens)


def _swayed(camera: Camera, offset: np.ndarray) -> Camera:
    matrix = np.eye(4)
    matrix[:3, 3] = offset
    return camera.moved(matrix)


def write_video(path: Path, pictures: Iterable[np.ndarray], size: tuple[int, int] = SIZE, fps: int = FPS) -> None:
    """Write pictures [H, W, 3] uint8 of a (width, height) as a video: H.264, its colours as BT.709."""
    import av
    from av.video.reformatter import ColorRange, Colorspace

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": "18"})
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace, stream.codec_context.color_range = Colorspace.ITU709, ColorRange.MPEG
        stream.width, stream.height = size
        for picture in pictures:
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def main() -> None:
    """Make a clip."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--photo", type=Path, help="the astronaut by default")
    parser.add_argument("--performance", choices=PERFORMANCES, default="quick")
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    head = TruthHead.of_photo(options.photo)
    pictures, truth = film(head, PERFORMANCES[options.performance](), camera_of(head.base))
    truth.save(options.folder / "truth.npz")
    write_video(options.folder / "clip.mp4", pictures)
    print(f"{options.folder}: {len(truth.times)} frames", flush=True)


if __name__ == "__main__":
    main()
