"""What in a photo will not come out well in the head, told before it is made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage
from scipy.spatial import ConvexHull

from .edits import Crop
from .landmarks import LEFT_EYE_OUTER, RIGHT_EYE_OUTER, Landmarks
from .sampling import Square, sample_square
from .types import FaceBox, Finding

FOREHEAD, CHIN = 10, 152
"""Middle of the face mesh's upper and lower border."""
MOST_TURN, MOST_NOD = 30.0, 20.0
"""Degrees by which a face may look aside, and up or down, before one side of it is guessed."""
FACE_MESH_NOD = 8.0
"""Degrees by which the mesh's line from forehead to chin leans in a face that looks straight ahead. Measured on
portraits and a scan."""
SOFT_FACE_SIZE = 90.0
"""Face size in pixels below which the result will look soft; see :class:`~core.photo.types.FaceBox`."""
EYES = (33, 133, 159, 145, 263, 362, 386, 374)
"""Corners and lids of both eyes, four points each."""
BROWS = (46, 52, 55, 63, 70, 105, 107, 276, 282, 285, 293, 300, 334, 336)
"""Seven points of each eyebrow."""
NOSE_BASE = 2
LEAST_PIXELS = 20
"""Of a part of the face in the patch, to say something of its brightness."""
PATCH_SIZE = 192
"""Side in pixels of the square around the face in which light, sharpness and hair are measured."""
PATCH_SIDE = 1.15
"""Side of that square in sizes of the face (largest extent of the landmarks)."""
DARK, BRIGHT = 40, 225
"""Median brightness of a face, 0..255, beyond which it is too dark or too bright to have much drawing."""
CLIPPED, MOST_CLIPPED = 252, 0.15
"""Brightness from which nothing is drawn any more, and the share of the face that may have it."""
LEAST_DETAIL = 0.018
"""Standard deviation of detail of one to three pixels over the face's brightness at :data:`PATCH_SIZE`."""
STRAND_WIDTH, STRAND_DEPTH, STRAND_SHARE = 13, 0.3, 0.12
"""Hair before the face: dark lines up to so many pixels wide, so much darker than beside them (natural logarithm), on
more than this share of the skin. Measured: wrinkles and glasses up to 0.07, fifteen drawn strands 0.15 and more."""
FRINGE_DEPTH = 0.55
"""How much darker than the cheek below (natural logarithm) the forehead is where a fringe covers it. Measured: up to
0.4 under hair that shades it, 0.6 and more under a fringe."""
CUT_WIDTH = 0.3
"""Width of the person at the photo's border, in face widths, from which the head counts as cut there."""
NEIGHBOR_DISTANCE = 0.9
"""Distance between two faces in sides of the crop, from which on the other one stays out of the head."""


def findings_of(
    rgb: np.ndarray, matte: np.ndarray, landmarks: Landmarks, box: FaceBox, others: tuple[FaceBox, ...]
) -> tuple[Finding, ...]:
    """Return what will suffer, worst first.

    Args:
        rgb: [H, W, 3] uint8 sRGB, the photo.
        matte: [H, W] uint8, the person's matte.
        landmarks: The used face's, in pixels of the photo.
        box: The used face as the alignment takes it.
        others: The other faces in the photo.
    """
    face = face_of(rgb, landmarks)
    checks = (
        _turned(landmarks),
        _covered(face),
        _cut(matte, landmarks),
        _other_people(rgb.shape[1::-1], box, others),
        _small(box) or _blurred(face),
        _light(face),
    )
    return tuple(finding for finding in checks if finding is not None)


def pose_of(landmarks: Landmarks) -> tuple[float, float]:
    """Return (yaw, pitch) of a face in degrees: positive to the picture's right, and down."""
    points = landmarks.points.astype(np.float64)
    across = points[LEFT_EYE_OUTER] - points[RIGHT_EYE_OUTER]
    down = points[CHIN] - points[FOREHEAD]
    # The axis out of the face; picture coordinates have y down, and z away from the camera.
    forward = np.cross(down, across)
    forward /= np.linalg.norm(forward)
    yaw = np.degrees(np.arctan2(forward[0], -forward[2]))
    pitch = np.degrees(np.arcsin(np.clip(forward[1], -1, 1)))
    return float(yaw), float(pitch)


