"""What a further photo shows: a face with landmarks, a profile, the back of a head, or nobody."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from PIL import Image

from ..errors import PhotoError
from ..photo.alignment import Alignment
from ..photo.connected import largest_part
from ..photo.decode import Photo
from ..photo.edits import Crop
from ..photo.faces import detect_faces
from ..photo.findings import pose_of
from ..photo.foreground import cut_out_foreground, estimate_foreground
from ..photo.landmarks import Landmarks
from ..photo.matting import estimate_matte_around
from ..photo.network import load_network
from ..photo.prepare import FoundFaces, find_faces, is_cut_out, over_white, prepare_photo
from ..photo.sampling import Square, sample_square
from ..photo.sides import AUTO, BACK, FRONT, FRONTAL, LEFT, RIGHT, THREE_QUARTER, WITHOUT_FACE
from ..photo.types import FaceBox
from ..progress import Reporter
from .key_points import LEAST_SCORE, LEFT_EAR, RIGHT_EAR, KeyPoints, find_key_points
from .outline import Outline
from .types import Shot

QUICK_LEVELS = 2
"""Of the search for faces: a further photo shows the person about as large as a portrait does."""
MOST_TURN = 62.0
"""Degrees up to which the face mesh network's landmarks hold."""
PROFILE_TURN = 0.4
"""Of the key points' turn, from which they make a profile."""
HEAD_LENGTH, HEAD_WIDTH = 0.195, 0.16
"""Metres from nose bridge to the back, and from side to side, with little hair."""
CROWN = 0.115
"""Metres from the head's centre to the crown."""
FACE_SIZE = 0.155
"""Metres: mean extent of a face's landmarks."""
CROP_METRES = 0.4345
"""What an aligned picture shows at the head's distance."""
BOX_SIZE, EAR_DROP = 0.147, 0.018
"""Metres: mean extent of the detector's box in profile, and how far the ear lies below the head's middle."""
LEAST_COVERED = 0.5
"""Share of the head, where the user placed it, that must be the person's: else that is somebody else, or a shadow."""
LEAST_PERSON = 0.01
"""Share of a photo below which there is nobody in it."""
SEARCH_MARGIN = 0.1
"""Around the photo when somebody is looked for in all of it."""


@dataclass(frozen=True, eq=False)
class Sighting:
    """A further photo, cut out.

    Attributes:
        rgb: [H, W, 3] uint8, the photo.
        matte: [H, W] uint8.
        alignment: To the crop.
        landmarks: In the crop; None where no face looks at the camera.
        points: Key points in the crop, None where none were found.
        side: What it seems to show; "auto" where nothing tells.
        cut_out: [H, W, 3] uint8, the colours under the matte that the photo brings along; None where it brings none.
        aligned: The picture, where it is made already.
    """

    rgb: np.ndarray
    matte: np.ndarray
    alignment: Alignment
    landmarks: Landmarks | None
    points: KeyPoints | None
    side: str
    cut_out: np.ndarray | None = None
    aligned: np.ndarray | None = None

    @cached_property
    def picture(self) -> np.ndarray:
        """[512, 512, 4] uint8 RGBA crop, straight colours."""
        if self.aligned is not None:
            return self.aligned
        estimate = estimate_foreground if self.cut_out is None else cut_out_foreground
        crop = self.alignment.apply(self.rgb if self.cut_out is None else self.cut_out)
        return np.dstack([estimate(crop, self._matte / 255.0), self._matte])

    @property
    def alpha(self) -> np.ndarray:
        """[512, 512] float32, 0..1."""
        return self._matte.astype(np.float32) / 255

    @cached_property
    def _matte(self) -> np.ndarray:
        """[512, 512] uint8."""
        return self.alignment.apply(self.matte, fill=0) if self.aligned is None else self.aligned[..., 3]

    @cached_property
    def outline(self) -> Outline:
        """The matte's outline in the crop."""
        return Outline.of(self.alpha)

    def recropped(self, center: np.ndarray, side: float) -> Sighting:
        """Return the same photo with another crop.

        Args:
            center: [2] of the square in the present crop's pixels.
            side: Its side in the same pixels.
        """
        scale = self.alignment.mean_scale
        place = (center - self.alignment.offset) / self.alignment.scale
        alignment = _alignment(self.rgb, place, side / scale)
        change = alignment.mean_scale / scale
        offset = np.array(alignment.offset) - np.array(self.alignment.offset) * change
        points = None if self.points is None else self.points.mapped(change, (float(offset[0]), float(offset[1])))
        return replace(self, alignment=alignment, points=points, landmarks=None, aligned=None)


