"""From a decoded photo to an aligned portrait: the whole way in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from ..errors import PhotoError
from ..progress import CROP, Reporter
from ..system.pictures import png_bytes
from .alignment import Alignment, reference_box
from .decode import Photo
from .edits import NO_EDITS, Crop, PhotoEdits
from .faces import detect_faces
from .findings import SOFT_FACE_SIZE, findings_of, pose_of, soft_note
from .foreground import cut_out_foreground, estimate_foreground
from .landmarks import Landmarks, detect_landmarks
from .matting import estimate_matte
from .sampling import Square, sample_square
from .sides import side_of
from .types import FaceBox, PreparedPhoto

MIN_LANDMARK_SCORE = 0.5
"""Detections whose landmarks are surer than this are faces."""
MIN_FACE_SIZE = 24.0
"""Face size in pixels below which no likeness can come out."""
CUT_OUT_SHARE = 0.05
"""Transparent share of a photo from which its alpha is taken as the matte; less are rounded corners and the like."""
CROP_SEARCH_SIZE = 640
"""Side in pixels of a crop in which faces are looked for that were not found in the whole photo."""
FoundFaces = list[tuple[FaceBox, Landmarks]]
"""Faces in a photo with their landmarks in its pixels, largest first."""
NO_FACE_ADVICE = "Choose a photo that shows one face from the front, large, sharp and well lit."


@dataclass(frozen=True, eq=False, kw_only=True)
class Portrait(PreparedPhoto):
    """A prepared photo with everything that was found on the way.

    Attributes:
        rgb, matte: As in every prepared photo; here they are always at hand.
        landmarks: The used face's landmarks in aligned pixels.
        foreground: [512, 512, 3] uint8, colours of the person without the background's share.
        alignment: How the photo's pixels map to aligned pixels.
    """

    rgb: np.ndarray = field()
    matte: np.ndarray = field()
    landmarks: Landmarks
    foreground: np.ndarray
    alignment: Alignment

    @property
    def alpha(self) -> np.ndarray:
        """[512, 512] float32 matte, 0..1."""
        return self.aligned[..., 3].astype(np.float32) / 255


def find_faces(rgb: np.ndarray, boxes: Sequence[FaceBox] | None = None) -> FoundFaces:
    """Return all faces with their landmarks, largest first; false alarms of the detector are left out.

    Args:
        rgb: [H, W, 3] uint8 sRGB.
        boxes: What the detector found, where it was asked before.
    """
    candidates = [(box, detect_landmarks(rgb, box)) for box in (detect_faces(rgb) if boxes is None else boxes)]
    return [(box, landmarks) for box, landmarks in candidates if landmarks.score >= MIN_LANDMARK_SCORE]


def prepare_photo(
    photo: Photo,
    face: int | None,
    reporter: Reporter,
    *,
    aligned: bool = False,
    edits: PhotoEdits = NO_EDITS,
    faces: FoundFaces | None = None,
) -> Portrait:
    """Find the face, separate the person from the background, align.

    Args:
        photo: The decoded photo.
        face: Which face to use, counted from 0 in the order of size; None for the largest.
        reporter: Receives the stages and the previews "crop" and "matte".
        aligned: The photo is an aligned portrait already: it is only brought to 512 x 512, whatever its crop.
        edits: What the user changed of the photo by hand.
        faces: All faces in the photo, where they were found before (:func:`find_faces`).

    Returns:
        The prepared photo.

    Raises:
        PhotoError: "no-face", "no-such-face", "face-too-small".
        Cancelled: cancelled through the reporter.
    """
    finding, separating = reporter.parts(1, 2)
    finding.stage("Finding the face")
    rgb = over_white(photo)
    size = (rgb.shape[1], rgb.shape[0])
    wanted = None if aligned else edits.crop
    found = find_faces_for(rgb, wanted, faces)
    index, notes = _choose(found, face, wanted, size)
    landmarks, others = found[index][1], found[:index] + found[index + 1 :]
    box = reference_box(landmarks)
    notes += judge_size(box)
    try:
        taken = box if wanted is None else wanted.box(size)
        alignment = Alignment.stretched(size) if aligned else Alignment.from_box(size, taken)
    except ValueError as error:
        raise PhotoError("The face lies at the very edge of the photo.", NO_FACE_ADVICE, code="no-face") from error
    crop = alignment.apply(rgb)
    reporter.preview(CROP, png_bytes(crop))

    separating.stage("Separating the person from the background")
    # The matte is estimated on the photo itself: its pixels beyond the crop tell the colours of the background.
    cut_out = is_cut_out(photo)
    if cut_out:
        matte = photo.rgba[..., 3]
    else:
        matte = np.rint(estimate_matte(rgb, landmarks, [other for _, other in others]) * 255).astype(np.uint8)
    matte = edits.apply_matte(matte)
    alpha = alignment.apply(matte, fill=0)
    if cut_out:
        # Under a photo's own transparency lie its true colours, unmixed with white; nothing is known below alpha 0.
        colors = alignment.apply(np.ascontiguousarray(photo.rgba[..., :3]))
        foreground = cut_out_foreground(colors, alpha / 255.0)
    else:
        foreground = estimate_foreground(crop, alpha / 255.0)
    prepared = np.dstack([foreground, alpha])
    reporter.preview("matte", png_bytes(prepared))
    frame = None if aligned else wanted or Crop.of_box(size, box)
    return Portrait(
        aligned=prepared,
        faces=tuple(box for box, _ in found),
        face=index,
        notes=photo.notes + notes,
        findings=findings_of(rgb, matte, landmarks, box, tuple(other for other, _ in others)),
        crop=(frame.x, frame.y, frame.size) if frame else None,
        rgb=rgb,
        matte=matte,
        side=side_of(pose_of(landmarks)[0]),
        landmarks=alignment.align_landmarks(landmarks),
        foreground=foreground,
        alignment=alignment,
    )


def find_faces_for(rgb: np.ndarray, crop: Crop | None, known: FoundFaces | None = None) -> FoundFaces:
    """Return all faces as :func:`find_faces`; where none is in the user's crop, a closer look is taken at it."""
    found = find_faces(rgb) if known is None else list(known)
    if crop is None or any(_lies_in(crop, box, rgb.shape[1::-1]) for box, _ in found):
        return found
    left, top, side = crop.square(rgb.shape[1::-1])
    scale = side / CROP_SEARCH_SIZE
    square = Square(left + side / 2, top + side / 2, side)
    for box in detect_faces(sample_square(rgb, square, CROP_SEARCH_SIZE)):
        corners = (box.x0 * scale + left, box.y0 * scale + top, box.x1 * scale + left, box.y1 * scale + top)
        here = FaceBox(*corners, box.score, box.roll)
        landmarks = detect_landmarks(rgb, here)
        if landmarks.score >= MIN_LANDMARK_SCORE and _lies_in(crop, here, rgb.shape[1::-1]):
            found.append((here, landmarks))
    return found


