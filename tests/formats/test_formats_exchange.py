"""Files of ours in other people's programs, and their files here. Each test names the program.

Programs of npm's are no dependency; tests that need them are skipped where they are absent. They were run
on 2026-11-26 with @playcanvas/splat-transform 2.7.1 and gltf-validator 2.0.0-dev.3.10. Looked at by hand on
that day: spz-js 1.2.5 reads our SPZ 2 (to its own precision; it refuses 3 and 4, whoever wrote them).
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from core import formats
from core.formats.axes import Axes, from_ours
from core.formats.ply.compressed import spatial_order
from core.gaussians import Gaussians
from core.splats import spherical_harmonics as harmonics
from tests.helpers.format import ROOT, assert_near, node_package, splat_transform, within_range
from tests.helpers.gaussian import random_gaussians
from tests.helpers.ply import element, raw_columns, written

BYTE = 0.5 / 255
SPZ = {"means": 2e-4, "log_scales": 0.032, "angle": 0.006, "opacities": BYTE + 1e-6, "base": 0.0132}
"""Tolerances for SPZ files whose positions have 12 bits and harmonics 5 and 4, as the reference writes them."""
TURNED_ABOUT = np.diag([-1.0, -1, 1, 1])
"""Half a turn about the vertical axis."""


@pytest.fixture(scope="module")
def gaussians() -> Gaussians:
    """In the order that compressed files have anyway, with colours between black and white."""
    found = within_range(random_gaussians(300, 3, size=0.05))
    found = found.select(spatial_order(from_ours(found, Axes.Y_DOWN).means))
    sh = np.array(found.sh)
    sh[:, 1:] *= 0.4
    return found.replace(sh=sh)


@pytest.fixture(scope="module")
def gsply():
    """gsply, its loops as plain Python and without PyTorch: over a few splats, compiling and loading take longest."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NUMBA_DISABLE_JIT", "1")
        patch.setitem(sys.modules, "torch", None)
        yield pytest.importorskip("gsply")


def _ply(gaussians: Gaussians) -> bytes:
    """A PLY file of plyfile's."""
    return written(element(raw_columns(gaussians)))


def _forge():
    return pytest.importorskip("gaussforge").GaussForge()


def _converted(data: bytes, source: str, target: str, **options) -> bytes:
    result = _forge().convert(data, source, target, **options)
    assert "error" not in result, result
    return bytes(result["data"])


@pytest.mark.parametrize("version", (2, 3, 4))
def test_gaussforge_reads_our_spz(gaussians, version):
    """GaussForge carries Niantic's own library."""
    read = formats.loads(_converted(formats.dumps(gaussians, ".spz", version=version), "spz", "ply"))
    tolerances = SPZ | ({"angle": 0.25} if version == 2 else {})
    assert_near(from_ours(gaussians, Axes.Y_UP), read, **tolerances, higher=1 / 256)


@pytest.mark.parametrize("version", (2, 3, 4))
def test_we_read_gaussforges_spz(gaussians, version):
    data = _converted(_ply(from_ours(gaussians, Axes.Y_UP)), "ply", "spz", spz_version=version)
    tolerances = SPZ | ({"angle": 0.25} if version == 2 else {})
    # Four bits of each harmonic, turned by up to seven others of its band.
    assert_near(gaussians, formats.loads(data, ".spz"), **tolerances, higher=0.17)


def test_gaussforge_reads_our_splat_and_compressed_ply(gaussians):
    down = from_ours(gaussians, Axes.Y_DOWN)
    read = formats.loads(_converted(formats.dumps(gaussians, ".splat"), "splat", "ply"))
    base = down.replace(sh=down.sh[:, :1])
    assert_near(base, read, angle=2 / 128, opacities=BYTE, base=2 * BYTE / harmonics.C0, log_scales=1e-5)
    read = formats.loads(_converted(formats.dumps(gaussians, ".compressed.ply"), "compressed.ply", "ply"))
    assert_near(down, read, means=5e-3, log_scales=5e-3, angle=0.005, opacities=BYTE, base=0.02, higher=0.016)


def test_we_read_gaussforges_splat_and_compressed_ply(gaussians):
    read = formats.reads(_converted(_ply(gaussians), "ply", "splat"), ".splat").gaussians
    base = gaussians.replace(sh=gaussians.sh[:, :1])
    order = np.argsort(gaussians.means[:, 0])
    read = read.select(np.argsort(read.means[:, 0]))
    assert_near(base.select(order), read, angle=0.04, opacities=2 * BYTE, base=2 * BYTE / harmonics.C0, log_scales=1e-5)
    read = formats.loads(_converted(_ply(gaussians), "ply", "compressed.ply"))
    # Its higher harmonics come back in the wrong order, to itself as well.
    read = read.select(_nearest(gaussians, read))
    read = read.replace(sh=read.sh[:, :1])
    assert_near(base, read, means=5e-3, log_scales=5e-3, angle=0.005, opacities=2 * BYTE, base=0.03)