def see(shot: Shot, reporter: Reporter) -> Sighting | None:
    """Return what a further photo shows, None where there is nobody.

    Raises:
        PhotoError: a face that was asked for is not there, the painted matte is no picture.
        Cancelled: cancelled through the reporter.
    """
    options, rgb = shot.options, over_white(shot.photo)
    wanted = options.side
    faces = () if wanted == BACK else detect_faces(rgb, QUICK_LEVELS)
    seen = find_faces(rgb, faces)
    if wanted in (FRONT, THREE_QUARTER) or seen:
        found = _with_face(shot, seen or None, reporter)
        if found is not None:
            return found
    reporter.check()
    return _without_face(shot, rgb, faces, reporter)


def see_around(shot: Shot, center: np.ndarray, side: float, head: Callable[[Alignment], np.ndarray]) -> Sighting:
    """Return a square of a photo, and who is in it.

    Where nobody can be told from the background, or somebody beside where the head was placed, the head that was
    placed there is the person.

    Args:
        shot: The photo.
        center: [2] the square's, in the photo's pixels.
        side: Its side there.
        head: Returns where the head is in the picture of an alignment, [512, 512] bool.

    Raises:
        PhotoError: nothing of the photo is there, or nobody in a cut-out; the painted matte is no picture.
    """
    rgb, colors = over_white(shot.photo), _cut_out_colors(shot.photo)
    alignment = _alignment(rgb, center, side)
    if colors is not None:
        matte = shot.photo.rgba[..., 3]
    else:
        matte = np.rint(estimate_matte_around(rgb, center, FACE_SIZE * side / CROP_METRES) * 255).astype(np.uint8)
        placed = head(alignment)
        if placed.any() and (alignment.apply(matte, fill=0)[placed] > 127).mean() < LEAST_COVERED:
            matte = _in_photo(placed, alignment, rgb.shape[:2])
    sighting = Sighting(rgb, shot.edits.apply_matte(matte), alignment, None, None, AUTO, colors)
    if (sighting.alpha > 0.5).mean() < LEAST_PERSON:
        raise PhotoError(
            "Nobody was found where the head was placed in this photo.",
            "Place it on the person, or mend the photo's matte.",
            code="no-person",
        )
    return sighting


def see_whole(photo: Photo) -> Sighting:
    """Return a photo of which nothing is known: all of it, in which the user can say where the head is."""
    rgb = over_white(photo)
    size = (rgb.shape[1], rgb.shape[0])
    alignment = Alignment.from_box(size, Crop.around(size).box(size))
    inside = alignment.apply(np.full(rgb.shape[:2], 255, np.uint8), fill=0)
    picture = np.dstack([alignment.apply(rgb), inside])
    return Sighting(rgb, np.zeros(rgb.shape[:2], np.uint8), alignment, None, None, AUTO, aligned=picture)


def _with_face(shot: Shot, seen: FoundFaces | None, reporter: Reporter) -> Sighting | None:
    """Return a photo with a face that looks about at the camera, None where it does not.

    Args:
        shot: The photo.
        seen: Its faces; None leaves it to a more thorough search.
        reporter: For cancelling.
    """
    options = shot.options
    quiet = Reporter(cancel=reporter.cancel_event)
    try:
        portrait = prepare_photo(shot.photo, options.face, quiet, aligned=options.aligned, edits=shot.edits, faces=seen)
    except PhotoError as error:
        if error.code in WITHOUT_FACE:
            return None
        raise
    turn = pose_of(portrait.landmarks)[0]
    if abs(turn) > MOST_TURN or (options.side in (LEFT, RIGHT) and abs(turn) > MOST_TURN / 2):
        return None
    # The key points only tell where the ear is, which shows in turned heads.
    frontal = abs(turn) <= FRONTAL
    points = None if frontal else _points_in(portrait.rgb, portrait.faces[portrait.face], portrait.alignment)
    return Sighting(
        portrait.rgb,
        portrait.matte,
        portrait.alignment,
        portrait.landmarks,
        points,
        FRONT if frontal else THREE_QUARTER,
        _cut_out_colors(shot.photo),
        portrait.aligned,
    )


def _points_in(rgb: np.ndarray, box: FaceBox, alignment: Alignment) -> KeyPoints | None:
    points = find_key_points(rgb, box.center, box.x1 - box.x0)
    if points.score < LEAST_SCORE:
        return None
    return points.mapped(alignment.mean_scale, alignment.offset)


