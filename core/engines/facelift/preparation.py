"""From a photo to the conditioning picture: matte, face, alignment (FaceLift specification, section 3)."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ...errors import SettingsError
from ...photo.alignment import ALIGNED_SIZE, Alignment
from ...photo.decode import Photo
from ...photo.mtcnn import choose_face, detect_faces
from ...photo.types import PreparedPhoto
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
        SettingsError: the chosen face does not exist.
        Cancelled: cancelled through the reporter.
    """
    reporter.stage("Finding the face", share=0.02)
    rgba = with_matte(photo)
    reporter.check()
    preparation = _aligned(rgba, settings, photo.notes) if settings.auto_crop else _whole(rgba, photo.notes)
    reporter.preview("crop", png(preparation.prepared.aligned))
    reporter.step()
    return preparation


def with_matte(photo: Photo) -> np.ndarray:
    """Return the photo [H, W, 4] uint8 with the person's matte as alpha; its own transparency stays."""
    return photo.rgba


def _aligned(rgba: np.ndarray, settings: FaceLiftSettings, notes: tuple[str, ...]) -> Preparation:
    composited = over_white(rgba)
    faces = detect_faces(composited)
    index = choose_face(faces)
    if settings.face:
        if settings.face >= len(faces):
            raise SettingsError(
                f"Face {settings.face} was chosen, but the photo has {len(faces)}.",
                "Choose a smaller number, 0 is the largest.",
            )
        index = settings.face
    elif len(faces) > 1:
        notes = (*notes, f"{len(faces)} faces were found; the largest sure one is used.")
    height, width = rgba.shape[:2]
    alignment = Alignment.from_box((width, height), faces[index])
    alpha = alignment.apply(np.ascontiguousarray(rgba[..., 3]), fill=0)
    picture = alignment.apply(composited)
    straight = np.dstack([alignment.apply(np.ascontiguousarray(rgba[..., :3])), alpha])
    return Preparation(PreparedPhoto(straight, tuple(faces), index, notes), picture)


def _whole(rgba: np.ndarray, notes: tuple[str, ...]) -> Preparation:
    square = resized(rgba, ALIGNED_SIZE)
    return Preparation(PreparedPhoto(square, (), 0, notes), over_white(square))


def png(picture: np.ndarray) -> bytes:
    """Return a picture [H, W, 3 or 4] uint8 as PNG."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, "PNG")
    return stream.getvalue()


def view_sheet(views: np.ndarray) -> np.ndarray:
    """Return views [V, H, W, 3] side by side [H, V * W, 3]."""
    return np.concatenate(list(views), axis=1)
