"""From a photo to the conditioning picture: matte, face, alignment (FaceLift specification, section 3)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ... import blocks
from ...errors import PhotoError
from ...photo.alignment import ALIGNED_SIZE, Alignment, reference_box
from ...photo.background_removal import remove_background
from ...photo.decode import Photo
from ...photo.landmarks import Landmarks
from ...photo.mtcnn import choose_face, detect_faces
from ...photo.prepare import CUT_OUT_SHARE, NO_FACE_ADVICE, find_faces
from ...photo.types import FaceBox, PreparedPhoto
from ...pictures import png_bytes
from ...progress import Reporter
from .pictures import over_white, resized
from .settings import FaceLiftSettings


@dataclass(frozen=True, eq=False)
class Preparation:
    """A photo ready for the models.

    Attributes:
        prepared: What user interfaces show.
        picture: [512, 512, 3] uint8 RGB over white. It is composited before it is resampled, as in
            the reference, so its soft edges are not exactly those of ``prepared.aligned`` over white.
    """

    prepared: PreparedPhoto
    picture: np.ndarray


def prepare(photo: Photo, settings: FaceLiftSettings, reporter: Reporter) -> Preparation:
    """Matte and align a photo.

    Raises:
        PhotoError: no usable face.
        Cancelled: cancelled through the reporter.
    """
    reporter.stage("Finding the face", share=0.01)
    rgb = over_white(photo.rgba)
    found = find_faces(rgb)
    wanted = _wanted_face(found, settings)
    reporter.stage("Separating the person from the background", share=0.01)
    rgba, notes = with_matte(photo, rgb, None if wanted is None else found[wanted][1])
    faces = tuple(box for box, _ in found)
    if settings.auto_crop:
        if settings.face == 0 and len(faces) > 1:
            notes = (*notes, f"{len(faces)} faces were found; the largest is used.")
        picture, aligned = _aligned(rgba, reference_box(found[wanted][1]))
    else:
        aligned = resized(rgba, ALIGNED_SIZE)
        picture = over_white(aligned)
    prepared = PreparedPhoto(aligned, faces, wanted or 0, (*photo.notes, *notes))
    for kind, png in zip(("crop", "matte"), blocks.each(png_bytes, (picture, aligned)), strict=True):
        reporter.preview(kind, png)
    reporter.step()
    return Preparation(prepared, picture)


def _wanted_face(found: list[tuple[FaceBox, Landmarks]], settings: FaceLiftSettings) -> int | None:
    """Return the index of the face to use; None where there is none and none is needed.

    Raises:
        PhotoError: there is no such face.
    """
    if not found and not settings.auto_crop:
        return None
    if not found:
        raise PhotoError("No face was found in the photo.", NO_FACE_ADVICE, code="no-face")
    if settings.face >= len(found):
        raise PhotoError(
            f"There is no face number {settings.face + 1}: the photo shows {len(found)}.",
            "Choose one of the faces found.",
            code="no-such-face",
            faces=len(found),
        )
    return settings.face


def with_matte(photo: Photo, rgb: np.ndarray, landmarks: Landmarks | None) -> tuple[np.ndarray, tuple[str, ...]]:
    """Return the photo [H, W, 4] uint8 with the person's matte as alpha, and notes for the user.

    Args:
        photo: The photo; where its own transparency cuts something out, that is the matte.
        rgb: [H, W, 3] uint8, the photo over white.
        landmarks: The person's face, or None without one.
    """
    if is_cut_out(photo):
        return photo.rgba, ()
    return remove_background(rgb, landmarks)


def is_cut_out(photo: Photo) -> bool:
    """Return whether the photo brings its own matte; a few transparent pixels are rounded corners and the like."""
    return photo.has_alpha and (photo.rgba[..., 3] < 128).mean() > CUT_OUT_SHARE


def _aligned(rgba: np.ndarray, estimated: FaceBox) -> tuple[np.ndarray, np.ndarray]:
    """Return the aligned conditioning picture [512, 512, 3] and the aligned matte picture [512, 512, 4].

    The box is the reference's detector's on the person over white; where that is not sure of any
    face, the estimate from the landmarks.

    Raises:
        PhotoError: the face lies outside the photo.
    """
    composited = over_white(rgba)
    try:
        faces = detect_faces(composited)
        box = faces[choose_face(faces)]
    except PhotoError:
        box = estimated
    height, width = rgba.shape[:2]
    try:
        alignment = Alignment.from_box((width, height), box)
    except ValueError as error:
        raise PhotoError("The face lies at the very edge of the photo.", NO_FACE_ADVICE, code="no-face") from error
    pictures = ((composited, 255), (np.ascontiguousarray(rgba[..., :3]), 255), (np.ascontiguousarray(rgba[..., 3]), 0))
    picture, colors, alpha = blocks.each(lambda one: alignment.apply(*one), pictures)
    return picture, np.dstack([colors, alpha])


def view_sheet(views: np.ndarray) -> np.ndarray:
    """Return views [V, H, W, 3] side by side [H, V * W, 3]."""
    return np.concatenate(list(views), axis=1)
