"""Reading and writing a million splats, against the libraries that people use.

Times are this process's processor time, which other processes don't disturb; the best of several runs.
Libraries that are absent are left out.
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


def _cpu_seconds(function: Callable[[], object], runs: int = RUNS) -> float:
    """Return the processor time of the cheapest of several runs."""
    times = []
    for _ in range(runs):
        start = time.process_time()
        function()
        times.append(time.process_time() - start)
    return min(times)


def _ply(gaussians: Gaussians, folder: Path) -> list[Measurement]:
    path, other = folder / "ours.ply", folder / "theirs.ply"
    write = _cpu_seconds(lambda: formats.save(gaussians, path))
    read = _cpu_seconds(lambda: formats.load(path))
    names = list(PlyData.read(path)["vertex"].data.dtype.names)
    # Once: it takes long enough to be beyond doubt.
    by_rows = _cpu_seconds(lambda: _plyfile_write(gaussians, names, other), 1)
    by_columns = _cpu_seconds(lambda: _plyfile_write_columns(gaussians, names, other))
    mapped = _cpu_seconds(lambda: _plyfile_read(path, True))
    unmapped = _cpu_seconds(lambda: _plyfile_read(path, False), 1)
    found = [
        Measurement("read", read, "s", ">= 10x", "plyfile, columns, not mapped", unmapped),
        Measurement("read", read, "s", ">= 10x", "plyfile, columns, mapped", mapped),
        Measurement("write", write, "s", ">= 10x", "plyfile, tuples as INRIA's code", by_rows),
        Measurement("write", write, "s", ">= 10x", "plyfile, columns", by_columns),
    ]
    if importlib.util.find_spec("gsply"):
        import gsply

        splats = gsply.plyread(str(path))
        found += [
            Measurement("read", read, "s", "", "gsply", _cpu_seconds(lambda: gsply.plyread(str(path)))),
            Measurement("write", write, "s", "", "gsply", _cpu_seconds(lambda: gsply.plywrite(str(other), splats))),
        ]
    return found


def _plyfile_read(path: Path, mapped: bool) -> None:
    """Read column by column into the arrays that INRIA's loader makes; nothing is activated."""
    vertex = PlyData.read(path, mmap="c" if mapped else False)["vertex"]
    count = vertex.count
    rest = np.zeros((count, 3 * HIGHER))
    for i in range(3 * HIGHER):
        rest[:, i] = np.asarray(vertex[f"f_rest_{i}"])
    rest.reshape(count, 3, HIGHER)
    for prefix, width in (("f_dc_", 3), ("scale_", 3), ("rot_", 4)):
        values = np.zeros((count, width))
        for i in range(width):
            values[:, i] = np.asarray(vertex[f"{prefix}{i}"])
    np.stack([np.asarray(vertex[axis]) for axis in "xyz"], axis=1)
    np.asarray(vertex["opacity"])[..., np.newaxis]


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
        reads.append(("gsply", _cpu_seconds(lambda: gsply.read_spz(str(path)))))
        writes.append(("gsply", _cpu_seconds(lambda: gsply.write_spz(str(other), splats, version=version))))
    if importlib.util.find_spec("gaussforge"):
        import gaussforge

        forge = gaussforge.GaussForge()
        content = forge.read(data, "spz")["data"]
        reads.append(("GaussForge", _cpu_seconds(lambda: forge.read(data, "spz"))))
        writes.append(("GaussForge", _cpu_seconds(lambda: forge.write(content, "spz", spz_version=version), 1)))
    read = _cpu_seconds(lambda: formats.load(path))
    write = _cpu_seconds(lambda: formats.dumps(gaussians, ".spz", version=version))
    found = [Measurement("size", len(data) / 1e6, "MB")]
    found += [Measurement("read", read, "s", ">= 0.5x", name, seconds) for name, seconds in reads]
    found += [Measurement("write", write, "s", ">= 0.5x", name, seconds) for name, seconds in writes]
    return found


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
