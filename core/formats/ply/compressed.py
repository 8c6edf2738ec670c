"""PlayCanvas' compressed PLY files (SuperSplat, ``.compressed.ply``): 16 bytes a splat and harmonics.

Splats lie in chunks of 256 neighbours. An element ``chunk`` has the bounds of positions, logarithms of
scales, and base colours; ``vertex`` has four 32-bit words a splat: positions and scales as 11, 10 and 11
bits between the chunk's bounds, the rotation as its three smallest values (two bits say which of w, x, y,
z is left out, ten for each other in -sqrt(1/2)..sqrt(1/2)), colour and linear opacity as bytes;
``sh`` has a byte for each higher harmonic, -4..4, channel by channel.
Source: the format as https://github.com/playcanvas/splat-transform and SuperSplat read and write it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from io import BufferedIOBase

import numpy as np

from ...errors import FormatError
from ...gaussians import Gaussians
from ...splats import spherical_harmonics as harmonics
from ...system import blocks
from ..assembly import assemble
from ..axes import Axes, Unit
from ..reading import Reading
from . import comments, names
from .body import Body, Gatherer, Table
from .header import Element, Header

KIND = "ply"
MARK = "packed_position"
"""A property of ``vertex`` that only these files have."""

_CHUNK = 256
_CHUNK_ELEMENT, _HARMONICS_ELEMENT = "chunk", "sh"
_WORDS = (MARK, "packed_rotation", "packed_scale", "packed_color")
_POSITION_BOUNDS = ("min_x", "min_y", "min_z", "max_x", "max_y", "max_z")
_SCALE_BOUNDS = tuple(f"{end}_scale_{axis}" for end in ("min", "max") for axis in "xyz")
_COLOR_BOUNDS = ("min_r", "min_g", "min_b", "max_r", "max_g", "max_b")
"""Absent in files of SuperSplat 1; colours then lie in 0..1."""
_VECTOR_BITS = (11, 10, 11)
_COLOR_BITS = (8, 8, 8)
_ROTATION_STEPS = 1023
_SCALE_LIMIT = 20.0
"""Logarithms of scales are kept within this, as other writers do."""
_HARMONICS_REACH = 8.0
"""Width of the range that a byte of the higher harmonics covers, around 0."""
_HARMONICS_COUNTS = (9, 24, 45)
"""Properties of degrees 1 to 3."""


def decode(stream: BufferedIOBase, header: Header) -> Reading:
    """Read a compressed PLY file whose header is parsed already.

    Raises:
        FormatError: as :func:`core.formats.ply.decode`.
    """
    elements = {item.name: item for item in header.elements}
    body = Body(stream, header)
    vertex = _table(body, elements, names.ELEMENT, _WORDS)
    chunks = _table(body, elements, _CHUNK_ELEMENT, (*_POSITION_BOUNDS, *_SCALE_BOUNDS))
    if chunks.count * _CHUNK < vertex.count:
        raise _contradiction("it has too few chunks")
    bounds = chunks.rows(slice(chunks.count))
    has_color_bounds = set(_COLOR_BOUNDS) <= set(bounds.dtype.names or ())
    higher, bands = _higher(body, elements, vertex.count)
    means, scales = np.empty((vertex.count, 3), np.float32), np.empty((vertex.count, 3), np.float32)
    rotations, opacities = np.empty((vertex.count, 4), np.float32), np.empty(vertex.count, np.float32)
    sh = np.empty((vertex.count, 1 + bands, 3), np.float32)

    def fill(place: slice) -> None:
        rows = vertex.rows(place)
        positions, turns, sizes, colors = (rows[name].astype(np.uint32) for name in _WORDS)
        # Scales may be any size in a damaged file; those beyond float32 are found by the checks.
        with np.errstate(over="ignore", invalid="ignore"):
            means[place] = _between(_fields(positions, _VECTOR_BITS), place, bounds, _POSITION_BOUNDS)
            np.exp(_between(_fields(sizes, _VECTOR_BITS), place, bounds, _SCALE_BOUNDS), out=scales[place])
            rgb = _fields(colors >> 8, _COLOR_BITS)
            if has_color_bounds:
                rgb = _between(rgb, place, bounds, _COLOR_BOUNDS)
        _unpack_rotations(turns, rotations[place])
        opacities[place] = (colors & 255) / np.float32(255)
        sh[place, :1] = harmonics.from_colors(rgb)
        if bands:
            values = higher(place)
            for channel in range(3):
                sh[place, 1:, channel] = values[:, channel * bands : (channel + 1) * bands]

    blocks.fill(fill, vertex.count)
    gaussians, notes = assemble(KIND, means, scales, rotations, opacities, sh)
    return Reading(gaussians, header.axes, notes, header.unit)


def encode(
    gaussians: Gaussians, stream: BufferedIOBase, axes: Axes = Axes.UNSTATED, unit: Unit = Unit.UNSTATED
) -> None:
    """Write a compressed PLY file. Splats are put into a spatial order; parts and extra columns are not kept.

    Comments tell the axes of the splats, and their unit.
    """
    order = spatial_order(gaussians.means)
    bare = gaussians.replace(extras={})
    count, chunks, width = len(order), -(-len(order) // _CHUNK), 3 * (gaussians.sh.shape[1] - 1)
    bounds, words = np.empty((chunks, 18), "<f4"), np.empty((count, 4), "<u4")
    levels = np.empty((count, width), np.uint8)

    def fill(place: slice) -> None:
        some = bare.select(order[place])
        chunk = slice(place.start // _CHUNK, -(-place.stop // _CHUNK))
        log_scales = np.clip(np.log(some.scales), -_SCALE_LIMIT, _SCALE_LIMIT)
        position_words, bounds[chunk, :6] = _pack_within_chunks(some.means, _VECTOR_BITS)
        scale_words, bounds[chunk, 6:12] = _pack_within_chunks(log_scales, _VECTOR_BITS)
        color_words, bounds[chunk, 12:] = _pack_within_chunks(some.colors, _COLOR_BITS)
        opacities = np.rint(np.clip(some.opacities, 0, 1) * 255).astype(np.uint32)
        rows = (position_words, _pack_rotations(some.rotations), scale_words, color_words << 8 | opacities)
        words[place] = np.stack(rows, axis=1)
        higher = some.sh[:, 1:].swapaxes(1, 2).reshape(len(some), width)
        levels[place] = np.clip(np.floor((higher / _HARMONICS_REACH + 0.5) * 256), 0, 255)

    blocks.fill(fill, count)
    lines = ["ply", "format binary_little_endian 1.0", *comments.lines(axes, unit)]
    lines += [f"element {_CHUNK_ELEMENT} {chunks}"]
    lines += [f"property float {name}" for name in (*_POSITION_BOUNDS, *_SCALE_BOUNDS, *_COLOR_BOUNDS)]
    lines += [f"element {names.ELEMENT} {count}", *(f"property uint {name}" for name in _WORDS)]
    if width:
        lines += [f"element {_HARMONICS_ELEMENT} {count}"]
        lines += [f"property uchar {name}" for name in names.rest(width)]
    stream.write("\n".join([*lines, "end_header", ""]).encode("ascii"))
    for table in (bounds, words, levels):
        stream.write(table.tobytes())


def spatial_order(means: np.ndarray) -> np.ndarray:
    """Return the order [N] along a Z-order curve (Morton, 1966) through the bounding box of means [N, 3]."""
    if not len(means):
        return np.empty(0, np.intp)
    low = means.min(axis=0)
    cells = ((means - low) * (1023 / np.maximum(means.max(axis=0) - low, 1e-30))).astype(np.uint32)
    code = np.zeros(len(means), np.uint32)
    for bit in range(10):
        for axis in range(3):
            code |= (cells[:, axis] >> bit & 1) << (3 * bit + axis)
    return np.argsort(code, kind="stable")


def _table(body: Body, elements: Mapping[str, Element], name: str, wanted: tuple[str, ...]) -> Table:
    """Return an element's rows; raise unless it has all the wanted columns."""
    element = elements.get(name)
    missing = sorted(set(wanted) - {item.name for item in element.properties}) if element else [name]
    if element is None or missing:
        raise FormatError(
            f"The compressed splat file lacks “{missing[0]}”.",
            "Export it again from the program that wrote it.",
            code="ply-missing-property",
            missing=missing,
        )
    return body.table(element)


