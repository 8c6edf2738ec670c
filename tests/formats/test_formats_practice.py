"""Files as tools leave them in practice: dialects, frames, raw values, a few broken splats, files beside others."""

from __future__ import annotations

import base64
import gzip
import itertools
import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import formats
from core.errors import FormatError
from core.formats import raw_values, spz
from core.formats.axes import Axes, Unit, from_ours, to_ours, to_ours_matrix
from core.formats.spz import zstd
from core.splats import spherical_harmonics as harmonics
from tests.helpers.format import assert_near, code_of
from tests.helpers.gaussian import random_gaussians
from tests.helpers.ply import assert_same, element, raw_columns, written

FRAMES = [axes for axes in Axes if axes is not Axes.UNSTATED]
NUMBERS = dict(
    zip("LDB RDB LUB RUB LDF RDF LUF RUF LFD RFD LFU RFU LBD RBD LBU RBU".split(), range(1, 17), strict=True)
)
"""Of the frames in SPZ's extension: Niantic's splat-types.h."""
SPLATS = """
    point3f[] positions = [(1, 2, 3), (1.5, 2, 3)]
    quatf[] orientations = [(1, 0, 0, 0), (1, 0, 0, 0)]
    float3[] scales = [(0.5, 1, 2), (0.1, 0.1, 0.1)]
    float[] opacities = [0.75, 0.5]
    uniform int radiance:sphericalHarmonicsDegree = 0
    float3[] radiance:sphericalHarmonicsCoefficients = [(0.1, 0.2, 0.3), (0.1, 0.2, 0.3)]
"""


def _records(*records: tuple[int, bytes]) -> bytes:
    return b"".join(struct.pack("<II", kind, len(content)) + content for kind, content in records)


def with_extensions(data: bytes, records: bytes) -> bytes:
    """An SPZ file of ours with extension records, as the format has them in each version."""
    is_gzip = data[:2] == b"\x1f\x8b"
    body = bytearray(gzip.decompress(data) if is_gzip else data)
    body[14] |= 2
    if is_gzip:
        return gzip.compress(bytes(body) + records)
    struct.pack_into("<I", body, 16, 32 + len(records))
    return bytes(body[:32] + records + body[32:])