@dataclass(frozen=True, eq=False)
class _Face:
    """A face as it is measured here.

    Attributes:
        patch: [S, S, 3] uint8, the face upright.
        skin: [S, S] bool, where its skin lies, without eyes, brows and what may be a beard.
        places: [468, 2] landmarks in pixels of the patch.
    """

    patch: np.ndarray
    skin: np.ndarray
    places: np.ndarray

    @property
    def brightness(self) -> np.ndarray:
        """[S, S] natural logarithm of brightness, finest noise smoothed."""
        return ndimage.gaussian_filter(np.log(self.patch.astype(np.float64).mean(axis=2) + 6), 0.7)


def face_of(rgb: np.ndarray, landmarks: Landmarks) -> _Face:
    """Return a face as this module measures it.

    Args:
        rgb: [H, W, 3] uint8 sRGB.
        landmarks: In pixels of ``rgb``.
    """
    points = landmarks.points[:, :2].astype(np.float64)
    axes = Square(0, 0, 1, landmarks.roll).matrix()[:, :2]
    upright = points @ axes
    low, high = upright.min(axis=0), upright.max(axis=0)
    side = float((high - low).max()) * PATCH_SIDE
    center = axes @ ((low + high) / 2)
    patch = sample_square(rgb, Square(float(center[0]), float(center[1]), side, landmarks.roll), PATCH_SIZE)
    places = (upright - (low + high) / 2) / side * PATCH_SIZE + PATCH_SIZE / 2
    mask = Image.new("1", (PATCH_SIZE, PATCH_SIZE))
    draw = ImageDraw.Draw(mask)
    _polygon(draw, places, 0.85, 1)
    for group in (EYES[:4], EYES[4:], BROWS[:7], BROWS[7:]):
        _polygon(draw, places[list(group)], 1.5, 0)
    skin = np.asarray(mask).copy()
    # Below the nose there may be a beard.
    skin[max(0, int(places[NOSE_BASE, 1])) :] = False
    return _Face(patch, skin, places)


def _polygon(draw: ImageDraw.ImageDraw, corners: np.ndarray, scale: float, fill: int) -> None:
    """Fill what points enclose, scaled about its middle."""
    corners = corners[ConvexHull(corners).vertices]
    middle = corners.mean(axis=0)
    draw.polygon([tuple(corner) for corner in (middle + (corners - middle) * scale).tolist()], fill=fill)


def _turned(landmarks: Landmarks) -> Finding | None:
    yaw, pitch = pose_of(landmarks)
    pitch -= FACE_MESH_NOD
    if abs(yaw) > MOST_TURN:
        return Finding(
            "turned",
            f"The face is turned aside by {abs(yaw):.0f} degrees.",
            "Its far side, with the ear, is guessed.",
        )
    if abs(pitch) > MOST_NOD:
        way, unseen = ("down", "chin and neck are") if pitch > 0 else ("up", "the forehead and the crown are")
        return Finding(
            "nodding", f"The face looks {way} by {abs(pitch):.0f} degrees.", f"What it hides, {unseen} guessed."
        )
    return None


def _covered(face: _Face) -> Finding | None:
    if strand_share(face) <= STRAND_SHARE and fringe_depth(face) <= FRINGE_DEPTH:
        return None
    return Finding(
        "face-covered",
        "Hair or something else lies before the face.",
        "It becomes part of the skin, and shows when the head turns.",
    )


def strand_share(face: _Face) -> float:
    """Return the share of the skin on which narrow dark lines lie: a closing along the rows fills them."""
    closed = ndimage.grey_closing(face.brightness, (1, STRAND_WIDTH))
    inner = ndimage.binary_erosion(face.skin, iterations=3)
    return float(((closed - face.brightness) > STRAND_DEPTH)[inner].mean()) if inner.any() else 0.0


