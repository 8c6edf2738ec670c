"""Video files as people have them, written by PyAV."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SIZE = (96, 64)


def ramp(number: int, size: tuple[int, int] = SIZE) -> np.ndarray:
    """Return a picture whose brightness tells its number, with a red corner at the upper left."""
    picture = np.full((size[1], size[0], 3), 40 + 4 * number, np.uint8)
    picture[: size[1] // 4, : size[0] // 4] = (220, 30, 30)
    return picture


def number_of(rgb: np.ndarray) -> int:
    """Return the number of a picture of :func:`ramp`."""
    return round((float(rgb[-8:, -8:].mean()) - 40) / 4)


def write(
    path: Path,
    count: int = 12,
    *,
    codec: str = "libx264",
    size: tuple[int, int] = SIZE,
    times: Sequence[int] | None = None,
    pixel_format: str = "yuv420p",
    rotation: int = 0,
    aspect: Fraction | None = None,
    sound: bool = False,
    picture=ramp,
) -> Path:
    """Write a clip of 30 frames a second, or of frames at given milliseconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options={"crf": "8"} if codec != "mpeg4" else {"qscale": "2"})
        stream.width, stream.height, stream.pix_fmt = size[0], size[1], pixel_format
        base = Fraction(1, 1000) if times else Fraction(1, 30)
        if times:
            stream.time_base = stream.codec_context.time_base = base
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if rotation:
            stream.set_display_rotation(rotation)
        audio = container.add_stream("aac", rate=48000) if sound else None
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(picture(number, size), format="rgb24").reformat(format=pixel_format)
            frame.pts, frame.time_base = (times[number] if times else number), base
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if audio is not None:
            _hum(container, audio)
    return path


def write_sound(path: Path) -> Path:
    """Write a file with sound only."""
    with av.open(str(path), "w") as container:
        _hum(container, container.add_stream("aac", rate=48000))
    return path


def _hum(container: av.container.OutputContainer, stream: av.AudioStream) -> None:
    wave = (0.1 * np.sin(np.arange(48000 // 2) * 0.05)).astype(np.float32)
    for start in range(0, len(wave) - 1024, 1024):
        frame = av.AudioFrame.from_ndarray(wave[None, start : start + 1024], format="fltp", layout="mono")
        frame.sample_rate, frame.pts = 48000, start
        container.mux(stream.encode(frame))
    container.mux(stream.encode())