class TestPlyDialects:
    """Whose properties have other names, or are missing."""

    def test_flat_splats_get_a_very_thin_third_size(self):
        gaussians = random_gaussians(9, 1)
        columns = raw_columns(gaussians)
        del columns["scale_2"]
        found = formats.reads(written(element(columns)))
        assert_same(found.gaussians.replace(scales=gaussians.scales), gaussians)
        np.testing.assert_allclose(found.gaussians.scales[:, :2], gaussians.scales[:, :2], rtol=2e-6)
        assert (found.gaussians.scales[:, 2] <= 1e-3 * gaussians.scales[:, :2].min(axis=1)).all()
        assert (found.gaussians.scales[:, 2] > 0).all() and "flat" in found.notes[0]

    @pytest.mark.parametrize("prefix", ["scalar_", "scalar_scalar_"])
    def test_cloudcompares_prefix(self, prefix):
        gaussians = random_gaussians(9, 2, parts=np.arange(9) % 8, extras={"heat": np.arange(9, dtype="f4")})
        columns = raw_columns(gaussians) | {"part": gaussians.parts, "heat": gaussians.extras["heat"]}
        columns = {name if name in "xyz" else prefix + name: column for name, column in columns.items()}
        found = formats.loads(written(element(columns)))
        assert_same(found, gaussians)
        np.testing.assert_array_equal(found.extras["heat"], gaussians.extras["heat"])

    @pytest.mark.parametrize("degree", [4, 5])
    def test_higher_degrees_are_dropped_and_told(self, degree):
        gaussians, width = random_gaussians(9, 3), (degree + 1) ** 2 - 1
        columns = {name: column for name, column in raw_columns(gaussians).items() if not name.startswith("f_rest")}
        for channel, index in itertools.product(range(3), range(width)):
            value = gaussians.sh[:, index + 1, channel] if index < 15 else np.full(9, 7.0)
            columns[f"f_rest_{channel * width + index}"] = value
        found = formats.reads(written(element(columns)))
        assert_same(found.gaussians, gaussians)
        assert "above degree 3" in found.notes[0]

    @pytest.mark.parametrize("names", [("red", "green", "blue"), ("r", "g", "b")])
    @pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
    def test_plain_colours(self, names, dtype):
        colors = np.array([[255, 0, 51], [0, 102, 204], [10, 20, 30]]) / 255
        columns = {name: c for name, c in raw_columns(random_gaussians(3)).items() if not name.startswith("f_dc")}
        columns = {name: column.astype("f4") for name, column in columns.items()}
        top = np.iinfo(dtype).max if dtype[0] == "u" else 1
        columns |= {name: (colors[:, i] * top).astype(dtype) for i, name in enumerate(names)}
        found = formats.reads(written(element(columns, dtype=None)))
        np.testing.assert_allclose(found.gaussians.colors, colors, atol=2e-3 if dtype == "u2" else 1e-6)
        assert not found.gaussians.extras and names[0] in found.notes[0]

    @settings(deadline=None, max_examples=40)
    @given(st.lists(st.tuples(st.integers(0, 19), st.sampled_from(["x", "opacity", "scale_1", "rot"])), max_size=9))
    def test_broken_splats_are_left_out_and_counted(self, broken):
        gaussians = random_gaussians(20, extras={"index": np.arange(20)})
        columns = raw_columns(gaussians) | {"index": np.arange(20)}
        columns = {name: np.array(column, "f8") for name, column in columns.items()}
        for row, what in broken:
            for name in (f"rot_{i}" for i in range(4)) if what == "rot" else (what,):
                columns[name][row] = {"rot": 0, "scale_1": np.inf}.get(what, np.nan)
        rows = sorted({row for row, _ in broken})
        found = formats.reads(written(element(columns)))
        np.testing.assert_array_equal(found.gaussians.extras["index"], np.delete(np.arange(20), rows))
        assert bool(found.notes) == bool(rows)
        assert not rows or found.notes[0].startswith(f"{len(rows)} of 20 splats left out")


class TestPlyAxes:
    """What is written, and what comments of ours and others say."""

    @pytest.mark.parametrize("suffix", [".ply", ".compressed.ply"])
    @pytest.mark.parametrize("axes", FRAMES)
    def test_every_frame_comes_back(self, suffix, axes):
        gaussians = random_gaussians(50, 2, size=0.05)
        data = formats.dumps(gaussians, suffix, axes=axes, unit=Unit.METRE)
        found = formats.reads(data, suffix)
        assert found.axes is Axes.Z_UP and found.unit is Unit.METRE
        assert f"comment Axes: {axes.value}".encode() in data
        if suffix == ".ply":
            assert_near(found.gaussians, gaussians, angle=np.pi, opacities=1e-6, higher=1e-5)
            np.testing.assert_allclose(found.gaussians.covariances(), gaussians.covariances(), atol=1e-7)
        else:
            assert np.abs(np.sort(found.gaussians.means, axis=0) - np.sort(gaussians.means, axis=0)).max() < 5e-3

    def test_other_programs_expect_y_down(self):
        gaussians = random_gaussians(20)
        x, y, z = gaussians.means.T
        for suffix in (".ply", ".splat"):
            raw = formats.dumps(gaussians, suffix)
            rows = raw[raw.find(b"end_header\n") + 11 if suffix == ".ply" else 0 :]
            first = np.frombuffer(rows[:12], "<f4")
            np.testing.assert_allclose(first, [x[0], -z[0], y[0]], atol=1e-6)

    @pytest.mark.parametrize(
        ("comment", "axes"),
        [
            ("Vertical Axis: z", Axes.Z_UP),
            ("Vertical axis: y", Axes.UNSTATED),
            ("Axes: RUB", Axes.Z_UP),
            ("Axes: XYZ", Axes.UNSTATED),
            ("Exported from Brush", Axes.UNSTATED),
        ],
    )
    def test_comments_of_others(self, comment, axes):
        gaussians = random_gaussians(5)
        found = formats.reads(written(element(raw_columns(gaussians)), comments=[comment]))
        assert found.axes is axes and found.unit is Unit.UNSTATED
        expected = to_ours(gaussians, Axes.RUB) if "RUB" in comment else gaussians
        np.testing.assert_array_equal(found.gaussians.means, expected.means)

    def test_formats_with_axes_of_their_own_take_no_others(self):
        with pytest.raises(ValueError, match="RUB"):
            formats.dumps(random_gaussians(3), ".spz", axes=Axes.Y_DOWN)


