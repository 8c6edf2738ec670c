"""From a photo to the conditioning picture: matte, face, alignment (FaceLift specification, section 3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...errors import PhotoError
from ...photo.alignment import ALIGNED_SIZE, Alignment, reference_box
from ...photo.background_removal import remove_background
from ...photo.decode import Photo
from ...photo.edits import Crop
from ...photo.findings import findings_of, pose_of
from ...photo.landmarks import Landmarks
from ...photo.mtcnn import choose_face, detect_faces
from ...photo.prepare import NO_FACE_ADVICE, face_in_crop, find_faces_for, is_cut_out
from ...photo.sides import side_of
from ...photo.types import FaceBox, PreparedPhoto
from ...progress import Reporter
from ...system import blocks
from ...system.pictures import png_bytes
from ..capture import Shot
from ..shot_options import ShotOptions
from .pictures import over_white, resized


@dataclass(frozen=True, eq=False)
class Preparation:
    """A photo ready for the models.

    Attributes:
        prepared: What user interfaces show.
        picture: [512, 512, 3] uint8 RGB over white. It is composited before it is resampled, as in
            the reference, so its soft edges are not exactly those of ``prepared.aligned`` over white.
        alignment: How the photo's pixels map to the picture's.
        landmarks: The used face's, in the photo's pixels; None where none was found.
    """

    prepared: PreparedPhoto
    picture: np.ndarray
    alignment: Alignment
    landmarks: Landmarks | None


def prepare(shot: Shot[Photo], reporter: Reporter) -> Preparation:
    """Matte and align a photo. One that is aligned already is only brought to 512 x 512, whatever its crop.

    Raises:
        PhotoError: no usable face.
        Cancelled: cancelled through the reporter.
    """
    finding, separating = reporter.parts(1, 1)
    finding.stage("Finding the face")
    photo, options = shot.photo, shot.options
    rgb = over_white(photo.rgba)
    crop = None if options.aligned else shot.edits.crop
    found = find_faces_for(rgb, crop)
    wanted = _wanted_face(found, options, crop, (rgb.shape[1], rgb.shape[0]))
    separating.stage("Separating the person from the background")
    rgba, notes = with_matte(photo, rgb, *_face_and_others(found, wanted))
    faces = tuple(box for box, _ in found)
    if shot.edits.matte:
        rgba = np.dstack([rgba[..., :3], shot.edits.apply_matte(rgba[..., 3])])
    used: Crop | None = None
    size = (rgb.shape[1], rgb.shape[0])
    if options.aligned:
        alignment = Alignment.stretched(size)
        aligned = resized(rgba, ALIGNED_SIZE)
        picture = over_white(aligned)
    else:
        if crop is None and options.face is None and len(faces) > 1:
            notes = (*notes, f"{len(faces)} faces were found; the largest is used.")
        box = _reference_box(rgba, found[wanted or 0][1]) if crop is None else crop.box(size)
        used = crop or Crop.of_box(size, box)
        alignment = _alignment(size, box)
        picture, aligned = _aligned(rgba, alignment)
    others = tuple(face for place, face in enumerate(faces) if place != wanted)
    judged = () if wanted is None else (found[wanted][1], reference_box(found[wanted][1]), others)
    prepared = PreparedPhoto(
        aligned,
        faces,
        wanted or 0,
        (*photo.notes, *notes),
        findings_of(rgb, rgba[..., 3], *judged) if judged else (),
        None if used is None else (used.x, used.y, used.size),
        rgb,
        rgba[..., 3],
        side_of(pose_of(found[wanted][1])[0]) if wanted is not None else "",
    )
    for kind, png in zip(("crop", "matte"), blocks.each(png_bytes, (picture, aligned)), strict=True):
        reporter.preview(kind, png)
    reporter.step()
    return Preparation(prepared, picture, alignment, None if wanted is None else found[wanted][1])


def _wanted_face(
    found: list[tuple[FaceBox, Landmarks]],
    options: ShotOptions,
    crop: Crop | None,
    photo_size: tuple[int, int],
) -> int | None:
    """Return the index of the face to use; None where there is none and none is needed.

    Raises:
        PhotoError: there is no such face.
    """
    if crop is not None:
        # A picture of any part of the photo can be made into a head, even where the detectors see no face.
        return face_in_crop(found, crop, photo_size)
    if not found and options.aligned:
        return None
    if not found:
        raise PhotoError("No face was found in the photo.", NO_FACE_ADVICE, code="no-face")
    face = options.face or 0
    if face >= len(found):
        raise PhotoError(
            f"There is no face number {face + 1}: the photo shows {len(found)}.",
            "Choose one of the faces found.",
            code="no-such-face",
            faces=len(found),
        )
    return face


def _face_and_others(
    found: list[tuple[FaceBox, Landmarks]], wanted: int | None
) -> tuple[Landmarks | None, list[Landmarks]]:
    faces = [landmarks for _, landmarks in found]
    return (None, []) if wanted is None else (faces.pop(wanted), faces)


def with_matte(
    photo: Photo, rgb: np.ndarray, landmarks: Landmarks | None, others: Sequence[Landmarks] = ()
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the photo [H, W, 4] uint8 with the person's matte as alpha, and notes for the user.

    Args:
        photo: The photo; where its own transparency cuts something out, that is the matte.
        rgb: [H, W, 3] uint8, the photo over white.
        landmarks: The person's face, or None without one.
        others: The photo's other faces.
    """
    if is_cut_out(photo):
        return photo.rgba, ()
    return remove_background(rgb, landmarks, others)


def _reference_box(rgba: np.ndarray, landmarks: Landmarks) -> FaceBox:
    """Return the reference's detector's box on the person over white; where it sees no face, an estimate."""
    try:
        faces = detect_faces(over_white(rgba))
        return faces[choose_face(faces)]
    except PhotoError:
        return reference_box(landmarks)


def _alignment(size: tuple[int, int], box: FaceBox) -> Alignment:
    """Return the alignment of a face in a photo of a size (width, height).

    Raises:
        PhotoError: the face lies outside the photo.
    """
    try:
        return Alignment.from_box(size, box)
    except ValueError as error:
        raise PhotoError("The face lies at the very edge of the photo.", NO_FACE_ADVICE, code="no-face") from error


def _aligned(rgba: np.ndarray, alignment: Alignment) -> tuple[np.ndarray, np.ndarray]:
    """Return the aligned conditioning picture [512, 512, 3] and the aligned matte picture [512, 512, 4]."""
    composited = over_white(rgba)
    pictures = ((composited, 255), (np.ascontiguousarray(rgba[..., :3]), 255), (np.ascontiguousarray(rgba[..., 3]), 0))
    picture, colors, alpha = blocks.each(lambda one: alignment.apply(*one), pictures)
    return picture, np.dstack([colors, alpha])


def view_sheet(views: np.ndarray) -> np.ndarray:
    """Return views [V, H, W, 3] side by side [H, V * W, 3]."""
    return np.concatenate(list(views), axis=1)
