"""A decoder's frames as sRGB pictures: matrix, range, high dynamic range, size, transparency."""

from __future__ import annotations

from typing import Any

import numpy as np

HD_HEIGHT = 700
"""Pictures at least so high are BT.709 where the file says nothing, smaller ones BT.601, as every player takes them."""
# Numbers of ITU-T H.273, which files and FFmpeg use.
_UNSPECIFIED = (0, 2, 3)
_BT709, _BT601 = 1, 5
_PQ, _HLG, _SRGB_CURVE = 16, 18, 13
_WIDE_PRIMARIES = (9, 11, 12)
"""BT.2020 and the two P3."""


class Converter:
    """Converts the frames of one video.

    FFmpeg's converters are kept: that of a high dynamic range takes two seconds to be made.
    """

    def __init__(self) -> None:
        self._kept: dict[tuple[int, int], Any] = {}

    def rgb(self, frame: Any, size: tuple[int, int]) -> np.ndarray:
        """Return a frame's [H, W, 3] uint8 sRGB, as the decoder has it: not yet turned upright.

        PQ and HLG are brought to the range of a screen, with their reference white of 203 nits as white (ITU-R
        BT.2408); BT.2020 and P3 become sRGB's colours. Transparent pictures are put over white, as photos are.

        Args:
            frame: PyAV's.
            size: (width, height) to convert to.
        """
        from av.video.reformatter import VideoReformatter

        converter = self._kept.setdefault(size, VideoReformatter())
        has_alpha = any(component.is_alpha for component in frame.format.components)
        space, curve = frame.colorspace, frame.color_trc
        if space in _UNSPECIFIED:
            space = _BT709 if frame.height >= HD_HEIGHT else _BT601
        is_high_range = curve in (_PQ, _HLG)
        converted = converter.reformat(
            frame,
            *size,
            "rgba" if has_alpha else "rgb24",
            src_colorspace=space,
            dst_color_trc=_SRGB_CURVE if is_high_range else None,
            dst_color_primaries=_BT709 if frame.color_primaries in _WIDE_PRIMARIES else None,
            # Plain conversions are done before threads have begun.
            threads=0 if is_high_range else 1,
            interpolation="BILINEAR" if size == (frame.width, frame.height) else "AREA",
        ).to_ndarray()
        return _over_white(converted) if has_alpha else converted


def _over_white(rgba: np.ndarray) -> np.ndarray:
    alpha = rgba[..., 3:].astype(np.uint16)
    return ((rgba[..., :3] * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