def _without_face(shot: Shot, rgb: np.ndarray, faces: tuple[FaceBox, ...], reporter: Reporter) -> Sighting | None:
    """Return a profile or the back of a head, None where there is nobody."""
    photo, wanted = shot.photo, shot.options.side
    colors = _cut_out_colors(photo)
    rough = _people(rgb) if colors is None else photo.rgba[..., 3] / np.float32(255)
    points = find_key_points(rgb, faces[0].center, faces[0].x1 - faces[0].x0) if faces else None
    if points is not None and (points.score <= LEAST_SCORE or abs(points.turn) <= PROFILE_TURN):
        points = None
    side = wanted
    if wanted in (AUTO, FRONT, THREE_QUARTER):
        side = AUTO if points is None else RIGHT if points.turn > 0 else LEFT
    elif points is not None and (points.turn > 0) != (side == RIGHT):
        points = None
    across = HEAD_WIDTH if side in (BACK, AUTO) else HEAD_LENGTH
    place = _head_of(rough, across) if points is None else _head_by(points, faces[0])
    if place is None or (rough > 0.5).mean() < LEAST_PERSON:
        return None
    center, scale = place
    crop = shot.edits.crop
    if crop is not None:
        left, top, length = crop.square(rgb.shape[1::-1])
        center, scale = np.array([left + length / 2, top + length / 2]), length / CROP_METRES
    reporter.check()
    if colors is not None:
        matte = photo.rgba[..., 3]
    else:
        matte = np.rint(estimate_matte_around(rgb, center, FACE_SIZE * scale) * 255).astype(np.uint8)
        again = _head_of(matte / np.float32(255), across)
        if again is not None and crop is None and points is None:
            center, scale = again
    matte = shot.edits.apply_matte(matte)
    alignment = _alignment(rgb, center, scale * CROP_METRES)
    if points is not None:
        points = points.mapped(alignment.mean_scale, alignment.offset)
    return Sighting(rgb, matte, alignment, None, points, side, colors)


def _head_by(points: KeyPoints, box: FaceBox) -> tuple[np.ndarray, float]:
    """Return where the middle [2] of a head in profile lies, and pixels per metre."""
    scale = box.size / BOX_SIZE
    ear = points.pixels[RIGHT_EAR if points.turn > 0 else LEFT_EAR]
    return ear - [0, EAR_DROP * scale], scale


def _people(rgb: np.ndarray) -> np.ndarray:
    """Return the probability of "person" [H, W] float32 in a whole photo."""
    height, width = rgb.shape[:2]
    network = load_network("person_segmentation")
    side = max(height, width) * (1 + SEARCH_MARGIN)
    square = Square(width / 2, height / 2, side)
    seen = network(sample_square(rgb, square, network.input_shape[0]) / np.float32(255))["activation_10"][..., 0]
    left, top = (square.x - side / 2), (square.y - side / 2)
    scale = len(seen) / side
    part = Image.fromarray(seen).transform(
        (width, height),
        Image.Transform.AFFINE,
        (scale, 0, -left * scale, 0, scale, -top * scale),
        Image.Resampling.BILINEAR,
    )
    return np.asarray(part)


def _head_of(person: np.ndarray, across: float) -> tuple[np.ndarray, float] | None:
    """Return where a head's middle lies [2] and pixels per metre, of a person's mask [H, W]; None without.

    From the crown down a head widens like a circle: where it is twice as wide as deep, half of it is passed.

    Args:
        person: 0..1.
        across: Metres that a head measures across from that side.
    """
    mask = largest_part(person > 0.5)
    rows = np.flatnonzero(mask.any(1))
    if not len(rows):
        return None
    widths = mask[rows].sum(1)
    depth = np.arange(len(rows)) + 1
    passed = np.flatnonzero((widths <= 2 * depth) & (depth > 4))
    if not len(passed):
        return None
    row = rows[0] + int(passed[0])
    scale = 2.0 * float(depth[passed[0]]) / across
    column = float(np.flatnonzero(mask[row]).mean())
    return np.array([column, rows[0] + CROWN * scale]), scale


def _cut_out_colors(photo: Photo) -> np.ndarray | None:
    """Return the colours [H, W, 3] under the matte that a photo brings along; None where it brings none."""
    return np.ascontiguousarray(photo.rgba[..., :3]) if is_cut_out(photo) else None


def _in_photo(mask: np.ndarray, alignment: Alignment, shape: tuple[int, int]) -> np.ndarray:
    """Return a mask [512, 512] of an aligned picture as a matte [H, W] uint8 of the photo's own pixels."""
    (across, down), (x, y) = alignment.scale, alignment.offset
    picture = Image.fromarray(np.where(mask, np.uint8(255), np.uint8(0)))
    mapping = (across, 0, x, 0, down, y)
    return np.asarray(
        picture.transform(shape[::-1], Image.Transform.AFFINE, mapping, Image.Resampling.BILINEAR, fillcolor=0)
    )


def _alignment(rgb: np.ndarray, center: np.ndarray, side: float) -> Alignment:
    """Return the alignment that takes a square of a photo.

    Raises:
        PhotoError: nothing of the photo is in it.
    """
    size = (rgb.shape[1], rgb.shape[0])
    crop = Crop(float(center[0]) / size[0], float(center[1]) / size[1], side / size[0])
    try:
        return Alignment.from_box(size, crop.box(size))
    except ValueError as error:
        raise PhotoError("The head lies at the very edge of the photo.", code="no-head") from error