class TestSpz:
    """Frames, containers, versions."""

    @pytest.mark.parametrize("version", [2, 3, 4])
    @pytest.mark.parametrize("name", NUMBERS)
    def test_the_stored_frame_counts(self, name, version):
        """Positions, ellipsoids and harmonics are those that a file in SPZ's usual frame holds."""
        gaussians = random_gaussians(40, 3, size=0.1, spread=1)
        gaussians = gaussians.replace(sh=gaussians.sh * 0.3)
        matrix = to_ours_matrix(Axes[name])
        stored = gaussians.transform(np.linalg.inv(matrix))
        if np.linalg.det(matrix[:3, :3]) < 0:
            # Gaussians turn rotations by -matrix; SPZ's library mirrors them. The ellipsoids are the same.
            np.testing.assert_allclose(stored.transform(matrix).covariances(), gaussians.covariances(), atol=1e-6)
        raw = formats.dumps(to_ours(stored, Axes.RUB), ".spz", version=version)
        records = _records((0xADBE0002, bytes(12)), (0xADBE0003, struct.pack("<I", NUMBERS[name])))
        found = formats.loads(with_extensions(raw, records), ".spz")
        expected = formats.loads(formats.dumps(gaussians, ".spz", version=version), ".spz")
        np.testing.assert_allclose(found.means, expected.means, atol=2e-5)
        sizes = np.linalg.norm(expected.covariances(), axis=(1, 2))
        errors = np.linalg.norm(found.covariances() - expected.covariances(), axis=(1, 2)) / sizes
        assert errors.max() < {2: 0.7, 3: 0.08, 4: 0.08}[version]
        np.testing.assert_allclose(found.sh, expected.sh, atol=0.03)

    def test_frames_that_say_nothing(self):
        data = formats.dumps(random_gaussians(5), ".spz", version=3)
        plain = formats.loads(data, ".spz")
        for records in (
            _records((0xADBE0003, struct.pack("<I", 0))),
            _records((0xADBE0003, b"\x06")),
            _records((0xDEADBEEF, bytes(40))),
            b"\x03\x00\xbe\xad\xff\xff\xff\xff",
            b"",
        ):
            found = formats.reads(with_extensions(data, records), ".spz")
            assert not found.notes
            np.testing.assert_array_equal(found.gaussians.means, plain.means)
        found = formats.reads(with_extensions(data, _records((0xADBE0003, struct.pack("<I", 99)))), ".spz")
        assert "not known (99)" in found.notes[0]

    @pytest.mark.parametrize("version", [2, 3])
    def test_files_that_were_not_packed_are_read(self, version):
        data = formats.dumps(random_gaussians(5, 1), ".spz", version=version)
        assert_same(formats.loads(gzip.decompress(data), ".spz"), formats.loads(data, ".spz"))
        assert code_of(gzip.decompress(data)[:-1], ".spz") == "spz-truncated"

    def test_version_4_inside_gzip_is_read(self):
        data = formats.dumps(random_gaussians(5, 1), ".spz", version=4)
        assert_same(formats.loads(gzip.compress(data), ".spz"), formats.loads(data, ".spz"))

    @pytest.mark.parametrize("version", [0, 1, 5, 77])
    @pytest.mark.parametrize("packed", [True, False])
    def test_other_versions_are_told_without_contradiction(self, version, packed):
        data = bytearray(gzip.decompress(formats.dumps(random_gaussians(5), ".spz")))
        struct.pack_into("<I", data, 4, version)
        data = gzip.compress(data) if packed else bytes(data)
        with pytest.raises(FormatError, match=f"of version {version}; versions 2 to 4 can be read") as caught:
            formats.loads(data, ".spz")
        assert caught.value.code == "spz-version"

    def test_degree_4_is_dropped_and_told(self):
        gaussians = random_gaussians(3, 3).replace(sh=np.full((3, 16, 3), 0.25))
        data = bytearray(gzip.decompress(formats.dumps(gaussians, ".spz")))
        data[12] = 4
        higher = np.frombuffer(bytes(data[-3 * 45 :]), np.uint8).reshape(3, 45)
        more = np.concatenate([higher, np.full((3, 27), 200, np.uint8)], axis=1).tobytes()
        found = formats.reads(gzip.compress(bytes(data[: -3 * 45]) + more), ".spz")
        assert found.gaussians.sh_degree == 3 and "above degree 3" in found.notes[0]
        assert spz.VERSIONS and zstd.LEVEL