def fringe_depth(face: _Face) -> float:
    """Return how much darker the forehead is than the cheek below it, on the side where it is more so."""
    rows, columns = np.indices(face.skin.shape)
    brow, eye = face.places[list(BROWS), 1].min() - 2, face.places[list(EYES), 1].max() + 3
    depths = [0.0]
    for half in (columns < face.places[NOSE_BASE, 0], columns >= face.places[NOSE_BASE, 0]):
        forehead, cheek = face.skin & half & (rows < brow), face.skin & half & (rows > eye)
        if min(forehead.sum(), cheek.sum()) >= LEAST_PIXELS:
            depths.append(float(np.median(face.brightness[cheek]) - np.median(face.brightness[forehead])))
    return max(depths)


def _cut(matte: np.ndarray, landmarks: Landmarks) -> Finding | None:
    height, width = matte.shape
    low, high = landmarks.points[:, :2].min(axis=0), landmarks.points[:, :2].max(axis=0)
    face = float((high - low)[0])
    if low[0] < -0.02 * width or low[1] < -0.02 * height or (high > (1.02 * width, 1.02 * height)).any():
        return Finding("face-cut", "The photo cuts the face off.", "What is missing of it is guessed.")
    if (matte[:2].max(axis=0) > 127).sum() > CUT_WIDTH * face:
        return Finding("skull-cut", "The photo cuts the top of the head off.", "The crown is guessed, and may be flat.")
    beside = slice(max(0, int(low[1])), max(1, int(high[1])))
    if max((matte[beside, edge] > 127).mean() for edge in (0, -1)) > CUT_WIDTH:
        return Finding("side-cut", "The photo cuts the side of the head off.", "Hair and ear there are guessed.")
    return None


def _other_people(photo_size: tuple[int, int], box: FaceBox, others: tuple[FaceBox, ...]) -> Finding | None:
    side = Crop.of_box(photo_size, box).square(photo_size)[2]
    for other in others:
        away = np.hypot(*np.subtract(other.center, box.center))
        if away - other.size / 2 < NEIGHBOR_DISTANCE * side and other.size > box.size / 4:
            return Finding(
                "two-people",
                "Someone else is close to this face.",
                "Parts of them may stick to the head: remove them from the matte.",
            )
    return None


def _small(box: FaceBox) -> Finding | None:
    if box.size >= SOFT_FACE_SIZE:
        return None
    return Finding("low-resolution", soft_note(box), "Skin, eyes and hair have no detail.")


def soft_note(box: FaceBox) -> str:
    """Return the sentence on a small face."""
    return f"The face is only {box.size:.0f} pixels wide, so the head will look soft."


def _blurred(face: _Face) -> Finding | None:
    if detail_of(face) >= LEAST_DETAIL:
        return None
    return Finding("blurred", "The face is not sharp.", "Skin, eyes and hair have little detail.")


def detail_of(face: _Face) -> float:
    """Return how much fine detail a face has: the deviation of details of one to three pixels over its brightness."""
    grey = face.patch.astype(np.float64).mean(axis=2)
    fine = ndimage.gaussian_filter(grey, 0.7) - ndimage.gaussian_filter(grey, 2.0)
    around = ndimage.binary_dilation(face.skin, iterations=12)
    return float(fine[around].std() / max(grey[around].mean(), 1.0)) if around.any() else np.inf


def _light(face: _Face) -> Finding | None:
    if not face.skin.any():
        return None
    skin = face.patch[face.skin]
    brightness = float(np.median(skin.astype(np.float64).mean(axis=1)))
    if brightness < DARK:
        return Finding("dark", "The face is very dark.", "Color and drawing of the skin are noisy or missing.")
    if brightness > BRIGHT or (skin.min(axis=1) >= CLIPPED).mean() > MOST_CLIPPED:
        return Finding("bright", "Parts of the face are overexposed.", "They become flat and white.")
    return None