def _contradiction(what: str) -> FormatError:
    return FormatError(f"The compressed splat file contradicts itself: {what}.", "Export it again.", code="ply-body")


def _higher(body: Body, elements: Mapping[str, Element], count: int) -> tuple[Callable[[slice], np.ndarray], int]:
    """Return what reads the higher harmonics of some splats, [n, 3 K] channel by channel, and K, 0 without any."""
    element = elements.get(_HARMONICS_ELEMENT)
    if element is None or not element.properties:
        return lambda place: np.empty((place.stop - place.start, 0), np.float32), 0
    wanted = len(element.properties)
    if wanted not in _HARMONICS_COUNTS or element.count != count:
        raise _contradiction("its spherical harmonics don't fit its splats")
    table = _table(body, elements, _HARMONICS_ELEMENT, names.rest(wanted))
    if table.dtype == np.dtype([(name, "u1") for name in names.rest(wanted)]):
        return lambda place: _HARMONICS[table.rows(place).view(np.uint8).reshape(-1, wanted)], wanted // 3
    gather = Gatherer(table.dtype, names.rest(wanted))
    return lambda place: _harmonics_at(gather(table.rows(place))), wanted // 3


def _harmonics_at(levels: np.ndarray) -> np.ndarray:
    """Return the values of bytes; the outermost ones mean the ends of the range, the others the middle of a step."""
    shares = np.where(levels <= 0, 0, np.where(levels >= 255, 1, (levels + 0.5) / 256))
    return ((shares - 0.5) * _HARMONICS_REACH).astype(np.float32)