@pytest.mark.parametrize("version", (3, 4))
def test_gsply_reads_our_spz_and_we_read_gsplys(gaussians, gsply, version, tmp_path):
    there = from_ours(gaussians, Axes.Y_UP)
    formats.save(gaussians, tmp_path / "ours.spz", version=version)
    read = gsply.read_spz(str(tmp_path / "ours.spz"))
    np.testing.assert_allclose(read.means, there.means, atol=2e-4)
    np.testing.assert_allclose(read.scales, np.log(there.scales), atol=0.033)
    np.testing.assert_allclose(read.sh0, there.sh[:, 0], atol=0.0135)
    np.testing.assert_allclose(read.shN, there.sh[:, 1:], atol=1 / 256)
    (tmp_path / "plain.ply").write_bytes(_ply(there))
    gsply.write_spz(str(tmp_path / "theirs.spz"), gsply.plyread(str(tmp_path / "plain.ply")), version=version)
    assert_near(gaussians, formats.load(tmp_path / "theirs.spz"), **SPZ, higher=0.17)


def test_gsply_reads_our_ply_files_and_we_read_gsplys(gaussians, gsply, tmp_path):
    down = from_ours(gaussians, Axes.Y_DOWN)
    for name, tolerance in (("ours.ply", 1e-6), ("ours.compressed.ply", 5e-3)):
        formats.save(gaussians, tmp_path / name)
        read = gsply.plyread(str(tmp_path / name))
        np.testing.assert_allclose(read.means, down.means, atol=tolerance)
        np.testing.assert_allclose(read.scales, np.log(down.scales), atol=max(tolerance, 1e-5))
        np.testing.assert_allclose(read.shN, down.sh[:, 1:], atol=max(tolerance, 0.016))
    gsply.plywrite(str(tmp_path / "theirs.ply"), gsply.plyread(str(tmp_path / "ours.ply")), compressed=True)
    (theirs,) = tmp_path.glob("theirs*")
    # It leaves the comments away.
    back = formats.load(theirs)
    back = back.select(_nearest(down, back))
    assert_near(down, back, means=5e-3, log_scales=5e-3, angle=0.005, opacities=2 * BYTE, base=0.03, higher=0.032)


def test_splat_transform_reads_our_files(gaussians, tmp_path):
    """As it takes PLY files for +Y down, that is what it makes of every format of ours."""
    base = gaussians.replace(sh=gaussians.sh[:, :1])
    cases = {
        "head.ply": (gaussians, {"log_scales": 1e-5, "angle": 1e-5, "opacities": 1e-5}),
        "head.splat": (base, {"angle": 0.03, "opacities": BYTE, "base": 2 * BYTE / harmonics.C0, "log_scales": 1e-5}),
        "head.compressed.ply": (
            gaussians,
            {"means": 5e-3, "log_scales": 5e-3, "angle": 0.005, "opacities": BYTE, "base": 0.02, "higher": 0.016},
        ),
        "head.spz": (gaussians, SPZ | {"higher": 0.012}),
        "four.spz": (gaussians, SPZ | {"higher": 0.012}),
    }
    for name, (expected, tolerances) in cases.items():
        formats.save(gaussians, tmp_path / name, **({"version": 4} if name == "four.spz" else {}))
        splat_transform(tmp_path / name, tmp_path / "back.ply")
        assert_near(from_ours(expected, Axes.Y_DOWN), formats.load(tmp_path / "back.ply"), **tolerances)


@pytest.mark.parametrize("suffix", (".ply", ".compressed.ply", ".splat", ".spz"))
def test_heads_stand_upright_in_splat_transform(gaussians, suffix, tmp_path):
    """Its glTF files have +Y up by their specification, whatever they are made of."""
    formats.save(gaussians, tmp_path / f"head{suffix}")
    splat_transform(tmp_path / f"head{suffix}", tmp_path / "upright.glb")
    back = formats.load(tmp_path / "upright.glb")
    matching = back.select(_nearest_of([gaussians, gaussians.transform(TURNED_ABOUT)], back))
    np.testing.assert_allclose(matching.means[:, 2], gaussians.means[:, 2], atol=5e-3)


