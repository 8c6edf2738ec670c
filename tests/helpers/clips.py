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


PATCHES = np.array(
    [(220, 30, 30), (30, 200, 40), (40, 50, 210), (128, 128, 128), (16, 16, 16), (250, 250, 250), (224, 172, 140)],
    np.uint8,
)
"""sRGB colours of the stripes of :func:`write_patches`; the last is skin."""
# Shares of red and blue in brightness, and the number in files, of ITU-T H.273.
MATRICES = {"601": (0.299, 0.114, 5), "709": (0.2126, 0.0722, 1), "2020": (0.2627, 0.0593, 9)}
_TO_2020 = np.array([(0.6274, 0.3293, 0.0433), (0.0691, 0.9195, 0.0114), (0.0164, 0.0880, 0.8956)])


def write_patches(path: Path, matrix: str, *, full: bool = False, curve: str = "", told: bool = True) -> Path:
    """Write a clip of stripes of :data:`PATCHES`, computed by the standards' formulas, not by FFmpeg.

    Args:
        path: File to write; 10 bits where it has a curve, else 8.
        matrix: Of :data:`MATRICES`.
        full: Whether all values are used, instead of those from 16 to 235.
        curve: "pq" or "hlg" for a high dynamic range, with white at 203 nits; "wide" for BT.2020's colours alone.
        told: Whether the file says all that.
    """
    width, height = 448, 240 if told or matrix == "601" else 720
    signal = _wide(PATCHES / 255.0, curve) if curve else PATCHES / 255.0
    red, blue, number = MATRICES[matrix]
    y = signal @ (red, 1 - red - blue, blue)
    cb, cr = (signal[:, 2] - y) / (2 - 2 * blue), (signal[:, 0] - y) / (2 - 2 * red)
    depth = 10 if curve else 8
    if full:
        planes = [y * (2**depth - 1), cb * (2**depth - 1) + 2 ** (depth - 1), cr * (2**depth - 1) + 2 ** (depth - 1)]
    else:
        planes = [2 ** (depth - 8) * values for values in (16 + 219 * y, 128 + 224 * cb, 128 + 224 * cr)]
    pixels, kind = ("yuv420p10le", np.uint16) if curve else ("yuv420p", np.uint8)
    tags = {
        "colorspace": number,
        "color_range": 2 if full else 1,
        "color_primaries": 9 if curve else 1,
        "color_trc": {"pq": 16, "hlg": 18}.get(curve, 1),
    }
    # With frames between others x265 gives so short a clip times at random.
    options = {"crf": "4", "x265-params": "log-level=error:bframes=0"} if curve else {"crf": "4"}
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265" if curve else "libx264", rate=30, options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, pixels
        for name, value in tags.items() if told else ():
            setattr(stream.codec_context, name, value)
        for moment in range(2):
            frame = av.VideoFrame(width, height, pixels)
            frame.pts, frame.time_base = moment, Fraction(1, 30)
            for plane, values in zip(frame.planes, planes, strict=True):
                row = np.repeat(np.round(values), plane.width // len(PATCHES)).astype(kind)
                whole = np.zeros((plane.height, plane.line_size // kind().itemsize), kind)
                whole[:, : plane.width] = row
                plane.update(whole)
            for name in ("colorspace", "color_range") if told else ():
                setattr(frame, name, tags[name])
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def patches_of(rgb: np.ndarray) -> np.ndarray:
    """Return the mean colours [7, 3] of the stripes' middles."""
    stripes = np.stack(np.split(rgb[8:-8], len(PATCHES), axis=1))
    middle = stripes.shape[2] // 4
    return stripes[:, :, middle:-middle].mean(axis=(1, 2))


def _wide(srgb: np.ndarray, curve: str) -> np.ndarray:
    """Return the BT.2020 signal of colours; with a high range white is shown at 203 nits (ITU-R BT.2100, BT.2408)."""
    if curve == "wide":
        return (srgb**2.4 @ _TO_2020.T) ** (1 / 2.4)
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4) @ _TO_2020.T * 203
    if curve == "pq":
        power = (linear / 10000) ** 0.1593017578125
        return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375
    shown = linear / 1000
    brightness = np.maximum(shown @ (0.2627, 0.6780, 0.0593), 1e-6)
    scene = shown * brightness[:, None] ** (1 / 1.2 - 1)
    return np.where(
        scene <= 1 / 12,
        np.sqrt(3 * scene),
        0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073,
    )


def write_cutout(path: Path) -> Path:
    """Write two frames that are grey above, and transparent magenta below."""
    picture = np.full((SIZE[1], SIZE[0], 4), (200, 200, 200, 255), np.uint8)
    picture[SIZE[1] // 2 :] = (255, 0, 255, 0)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("png", rate=30)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "rgba"
        for number in range(2):
            frame = av.VideoFrame.from_ndarray(picture, "rgba")
            frame.pts, frame.time_base = number, Fraction(1, 30)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_from_browser(path: Path, count: int) -> Path:
    """Write a WebM as browsers record it: no duration, no index, a clock of milliseconds for a rate."""
    with av.open(str(path), "w", options={"live": "1"}) as container:
        stream = container.add_stream("libvpx-vp9", rate=1000, options={"crf": "10", "cpu-used": "8"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for number in range(count):
            frame = av.VideoFrame.from_ndarray(ramp(number), "rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = round(number * 1000 / 30), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def repeated(path: Path, clip: Path, seconds: float, times: int) -> Path:
    """Write a clip of some seconds many times over, without encoding it again."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as container:
        video = source.streams.video[0]
        stream = container.add_stream_from_template(video)
        packets = [packet for packet in source.demux(video) if packet.dts is not None]
        step = int(seconds / video.time_base)
        for turn in range(times):
            for packet in packets:
                again = av.Packet(bytes(packet))
                again.pts, again.dts = packet.pts + turn * step, packet.dts + turn * step
                again.time_base, again.duration = video.time_base, packet.duration
                again.is_keyframe, again.stream = packet.is_keyframe, stream
                container.mux(again)
    return path
