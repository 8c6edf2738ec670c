"""The files that a USD file refers to: sublayers, references and payloads.

They are read where they lie in the file's own folder or below it. A file may not make us read elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Referred:
    """What a file refers to, directly or by way of others.

    Attributes:
        size: Bytes of all files, the first one included.
        missing: Names of those that are not there, or can't be read.
        outside: Names of those that lie elsewhere; USD takes them for empty.
    """

    size: int = 0
    missing: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)

    @property
    def notes(self) -> tuple[str, ...]:
        """What to tell of files that were not read."""
        told = [f"“{name}” is not there: what it holds is missing." for name in self.missing]
        told += [f"“{name}” lies outside the file's folder and was not read." for name in self.outside]
        return tuple(told)


def refers_to_others(pxr: Any, path: Path) -> bool:
    """Whether a file refers to any that is not part of itself."""
    layer = pxr.Sdf.Layer.FindOrOpen(str(path))
    if layer is None:
        return False
    return any(_file_of(pxr, layer, asset) != path for asset in _assets(layer))


def opened(pxr: Any, path: Path, allow: Callable[[int], None]) -> Referred:
    """Open all layers that a file refers to, and mute those that may not be read.

    Args:
        pxr: Pixar's package.
        path: The file.
        allow: Called with the size of each file before it is opened.
    """
    found, folder = Referred(size=path.stat().st_size), path.resolve().parent
    layers, seen = [pxr.Sdf.Layer.FindOrOpen(str(path))], {str(path)}
    while layers:
        layer = layers.pop()
        for asset in _assets(layer):
            absolute, file = layer.ComputeAbsolutePath(asset), _file_of(pxr, layer, asset)
            if absolute in seen:
                continue
            seen.add(absolute)
            if not file.resolve().is_relative_to(folder):
                pxr.Sdf.Layer.AddToMutedLayers(absolute)
                found.outside.append(asset)
                continue
            if file.is_file():
                allow(file.stat().st_size)
                found.size += file.stat().st_size
            other = pxr.Sdf.Layer.FindOrOpen(absolute) if file.is_file() else None
            if other is None:
                found.missing.append(asset)
            else:
                layers.append(other)
    return found


def _assets(layer: Any) -> list[str]:
    """Return the other files of a layer; references within it have no name."""
    return [asset for asset in layer.GetCompositionAssetDependencies() if asset]


def _file_of(pxr: Any, layer: Any, asset: str) -> Path:
    """Return the file that an asset path of a layer means; of a package's parts the package."""
    absolute = layer.ComputeAbsolutePath(asset)
    return Path(pxr.Ar.SplitPackageRelativePathOuter(absolute)[0] if "[" in absolute else absolute)