def test_we_read_splat_transforms_files(gaussians, tmp_path):
    """It takes PLY files for +Y down, and turns them for the formats that have axes."""
    down = from_ours(gaussians, Axes.Y_DOWN)
    (tmp_path / "head.ply").write_bytes(_ply(down))
    cases = {
        ".spz": SPZ | {"higher": 0.17},
        "4.spz": SPZ | {"higher": 0.17},
        ".glb": {"means": 1e-6, "log_scales": 1e-5, "angle": 1e-5, "opacities": 1e-5, "higher": 1e-5},
        ".compressed.ply": {
            "means": 5e-3,
            "log_scales": 5e-3,
            "angle": 0.005,
            "opacities": 2 * BYTE,
            "base": 0.03,
            "higher": 0.032,
        },
    }
    options = {".spz": ("--spz-version", "3"), "4.spz": ("--spz-version", "4")}
    for suffix, tolerances in cases.items():
        splat_transform(tmp_path / "head.ply", tmp_path / f"theirs{suffix}", *options.get(suffix, ()))
        back = formats.load(tmp_path / f"theirs{suffix}")
        # For glTF it turns about another axis than for SPZ: the head then looks away from the viewer.
        turned = gaussians.transform(TURNED_ABOUT)
        expected = {".glb": turned, ".compressed.ply": down}.get(suffix, gaussians)
        assert_near(expected, back.select(_nearest(expected, back)), **tolerances)


def test_the_gltf_validator_accepts_our_files(gaussians, tmp_path):
    """The Khronos validator; where it doesn't know the extension it objects to the extension's names only."""
    node_package("gltf-validator")
    extras = {"heat": np.arange(300, dtype=np.uint8), "flow": np.ones((300, 3)), "w": np.arange(300)}
    rich = gaussians.replace(parts=np.arange(300) % 8, extras=extras)
    script = (
        "require('gltf-validator').validateBytes(new Uint8Array(require('fs').readFileSync(process.argv[1])),"
        "{maxIssues: 0}).then(report => console.log(JSON.stringify(report)))"
    )
    for name in ("head.glb", "head.gltf"):
        formats.save(rich, tmp_path / name)
        done = subprocess.run(
            ["node", "-e", script, str(tmp_path / name)], capture_output=True, text=True, cwd=ROOT, check=True
        )
        report = json.loads(done.stdout)
        assert report["info"]["totalVertexCount"] == 300
        for message in report["issues"]["messages"]:
            known = message["code"] == "UNSUPPORTED_EXTENSION" or (
                message["code"] == "MESH_PRIMITIVE_INVALID_ATTRIBUTE"
                and "attributes/KHR_gaussian_splatting:" in message["pointer"]
            )
            assert known, message


def test_pygltflib_reads_our_glb(gaussians, tmp_path):
    pygltflib = pytest.importorskip("pygltflib")
    formats.save(gaussians.replace(parts=np.arange(300) % 8), tmp_path / "head.glb")
    file = pygltflib.GLTF2().load(str(tmp_path / "head.glb"))
    (primitive,) = file.meshes[0].primitives
    assert primitive.mode == pygltflib.POINTS
    assert primitive.extensions["KHR_gaussian_splatting"]["kernel"] == "ellipse"
    columns = {}
    for name, index in vars(primitive.attributes).items():
        if index is not None:
            accessor = file.accessors[index]
            view = file.bufferViews[accessor.bufferView]
            dtype = np.dtype({5121: "u1", 5126: "<f4"}[accessor.componentType])
            width = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor.type]
            raw = file.binary_blob()[view.byteOffset : view.byteOffset + view.byteLength]
            rows = np.frombuffer(raw, np.uint8).reshape(accessor.count, -1)[:, : width * dtype.itemsize]
            columns[name] = np.ascontiguousarray(rows).view(dtype)
    x, y, z = gaussians.means.T
    np.testing.assert_array_equal(columns["POSITION"], np.stack([x, z, -y], axis=1))
    np.testing.assert_allclose(columns["KHR_gaussian_splatting:SCALE"], gaussians.scales, rtol=1e-6)
    np.testing.assert_array_equal(columns["KHR_gaussian_splatting:OPACITY"][:, 0], gaussians.opacities)
    np.testing.assert_array_equal(columns["KHR_gaussian_splatting:SH_DEGREE_0_COEF_0"], gaussians.sh[:, 0])
    there = from_ours(gaussians, Axes.Y_UP)
    np.testing.assert_array_equal(columns["KHR_gaussian_splatting:ROTATION"], there.rotations[:, [1, 2, 3, 0]])
    np.testing.assert_array_equal(columns["KHR_gaussian_splatting:SH_DEGREE_3_COEF_6"], there.sh[:, 15])
    np.testing.assert_array_equal(columns["_PART"][:, 0], np.arange(300) % 8)


