"""Reading and writing a million splats, against the libraries that people use.

Times are this process's processor time, of all its threads, and those by the clock; each the best of
several runs. On a busy machine the former is disturbed less. Libraries that are absent are left out.

The baselines for PLY are the ways in which people use plyfile; both sides begin and end with the same
activated arrays, means [N, 3], scales [N, 3], unit quaternions [N, 4], opacities [N], harmonics [N, 16, 3]:

- columns: ``PlyData.read(path)``, which maps the file, then each column once and ``np.stack``; for writing
  one assignment a column into the structured array that plyfile writes.
- columns from a stream: the same from an open file that can't be mapped.
- tuples: as INRIA's code writes, a tuple for each splat.

SPZ is compared with what libraries return as it comes, logarithms and logits in the file's frame, and for the
fastest, gsply, also with the same activated arrays as ours, still in the file's frame; ours are turned as well.
"""

from __future__ import annotations

import importlib.util
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from plyfile import PlyData, PlyElement

from core import formats
from core.gaussians import Gaussians

from .report import Measurement, print_table

COUNT = 1_000_000
DEGREE = 3
RUNS = 3
HIGHER = (DEGREE + 1) ** 2 - 1


def main() -> None:
    """Measure and print all tables."""
    gaussians = _random(COUNT)
    with tempfile.TemporaryDirectory() as folder:
        print_table(f"PLY, {COUNT:,} splats of degree {DEGREE}", _ply(gaussians, Path(folder)))
        for version in (3, 4):
            print_table(f"SPZ {version}, {COUNT:,} splats of degree {DEGREE}", _spz(gaussians, version, Path(folder)))
        print_table(f"Other formats, {COUNT:,} splats of degree {DEGREE}", _others(gaussians))


def _random(count: int) -> Gaussians:
    generator = np.random.default_rng(0)
    rotations = generator.normal(size=(count, 4))
    return Gaussians(
        generator.normal(size=(count, 3)),
        np.exp(generator.normal(size=(count, 3)) - 4),
        rotations / np.linalg.norm(rotations, axis=1, keepdims=True),
        generator.uniform(0.02, 0.98, count),
        generator.normal(size=(count, HIGHER + 1, 3)) * 0.2,
    )


def _seconds(function: Callable[[], object], runs: int = RUNS) -> tuple[float, float]:
    """Return the processor time of the cheapest of several runs, and the time by the clock of the fastest."""
    processor, clock = [], []
    for _ in range(runs):
        starts = time.process_time(), time.perf_counter()
        function()
        processor.append(time.process_time() - starts[0])
        clock.append(time.perf_counter() - starts[1])
    return min(processor), min(clock)


def _cpu_seconds(function: Callable[[], object]) -> float:
    return _seconds(function)[0]


def _compared(name: str, ours: tuple[float, float], aim: str, other: str, theirs: tuple[float, float]):
    """Return two measurements: by processor time and by the clock."""
    return [
        Measurement(name, ours[0], "s", aim, other, theirs[0]),
        Measurement(f"{name}, by the clock", ours[1], "s", aim, other, theirs[1]),
    ]


def _ply(gaussians: Gaussians, folder: Path) -> list[Measurement]:
    path, other = folder / "ours.ply", folder / "theirs.ply"
    write = _seconds(lambda: formats.save(gaussians, path))
    read = _seconds(lambda: formats.load(path))
    names = list(PlyData.read(path)["vertex"].data.dtype.names)
    columns = _seconds(lambda: _plyfile_read(PlyData.read(path)))
    found = _compared("read", read, ">= 10x", "plyfile, columns", columns)
    # Once: it takes long enough to be beyond doubt.
    streamed = _seconds(lambda: _plyfile_read(PlyData.read(path, mmap=False)), 1)
    found += _compared("read", read, ">= 10x", "plyfile, columns from a stream", streamed)
    columns = _seconds(lambda: _plyfile_write_columns(gaussians, names, other))
    found += _compared("write", write, ">= 10x", "plyfile, columns", columns)
    tuples = _seconds(lambda: _plyfile_write(gaussians, names, other), 1)
    found += _compared("write", write, ">= 10x", "plyfile, tuples", tuples)
    if importlib.util.find_spec("gsply"):
        import gsply

        splats = gsply.plyread(str(path))
        found += _compared("read", read, "", "gsply, not activated", _seconds(lambda: gsply.plyread(str(path))))
        theirs = _seconds(lambda: gsply.plywrite(str(other), splats))
        found += _compared("write", write, "", "gsply, not activated", theirs)
    return found


