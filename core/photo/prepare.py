"""From a decoded photo to an aligned portrait: the whole way in one call."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ..errors import PhotoError
from ..pictures import png_bytes
from ..progress import Reporter
from .alignment import Alignment, reference_box
from .decode import Photo
from .faces import detect_faces
from .foreground import estimate_foreground
from .landmarks import Landmarks, detect_landmarks
from .matting import estimate_matte
from .types import FaceBox, PreparedPhoto

MIN_LANDMARK_SCORE = 0.5
"""Detections whose landmarks are surer than this are faces."""
MIN_FACE_SIZE = 24.0
"""Face size in pixels below which no likeness can come out."""
SOFT_FACE_SIZE = 90.0
"""Face size in pixels below which the result will look soft."""
CUT_OUT_SHARE = 0.05
"""Transparent share of a photo from which its alpha is taken as the matte; less are rounded corners and the like."""
NO_FACE_ADVICE = "Choose a photo that shows one face from the front, large, sharp and well lit."


@dataclass(frozen=True, eq=False)
class Portrait(PreparedPhoto):
    """A prepared photo with everything that was found on the way.

    Attributes:
        landmarks: The used face's landmarks in aligned pixels.
        foreground: [512, 512, 3] uint8, colours of the person without the background's share.
        alignment: How the photo's pixels map to aligned pixels.
    """

    landmarks: Landmarks | None = None
    foreground: np.ndarray | None = None
    alignment: Alignment | None = None

    @property
    def alpha(self) -> np.ndarray:
        """[512, 512] float32 matte, 0..1."""
        return self.aligned[..., 3].astype(np.float32) / 255


def find_faces(rgb: np.ndarray) -> list[tuple[FaceBox, Landmarks]]:
    """Return all faces with their landmarks, largest first; false alarms of the detector are left out.

    Args:
        rgb: [H, W, 3] uint8 sRGB.
    """
    candidates = [(box, detect_landmarks(rgb, box)) for box in detect_faces(rgb)]
    return [(box, landmarks) for box, landmarks in candidates if landmarks.score >= MIN_LANDMARK_SCORE]


def prepare_photo(photo: Photo, face: int | None, reporter: Reporter, *, aligned: bool = False) -> Portrait:
    """Find the face, separate the person from the background, align.

    Args:
        photo: The decoded photo.
        face: Which face to use, counted from 0 in the order of size; None for the largest.
        reporter: Receives the stages and the previews "crop" and "matte".
        aligned: The photo is an aligned portrait already: it is only brought to 512 x 512.

    Returns:
        The prepared photo.

    Raises:
        PhotoError: "no-face", "no-such-face", "face-too-small".
        Cancelled: cancelled through the reporter.
    """
    reporter.stage("Finding the face", share=0.05)
    rgb = _over_white(photo)
    found = find_faces(rgb)
    index, notes = _choose(found, face)
    landmarks = found[index][1]
    box = reference_box(landmarks)
    notes += _judge_size(box)
    size = (rgb.shape[1], rgb.shape[0])
    try:
        alignment = Alignment.stretched(size) if aligned else Alignment.from_box(size, box)
    except ValueError as error:
        raise PhotoError("The face lies at the very edge of the photo.", NO_FACE_ADVICE, code="no-face") from error
    crop = alignment.apply(rgb)
    reporter.preview("crop", png_bytes(crop))

    reporter.stage("Separating the person from the background", share=0.1)
    # The matte is estimated on the photo itself: its pixels beyond the crop tell the colours of the background.
    cut_out = photo.has_alpha and (photo.rgba[..., 3] < 128).mean() > CUT_OUT_SHARE
    matte = photo.rgba[..., 3] if cut_out else np.rint(estimate_matte(rgb, landmarks) * 255).astype(np.uint8)
    alpha = alignment.apply(matte, fill=0)
    if cut_out:
        # Under a photo's own transparency lie its true colours, unmixed with white; nothing is known below alpha 0.
        colors = alignment.apply(np.ascontiguousarray(photo.rgba[..., :3]))
        foreground = estimate_foreground(colors, alpha > 0)
    else:
        foreground = estimate_foreground(crop, alpha / 255.0)
    prepared = np.dstack([foreground, alpha])
    reporter.preview("matte", png_bytes(prepared))
    return Portrait(
        aligned=prepared,
        faces=tuple(box for box, _ in found),
        face=index,
        notes=photo.notes + notes,
        landmarks=alignment.align_landmarks(landmarks),
        foreground=foreground,
        alignment=alignment,
    )


def _over_white(photo: Photo) -> np.ndarray:
    """Return the photo over white, [H, W, 3] uint8."""
    if not photo.has_alpha:
        return np.ascontiguousarray(photo.rgba[..., :3])
    image = Image.new("RGBA", photo.rgba.shape[1::-1], "white")
    image.alpha_composite(Image.fromarray(photo.rgba))
    return np.asarray(image.convert("RGB"))


def _choose(found: list[tuple[FaceBox, Landmarks]], face: int | None) -> tuple[int, tuple[str, ...]]:
    """Return the index of the face to use and notes for the user."""
    if not found:
        raise PhotoError("No face was found in the photo.", NO_FACE_ADVICE, code="no-face")
    if face is not None and not 0 <= face < len(found):
        raise PhotoError(
            f"There is no face number {face + 1}: the photo shows {len(found)}.",
            "Choose one of the faces found.",
            code="no-such-face",
            faces=len(found),
        )
    if face is None and len(found) > 1:
        return 0, (f"{len(found)} faces were found; the largest is used.",)
    return face or 0, ()


def _judge_size(box: FaceBox) -> tuple[str, ...]:
    """Refuse faces that are too small, and warn of soft results."""
    if box.size < MIN_FACE_SIZE:
        raise PhotoError(
            f"The face is only {box.size:.0f} pixels wide.",
            "Choose a photo whose face is at least 100 pixels wide.",
            code="face-too-small",
        )
    if box.size < SOFT_FACE_SIZE:
        return (f"The face is only {box.size:.0f} pixels wide, so the head will look soft.",)
    return ()