@pytest.mark.parametrize("suffix", (".usda", ".usdc", ".usdz"))
def test_openusds_own_schema_reads_our_files(gaussians, suffix, tmp_path):
    pytest.importorskip("pxr")
    from pxr import Usd, UsdGeom, UsdVol

    if not hasattr(UsdVol, "ParticleField3DGaussianSplat"):
        pytest.skip("this USD is older than the schema")
    path = tmp_path / f"head{suffix}"
    formats.save(gaussians.replace(parts=np.arange(300) % 8), path)
    stage = Usd.Stage.Open(str(path))
    assert UsdGeom.GetStageUpAxis(stage) == "Z" and UsdGeom.GetStageMetersPerUnit(stage) == 1
    prim = stage.GetDefaultPrim()
    assert prim.IsA(UsdVol.ParticleField3DGaussianSplat)
    np.testing.assert_array_equal(
        UsdVol.ParticleFieldPositionAttributeAPI(prim).GetPositionsAttr().Get(), gaussians.means
    )
    turns = UsdVol.ParticleFieldOrientationAttributeAPI(prim).GetOrientationsAttr().Get()
    first = [turns[0].GetReal(), *turns[0].GetImaginary()]
    np.testing.assert_array_equal(np.float32(first), gaussians.rotations[0])
    np.testing.assert_array_equal(UsdVol.ParticleFieldScaleAttributeAPI(prim).GetScalesAttr().Get(), gaussians.scales)
    opacities = UsdVol.ParticleFieldOpacityAttributeAPI(prim).GetOpacitiesAttr().Get()
    np.testing.assert_array_equal(opacities, gaussians.opacities)
    radiance = UsdVol.ParticleFieldSphericalHarmonicsAttributeAPI(prim)
    assert radiance.GetRadianceSphericalHarmonicsDegreeAttr().Get() == 3
    values = np.array(radiance.GetRadianceSphericalHarmonicsCoefficientsAttr().Get())
    np.testing.assert_array_equal(values.reshape(300, 16, 3), gaussians.sh)
    assert UsdGeom.PrimvarsAPI(prim).GetPrimvar("part").Get()[9] == 1
    box = UsdGeom.BBoxCache(Usd.TimeCode.Default(), ["default"]).ComputeWorldBound(prim).ComputeAlignedRange()
    assert (np.array(box.GetMin()) < gaussians.means.min(axis=0)).all()


@pytest.mark.parametrize("suffix", (".usda", ".usdz"))
def test_openusds_validators_accept_our_files(gaussians, suffix, tmp_path):
    pytest.importorskip("pxr")
    validation = pytest.importorskip("pxr.UsdValidation")
    from pxr import Usd

    formats.save(gaussians.replace(parts=np.arange(300) % 8), tmp_path / f"head{suffix}")
    context = validation.ValidationContext(validation.ValidationRegistry().GetOrLoadAllValidators())
    assert context.Validate(Usd.Stage.Open(str(tmp_path / f"head{suffix}"))) == []


def _nearest_of(candidates: list[Gaussians], found: Gaussians) -> np.ndarray:
    """The index in ``found`` of the splats of the candidate that it is."""
    errors = [np.abs(np.sort(item.means, axis=0) - np.sort(found.means, axis=0)).max() for item in candidates]
    return _nearest(candidates[int(np.argmin(errors))], found)


def _nearest(wanted: Gaussians, found: Gaussians) -> np.ndarray:
    """The index in ``found`` of the splat at each of the wanted positions; other programs change the order."""
    from scipy.spatial import KDTree

    assert len(wanted) == len(found)
    index = KDTree(found.means).query(wanted.means)[1]
    assert len(set(index.tolist())) == len(wanted)
    return index


def test_plyfile_finds_the_words_of_compressed_files(gaussians, tmp_path):
    from plyfile import PlyData

    path = Path(tmp_path, "head.compressed.ply")
    formats.save(gaussians, path)
    chunk, vertex, sh = PlyData.read(path).elements
    assert (chunk.count, vertex.count, sh.count) == (2, 300, 300)
    assert [item.name for item in vertex.properties] == [
        "packed_position",
        "packed_rotation",
        "packed_scale",
        "packed_color",
    ]
    assert len(sh.properties) == 45
    np.testing.assert_array_equal(chunk["min_x"][0], gaussians.means[:256, 0].min())
    assert any(comment.startswith("Axes: RDF") for comment in PlyData.read(path).comments)
    np.testing.assert_allclose((vertex["packed_color"] & 255) / 255, gaussians.opacities, atol=BYTE + 1e-6)