class TestRawValues:
    """Logarithms, logits, linear light."""

    @settings(deadline=None, max_examples=60)
    @given(st.lists(st.floats(-30, 30), min_size=3, max_size=40))
    def test_opacities_are_never_clipped_in_silence(self, values):
        values = np.float32(values)
        found, notes = raw_values.opacities(values)
        outside = (values < -1e-3) | (values > 1 + 1e-3)
        assert bool(notes) == bool(outside.any())
        assert (found >= -1e-3).all() and (found <= 1 + 1e-3).all()

    def test_logits_and_logarithms_of_trainings(self):
        gaussians = random_gaussians(500, opacities=np.random.default_rng(0).beta(0.4, 0.8, 500))
        chances = np.clip(gaussians.opacities.astype("f8"), 1e-6, 1 - 1e-6)
        found, _ = raw_values.opacities(np.log(chances / (1 - chances)))
        np.testing.assert_allclose(found, chances, rtol=1e-4)
        sizes, _ = raw_values.sizes(np.log(gaussians.scales))
        np.testing.assert_allclose(sizes, gaussians.scales, rtol=1e-5)
        same, notes = raw_values.sizes(gaussians.scales)
        assert same is gaussians.scales and not notes

    @pytest.mark.parametrize("degree", range(4))
    def test_linear_light_becomes_what_is_seen(self, degree):
        generator = np.random.default_rng(1)
        sh = generator.normal(size=(50, (degree + 1) ** 2, 3)).astype("f4") * 0.05
        sh[:, 0] = generator.uniform(-1, 1, (50, 3))
        directions = generator.normal(size=(50, 3))
        directions /= np.linalg.norm(directions, axis=1, keepdims=True)
        linear = harmonics.evaluate(sh, directions)
        encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
        seen = harmonics.evaluate(raw_values.display_harmonics(sh), directions)
        np.testing.assert_allclose(seen, encoded, atol=1e-5 if degree == 0 else 0.03)


def _gltf(gaussians, change=None, space=None, **columns) -> bytes:
    """A .gltf file of ours with changed columns; None for no such attribute."""
    root = json.loads(formats.dumps(gaussians, ".gltf"))
    primitive = root["meshes"][0]["primitives"][0]
    if space:
        primitive["extensions"]["KHR_gaussian_splatting"]["colorSpace"] = space
    data = base64.b64decode(root["buffers"][0]["uri"].partition(",")[2])
    for name, values in columns.items():
        values = np.ascontiguousarray(values, "<f4")
        view = {"buffer": 0, "byteOffset": len(data), "byteLength": values.nbytes}
        kind = {1: "SCALAR", 2: {3: "VEC3", 4: "VEC4"}.get(values.shape[-1])}[values.ndim]
        accessor = {"bufferView": len(root["bufferViews"]), "componentType": 5126, "count": len(values), "type": kind}
        root["bufferViews"].append(view)
        primitive["attributes"][f"KHR_gaussian_splatting:{name}"] = len(root["accessors"])
        root["accessors"].append(accessor)
        data += values.tobytes()
    root["buffers"][0] = {
        "byteLength": len(data),
        "uri": "data:application/octet-stream;base64," + base64.b64encode(data).decode(),
    }
    if change:
        change(primitive)
    return json.dumps(root).encode()


