"""Writing pictures as an MP4 file, with PyAV, which carries FFmpeg in its wheel."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import numpy as np

from ..errors import EngineUnavailable
from .files import replacing

PACKAGE = "av"
CODEC: Final = "libx264"
PIXEL_FORMAT = "yuv420p"
"""What every browser and player shows."""
QUALITY = "18"
"""x264's constant rate factor: visually lossless."""


def check_available() -> None:
    """Check that videos can be written here, before hours of work end in a video that can't.

    Raises:
        EngineUnavailable: the package is not installed.
    """
    if find_spec(PACKAGE) is None:
        raise EngineUnavailable(
            f"Writing videos needs the Python package {PACKAGE!r}, which is not installed here.",
            "Install it with 'pip install av', or go without the video.",
            code="no-video",
        )


def write_mp4(path: Path, frames: Iterable[np.ndarray], size: tuple[int, int], frames_per_second: int) -> None:
    """Write an H.264 video.

    Args:
        path: Where to; an existing file stays until the new one is complete.
        frames: [H, W, 3] uint8, sRGB.
        size: (width, height), even numbers: the format stores colours at half the resolution.
        frames_per_second: Speed.

    Raises:
        ValueError: a side is odd.
        EngineUnavailable: PyAV is not installed.
        FaceLiftError: the file can't be written.
    """
    if size[0] % 2 or size[1] % 2:
        raise ValueError(f"videos need even sides, not {size[0]} x {size[1]}")
    check_available()
    import av

    with replacing(path) as file, av.open(file, "w", format="mp4") as container:
        stream = container.add_stream(CODEC, rate=frames_per_second, options={"crf": QUALITY})
        stream.width, stream.height = size
        stream.pix_fmt = PIXEL_FORMAT
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="rgb24")
            container.mux(stream.encode(picture))
        container.mux(stream.encode())
