"""From Gaussians to SPZ files."""

from __future__ import annotations

from io import BufferedIOBase

import numpy as np

from ...gaussians import Gaussians
from . import gzip_stream, packing, zstd
from .layout import ENTRY, Header

VERSIONS = (2, 3, 4)
DEFAULT_VERSION = 3
"""What most SPZ readers know; 2 is coarser in rotations, 4 packs better and is young."""


def encode(gaussians: Gaussians, stream: BufferedIOBase, version: int = DEFAULT_VERSION) -> None:
    """Write Gaussians, given in SPZ's axes, as an SPZ file.

    Positions get up to 16 fractional bits, as many as the farthest one leaves. Parts and extra
    columns have no place in the format.

    Args:
        gaussians: What to write.
        stream: Where to.
        version: 2 and 3 (gzip) or 4 (zstd).

    Raises:
        FormatError: "zstd-missing", for version 4.
        ValueError: there is no such version.
    """
    if version not in VERSIONS:
        raise ValueError(f"SPZ version {version}: expected one of {VERSIONS}")
    bits = packing.fractional_bits_for(gaussians.means)
    header = Header(version, len(gaussians), gaussians.sh_degree, bits)
    pack_rotations = packing.pack_first_three if version == 2 else packing.pack_smallest_three
    attributes = [
        packing.pack_positions(gaussians.means, bits),
        packing.pack_opacities(gaussians.opacities),
        packing.pack_colors(gaussians.sh[:, 0]),
        packing.pack_scales(gaussians.scales),
        pack_rotations(gaussians.rotations),
        packing.pack_higher(gaussians.sh[:, 1:]),
    ]
    raw = [np.ascontiguousarray(values).tobytes() for values in attributes]
    if version < 4:
        gzip_stream.write(header.packed_alone() + b"".join(raw), stream)
        return
    if not raw[-1]:
        raw.pop()
    packed = [zstd.compress(data) for data in raw]
    stream.write(header.packed_streamed(len(packed)))
    for data, result in zip(raw, packed, strict=True):
        stream.write(ENTRY.pack(len(result), len(data)))
    stream.write(b"".join(packed))