class TestGltf:
    """Raw values, linear colours, drafts, broken splats."""

    def test_logits_are_recognised(self):
        gaussians = random_gaussians(40)
        logits = np.random.default_rng(0).normal(0, 4, 40)
        found = formats.reads(_gltf(gaussians, OPACITY=logits), ".gltf")
        np.testing.assert_allclose(found.gaussians.opacities, 1 / (1 + np.exp(-logits)), rtol=1e-4)
        assert "logits" in found.notes[0]

    def test_one_opacity_outside_is_told(self):
        opacities = np.linspace(0, 1, 40)
        opacities[7] = 1.5
        found = formats.reads(_gltf(random_gaussians(40), OPACITY=opacities), ".gltf")
        assert found.gaussians.opacities[7] == 1 and "1 opacities" in found.notes[0]

    def test_linear_colours_are_converted(self):
        gaussians = random_gaussians(9).replace(sh=harmonics.from_colors(np.full((9, 3), 0.2140411)))
        found = formats.reads(_gltf(gaussians, space="lin_rec709_display"), ".gltf")
        np.testing.assert_allclose(found.gaussians.colors, 0.5, atol=1e-5)
        assert "Linear" in found.notes[0]

    def test_early_drafts_are_called_so(self):
        def change(primitive):
            attributes = primitive["attributes"]
            for name in ("ROTATION", "SCALE"):
                attributes[f"_{name}"] = attributes.pop(f"KHR_gaussian_splatting:{name}")
            del attributes["KHR_gaussian_splatting:OPACITY"]

        with pytest.raises(FormatError, match="early draft") as caught:
            formats.loads(_gltf(random_gaussians(4), change), ".gltf")
        assert caught.value.code == "gltf-unsupported"

    def test_broken_splats_are_left_out(self):
        gaussians = random_gaussians(10)
        rotations, scales = np.array(gaussians.rotations), np.array(gaussians.scales)
        rotations[3], scales[5, 1], scales[6, 2] = 0, np.inf, -1
        found = formats.reads(_gltf(gaussians, ROTATION=rotations, SCALE=scales), ".gltf")
        assert len(found.gaussians) == 7 and "3 of 10 splats left out" in found.notes[0]