def _plyfile_read(content: PlyData) -> tuple[np.ndarray, ...]:
    """Take the columns one after another, and activate them."""
    vertex = content["vertex"]
    means = np.stack([vertex[name] for name in "xyz"], axis=1)
    base = np.stack([vertex[f"f_dc_{i}"] for i in range(3)], axis=1)
    rest = np.stack([vertex[f"f_rest_{i}"] for i in range(3 * HIGHER)], axis=1)
    sh = np.concatenate([base[:, None], rest.reshape(-1, 3, HIGHER).swapaxes(1, 2)], axis=1)
    opacities = 1 / (1 + np.exp(-vertex["opacity"]))
    scales = np.exp(np.stack([vertex[f"scale_{i}"] for i in range(3)], axis=1))
    rotations = np.stack([vertex[f"rot_{i}"] for i in range(4)], axis=1)
    return means, scales, rotations / np.linalg.norm(rotations, axis=1, keepdims=True), opacities, sh


def _raw_values(gaussians: Gaussians) -> np.ndarray:
    count = len(gaussians)
    opacities = gaussians.opacities
    return np.concatenate(
        [
            *(gaussians.means, np.zeros_like(gaussians.means), gaussians.sh[:, 0]),
            gaussians.sh[:, 1:].swapaxes(1, 2).reshape(count, 3 * HIGHER),
            *(np.log(opacities / (1 - opacities))[:, None], np.log(gaussians.scales), gaussians.rotations),
        ],
        axis=1,
    )


def _plyfile_write(gaussians: Gaussians, names: list[str], path: Path) -> None:
    """Write as INRIA's code does: a tuple for each splat."""
    rows = np.empty(len(gaussians), [(name, "f4") for name in names])
    rows[:] = list(map(tuple, _raw_values(gaussians)))
    PlyData([PlyElement.describe(rows, "vertex")]).write(path)


def _plyfile_write_columns(gaussians: Gaussians, names: list[str], path: Path) -> None:
    """Write with one assignment for each column."""
    values = _raw_values(gaussians)
    rows = np.empty(len(gaussians), [(name, "f4") for name in names])
    for i, name in enumerate(names):
        rows[name] = values[:, i]
    PlyData([PlyElement.describe(rows, "vertex")]).write(path)


def _spz(gaussians: Gaussians, version: int, folder: Path) -> list[Measurement]:
    data = formats.dumps(gaussians, ".spz", version=version)
    path, other = folder / f"ours{version}.spz", folder / f"theirs{version}.spz"
    path.write_bytes(data)
    reads, writes = [], []
    if importlib.util.find_spec("gsply"):
        import gsply

        splats = gsply.read_spz(str(path))
        reads.append(("gsply, not activated", _seconds(lambda: gsply.read_spz(str(path)))))
        reads.append(("gsply, activated", _seconds(lambda: _gsply_activated(gsply.read_spz(str(path))))))
        writes.append(("gsply", _seconds(lambda: gsply.write_spz(str(other), splats, version=version))))
    if importlib.util.find_spec("gaussforge"):
        import gaussforge

        forge = gaussforge.GaussForge()
        content = forge.read(data, "spz")["data"]
        reads.append(("GaussForge", _seconds(lambda: forge.read(data, "spz"))))
        writes.append(("GaussForge", _seconds(lambda: forge.write(content, "spz", spz_version=version), 1)))
    read = _seconds(lambda: formats.load(path))
    write = _seconds(lambda: formats.save(gaussians, other, version=version))
    found = [Measurement("size", len(data) / 1e6, "MB")]
    for name, seconds in reads:
        found += _compared("read", read, ">= 0.5x", name, seconds)
    for name, seconds in writes:
        found += _compared("write", write, ">= 0.5x", name, seconds)
    return found


def _gsply_activated(splats) -> tuple[np.ndarray, ...]:
    """Activate what gsply returns; its means and unit quaternions need nothing."""
    opacities = 1 / (1 + np.exp(-splats.opacities))
    sh = np.concatenate([splats.sh0[:, None], splats.shN], axis=1)
    return splats.means, np.exp(splats.scales), splats.quats, opacities, sh


def _others(gaussians: Gaussians) -> list[Measurement]:
    suffixes = [".splat", ".compressed.ply", ".glb"]
    if importlib.util.find_spec("pxr"):
        suffixes.append(".usdc")
    found = []
    for suffix in suffixes:
        kind = formats.format_of(suffix)
        data = formats.dumps(gaussians, suffix)
        found.append(Measurement(f"{kind.label}: size", len(data) / 1e6, "MB"))
        found.append(
            Measurement(f"{kind.label}: write", _cpu_seconds(lambda s=suffix: formats.dumps(gaussians, s)), "s")
        )
        start = time.perf_counter()
        formats.loads(data, suffix)
        # USD is read in another process, whose processor time is not this one's.
        found.append(Measurement(f"{kind.label}: read, by the clock", time.perf_counter() - start, "s"))
    return found


if __name__ == "__main__":
    main()
