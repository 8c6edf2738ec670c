"""Reads recordings of a face as tables of ARKit's coefficients, such as Live Link Face writes them.

A row is a moment, a column a coefficient 0..1. Epic's Live Link Face app names the columns as
ARKit does but capitalised (``EyeBlinkLeft``), puts ``Timecode`` (``hh:mm:ss:ff.fff``, frames and
thousandths of a frame) and ``BlendShapeCount`` before them, and ends with the rotations of head
and eyes. Tables of other programs have the same names in another order or spelling
(``eyeBlink_L``), with seconds, milliseconds or a frame number for the time; spreadsheets add
their own encodings, separators and decimal commas.
"""

from .angles import DEGREES, RADIANS
from .reader import load_recording, parse_recording
from .shaping import calibrated, in_mirror, with_strengths
from .take import DEFAULT_FPS, Recording, RecordingError
from .writer import encode_recording, save_recording

__all__ = [
    "DEFAULT_FPS",
    "DEGREES",
    "RADIANS",
    "Recording",
    "RecordingError",
    "calibrated",
    "encode_recording",
    "in_mirror",
    "load_recording",
    "parse_recording",
    "save_recording",
    "with_strengths",
]