class TestUsd:
    """Animation, visibility, colour spaces, positions, referred files."""

    @pytest.fixture(autouse=True)
    def _needs_pxr(self):
        pytest.importorskip("pxr")

    @staticmethod
    def read(body: str, head: str = ""):
        return formats.reads(f'#usda 1.0\n(\nupAxis = "Z"\nmetersPerUnit = 1\n{head})\n{body}'.encode(), ".usda")

    @staticmethod
    def splats(name: str = "C", extra: str = "", meta: str = "", content: str = SPLATS) -> str:
        return f'def ParticleField3DGaussianSplat "{name}" {meta}{{{content}{extra}}}\n'

    @pytest.mark.parametrize("head", ["startTimeCode = 1\nendTimeCode = 2\n", ""])
    def test_everything_is_read_at_one_time(self, head):
        """Positions have their first sample later than the parent's transform."""
        rows = ", ".join(f"((1,0,0,0),(0,1,0,0),(0,0,1,0),({x},20,30,1))" for x in (10, 11)).split(", (")
        body = (
            'def Xform "W" {\nmatrix4d xformOp:transform.timeSamples = {1: '
            + rows[0]
            + ", 2: ("
            + rows[1]
            + '}\nuniform token[] xformOpOrder = ["xformOp:transform"]\n'
            + self.splats(
                content=SPLATS.replace("point3f[] positions =", "point3f[] positions.timeSamples = {2:").replace(
                    "(1.5, 2, 3)]", "(1.5, 2, 3)], 3: [(9, 9, 9), (9, 9, 9)]}"
                )
            )
            + "}\n"
        )
        found = self.read(body, head)
        np.testing.assert_allclose(found.gaussians.means, [[11, 22, 33], [11.5, 22, 33]])
        assert "frame 1 was read" in found.notes[0]

    def test_still_files_tell_nothing(self):
        assert not self.read(self.splats()).notes

    @pytest.mark.parametrize(
        "hiding",
        ['token visibility = "invisible"', 'uniform token purpose = "guide"', 'uniform token purpose = "proxy"'],
    )
    def test_invisible_prims_stay_out(self, hiding):
        hidden = f'def Xform "P" {{\n{hiding}\n{self.splats()}}}\n'
        found = self.read(self.splats("A") + hidden)
        assert len(found.gaussians) == 2 and "1 of 2 splat objects" in found.notes[0]
        assert code_of(f"#usda 1.0\n{hidden}".encode(), ".usda") == "usd-invisible"

    def test_visibility_is_that_of_the_frame(self):
        animated = 'token visibility.timeSamples = {1: "inherited", 2: "invisible"}\n'
        assert len(self.read(self.splats("A", animated), "startTimeCode = 1\nendTimeCode = 2\n").gaussians) == 2
        animated = animated.replace("1:", "0:").replace("2:", "1:")
        head = "#usda 1.0\n(\nstartTimeCode = 1\nendTimeCode = 2\n)\n"
        assert code_of((head + self.splats("A", animated)).encode(), ".usda") == "usd-invisible"

    @pytest.mark.parametrize("where", ["prim", "parent", "attribute"])
    def test_linear_colours_are_converted(self, where):
        space = 'uniform token colorSpace:name = "lin_rec709_scene"\n'
        body = self.splats(extra=space if where == "prim" else "")
        if where == "parent":
            body = f'def Xform "W" {{\n{space}{body}}}\n'
        if where == "attribute":
            body = body.replace(
                "(0.1, 0.2, 0.3), (0.1, 0.2, 0.3)]",
                '(0.1, 0.2, 0.3), (0.1, 0.2, 0.3)] (colorSpace = "lin_rec709_scene")',
            )
        found = self.read(body)
        linear = 0.5 + harmonics.C0 * np.array([0.1, 0.2, 0.3])
        np.testing.assert_allclose(found.gaussians.colors[0], 1.055 * linear ** (1 / 2.4) - 0.055, rtol=1e-4)
        assert "Linear" in found.notes[0]

    def test_other_colour_spaces_are_named(self):
        for name, is_read in (("srgb_rec709_scene", True), ("raw", True), ("lin_ap1_scene", False)):
            body = self.splats(extra=f'uniform token colorSpace:name = "{name}"\n')
            if is_read:
                np.testing.assert_allclose(self.read(body).gaussians.sh[0, 0], [0.1, 0.2, 0.3])
            else:
                with pytest.raises(FormatError, match="lin_ap1_scene"):
                    self.read(body)

    def test_splats_without_positions_are_an_error(self):
        nowhere = self.splats("B", content=SPLATS.replace("positions", "points"))
        assert code_of(f"#usda 1.0\n{nowhere}".encode(), ".usda") == "usd-no-positions"
        assert code_of(f"#usda 1.0\n{self.splats('B', content='')}".encode(), ".usda") == "usd-no-positions"
        assert "1 of 2 splat objects have no positions" in self.read(self.splats("A") + nowhere).notes[0]

    def test_raw_values_are_recognised(self):
        raw = SPLATS.replace("[0.75, 0.5]", "[20, -3]").replace(
            "(0.5, 1, 2), (0.1, 0.1, 0.1)", "(-1, -2, -3), (-4, -5, -6)"
        )
        found = self.read(self.splats(content=raw))
        np.testing.assert_allclose(found.gaussians.opacities, [1, 0.0474259], rtol=1e-5)
        np.testing.assert_allclose(found.gaussians.scales[0], np.exp([-1, -2, -3]), rtol=1e-6)
        assert len(found.notes) == 2

    def test_referred_files_are_read_beside_the_file_only(self, tmp_path):
        head = '#usda 1.0\n(\ndefaultPrim = "W"\nupAxis = "Z"\nmetersPerUnit = 1\n)\n'
        folder = tmp_path / "inside"
        (folder / "parts").mkdir(parents=True)
        target = head + f'def Xform "W" {{\n{self.splats()}}}\n'
        for path in (folder / "one.usda", folder / "parts" / "two.usda", tmp_path / "outside.usda"):
            path.write_text(target)

        def root(*names: str) -> str:
            prims = "".join(f'def Xform "G{i}" (references = @{name}@) {{}}\n' for i, name in enumerate(names))
            (folder / "root.usda").write_text(head + f'def Xform "W" {{\n{prims}}}\n')
            return folder / "root.usda"

        found = formats.read(root("./one.usda", "parts/two.usda"))
        assert len(found.gaussians) == 4 and not found.notes
        found = formats.read(root("./one.usda", "./gone.usda"))
        assert len(found.gaussians) == 2 and "gone.usda" in found.notes[0]
        found = formats.read(root("./one.usda", "../outside.usda"))
        assert len(found.gaussians) == 2 and "outside" in found.notes[0]
        for name in ("./gone.usda", "../outside.usda", str(tmp_path / "outside.usda")):
            with pytest.raises(FormatError, match="refers to") as caught:
                formats.read(root(name))
            assert caught.value.code == "usd-missing-file" and "folder" in caught.value.advice
        with pytest.raises(FormatError, match="out of reach"):
            formats.loads(root("./one.usda").read_bytes(), ".usda")


