"""The sequences that play: their files, and frames in memory as columns that Blender takes as they are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np

from ...core.errors import FaceLiftError
from ...core.sequences import files
from ...core.sequences.degrees import with_degree
from ...core.sequences.stream import Stream
from ..identity import preferences
from ..splats.data import columns, exchange, geometry, heads
from ..splats.data.columns import Column
from ..splats.scene import placement
from .settings import path_of

Columns = dict[str, Column]
Key = tuple[str, str, bytes, int]
"""Path of a file, the place that is remembered of it, the matrix to the object's space, degree of the spherical
harmonics."""

_known: dict[Key, Stream[Columns] | FaceLiftError] = {}


def loader(to_local: np.ndarray, degree: int, float4: bool) -> Callable[[Path], Columns]:
    """Return what decodes a file for an object. It reads no bpy data: safe in any thread.

    Args:
        to_local: [4, 4] matrix from the files' frame to the object's space.
        degree: Of the spherical harmonics that all frames get.
        float4: Whether this Blender has the FLOAT4 attribute type.
    """

    def load(path: Path) -> Columns:
        gaussians = with_degree(exchange.read(path).gaussians, degree)
        return columns.from_gaussians(placement.moved(gaussians, to_local, reuse=True), float4)

    return load


def size_of(frame: Columns) -> int:
    """Return the bytes of a frame."""
    return sum(column.values.nbytes for column in frame.values())


def of(target: bpy.types.Object) -> Stream[Columns] | FaceLiftError:
    """Return what an object plays, or what keeps it from playing."""
    key = key_of(target)
    if key not in _known:
        # Readers of USD find the library that Blender brings.
        bpy.utils.expose_bundled_modules()
        try:
            load = loader(heads.placement_of(target), key[3], geometry.has_float4())
            _known[key] = Stream(files.find(path_of(target)), load, size_of, 0)
        except FaceLiftError as error:
            _known[key] = error
        share_memory()
    return _known[key]


def key_of(target: bpy.types.Object) -> Key:
    """Return what an object's frames depend on. No disk is asked: it is called in each frame."""
    settings = target.facelift_sequence
    path = bpy.path.abspath(settings.filepath, library=target.library)
    return path, settings.place, np.asarray(heads.placement_of(target), np.float64).tobytes(), settings.degree


def share_memory() -> None:
    """Give all sequences the same part of the memory that the preferences allow."""
    streams = [stream for stream in _known.values() if isinstance(stream, Stream)]
    for stream in streams:
        stream.cache.limit = preferences().sequence_memory * 1_000_000 // len(streams)


def keep_only(keys: set[Key]) -> None:
    """Let go of sequences that no object plays any more."""
    for key in _known.keys() - keys:
        _close(key)
        share_memory()


def forget(target: bpy.types.Object) -> None:
    """Look for an object's files again, and read them again."""
    key = key_of(target)
    if key in _known:
        _close(key)


def close() -> None:
    """Let go of all."""
    for key in list(_known):
        _close(key)


def _close(key: Key) -> None:
    stream = _known.pop(key)
    if isinstance(stream, Stream):
        stream.cache.close()