_HARMONICS = _harmonics_at(np.arange(256))


def _fields(words: np.ndarray, bits: tuple[int, ...]) -> np.ndarray:
    """Return the fields of words [N], the first in the highest bits, as 0..1 [N, 3] float32."""
    values = np.empty((len(words), len(bits)), np.float32)
    for i, width in enumerate(bits):
        values[:, i] = (words >> sum(bits[i + 1 :]) & ((1 << width) - 1)) / np.float32((1 << width) - 1)
    return values


def _between(shares: np.ndarray, place: slice, bounds: np.ndarray, ends: tuple[str, ...]) -> np.ndarray:
    """Return values [n, 3] of the splats at ``place`` at shares 0..1 between their chunk's low and high bounds."""
    used = bounds[place.start // _CHUNK : -(-place.stop // _CHUNK)]
    low, high = (np.stack([used[name] for name in side], axis=1).astype(np.float32) for side in (ends[:3], ends[3:]))
    chunk = np.arange(place.start, place.stop) // _CHUNK - place.start // _CHUNK
    return low[chunk] * (1 - shares) + high[chunk] * shares


def _pack_within_chunks(values: np.ndarray, bits: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Return words [N] of values [N, 3] and the bounds [chunks, 6] that they refer to."""
    starts = np.arange(0, len(values), _CHUNK)
    low, high = np.minimum.reduceat(values, starts), np.maximum.reduceat(values, starts)
    chunk = np.arange(len(values)) // _CHUNK
    shares = (values - low[chunk]) / np.maximum(high - low, 1e-30)[chunk]
    words = np.zeros(len(values), np.uint32)
    for i, width in enumerate(bits):
        words = words << np.uint32(width) | np.rint(shares[:, i] * ((1 << width) - 1)).astype(np.uint32)
    return words, np.concatenate([low, high], axis=1)


def _pack_rotations(rotations: np.ndarray) -> np.ndarray:
    """Return quaternions [N, 4] as words [N]."""
    largest = np.argmax(np.abs(rotations), axis=1)
    flip = np.take_along_axis(rotations, largest[:, None], axis=1) < 0
    columns = np.where(flip, -rotations, rotations).T
    words = largest.astype(np.uint32)
    for slot in range(3):
        value = np.where(slot < largest, columns[slot], columns[slot + 1])
        level = np.rint((value * np.float32(math.sqrt(0.5)) + np.float32(0.5)) * _ROTATION_STEPS)
        words = words << np.uint32(10) | np.clip(level, 0, _ROTATION_STEPS).astype(np.uint32)
    return words


def _unpack_rotations(words: np.ndarray, rotations: np.ndarray) -> None:
    """Store the quaternions w, x, y, z of words [N] in ``rotations`` [N, 4]."""
    others = (_fields(words & ((1 << 30) - 1), (10, 10, 10)) - np.float32(0.5)) * np.float32(math.sqrt(2))
    left_out = np.sqrt(np.maximum(0, 1 - np.einsum("ij,ij->i", others, others)))
    largest = words >> 30
    for place in range(4):
        before = others[:, place] if place < 3 else left_out
        after = others[:, place - 1] if place else left_out
        rotations[:, place] = np.where(largest == place, left_out, np.where(largest > place, before, after))