def test_the_shared_cases(shared):
    """Small files after public reports, with what is right for each."""
    cases = shared / "cases"
    if not cases.exists():
        pytest.skip("the cases are not there")
    pytest.importorskip("pxr")
    truth = formats.load(cases / "spz-coordsys-truth-rub-v4.spz")
    found = formats.load(cases / "spz-coordsys-rdf-v4.spz")
    for name in ("means", "scales", "rotations", "opacities", "sh"):
        np.testing.assert_array_equal(getattr(found, name), getattr(truth, name))
    np.testing.assert_allclose(found.means[0], [0.1, -0.02, 0.5], atol=2e-4)
    counts = {
        "spz-v2-not-gzipped.spz": 5,
        "usd-animated-xform.usda": 2,
        "usd-linear-colorspace.usda": 2,
        "usd-root-references-sibling.usda": 2,
        "ply-2dgs-no-scale_2.ply": 5,
        "ply-cloudcompare-scalar-prefix.ply": 5,
        "ply-sh-degree-4.ply": 4,
        "ply-nerfstudio-rgb-mode.ply": 5,
        "ply-one-nan.ply": 4,
        "gltf-opacity-logits.gltf": 2,
    }
    readings = {name: formats.read(cases / name) for name in counts}
    assert {name: len(item.gaussians) for name, item in readings.items()} == counts
    np.testing.assert_allclose(
        readings["usd-animated-xform.usda"].gaussians.means, [[11, 22, 33], [11.5, 22, 33]], rtol=1e-6
    )
    silent = {"spz-v2-not-gzipped.spz", "usd-root-references-sibling.usda", "ply-cloudcompare-scalar-prefix.ply"}
    assert {name for name, item in readings.items() if not item.notes} == silent
    for name, code in {
        "usd-no-positions.usda": "usd-no-positions",
        "ply-truncated-zero-rows.ply": "ply-truncated",
        "gltf-early-draft-names.gltf": "gltf-unsupported",
    }.items():
        with pytest.raises(FormatError) as caught:
            formats.load(cases / name)
        assert caught.value.code == code
    assert from_ours(truth, Axes.UNSTATED) is truth