def face_in_crop(found: FoundFaces, crop: Crop, photo_size: tuple[int, int]) -> int | None:
    """Return the index of the face that a crop is about: inside it, nearest to where it puts faces; None without."""
    wanted = np.array(crop.box(photo_size).center)
    inside = [place for place, (box, _) in enumerate(found) if _lies_in(crop, box, photo_size)]
    return min(inside, key=lambda place: float(np.hypot(*(wanted - found[place][0].center))), default=None)


def _lies_in(crop: Crop, box: FaceBox, photo_size: tuple[int, int]) -> bool:
    left, top, side = crop.square(photo_size)
    x, y = box.center
    return left <= x <= left + side and top <= y <= top + side


def is_cut_out(photo: Photo) -> bool:
    """Return whether the photo brings its own matte; a few transparent pixels are rounded corners and the like."""
    return photo.has_alpha and bool((photo.rgba[..., 3] < 128).mean() > CUT_OUT_SHARE)


def over_white(photo: Photo) -> np.ndarray:
    """Return the photo over white, [H, W, 3] uint8."""
    if not photo.has_alpha:
        return np.ascontiguousarray(photo.rgba[..., :3])
    image = Image.new("RGBA", photo.rgba.shape[1::-1], "white")
    image.alpha_composite(Image.fromarray(photo.rgba))
    return np.asarray(image.convert("RGB"))


def _choose(
    found: FoundFaces, face: int | None, crop: Crop | None, photo_size: tuple[int, int]
) -> tuple[int, tuple[str, ...]]:
    """Return the index of the face to use and notes for the user."""
    if crop is not None and found:
        chosen = face_in_crop(found, crop, photo_size)
        if chosen is None:
            raise PhotoError(
                "No face was found in the crop.", "Move the crop onto the face, or reset it.", code="no-face"
            )
        return chosen, ()
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


def judge_size(box: FaceBox) -> tuple[str, ...]:
    """Refuse faces that are too small, and warn of soft results."""
    if box.size < MIN_FACE_SIZE:
        raise PhotoError(
            f"The face is only {box.size:.0f} pixels wide.",
            "Choose a photo whose face is at least 100 pixels wide.",
            code="face-too-small",
        )
    return (soft_note(box),) if box.size < SOFT_FACE_SIZE else ()
