"""glTF files as other programs lay them out: nodes, several buffers, quantised columns."""

from __future__ import annotations

import io
import json
import math

import numpy as np
import pytest

from core import formats
from core.errors import FormatError
from core.formats import gltf
from core.formats.axes import Axes, from_ours
from tests.helpers.format import assert_near
from tests.helpers.gaussian import random_gaussians

EXTENSION = "KHR_gaussian_splatting"
TYPES = {1: "SCALAR", 2: "VEC2", 3: "VEC3", 4: "VEC4"}
CODES = {"i1": 5120, "u1": 5121, "i2": 5122, "u2": 5123, "f4": 5126}


class File:
    """A .gltf file built column by column, with one external buffer for each."""

    def __init__(self) -> None:
        self.buffers: list[bytes] = []
        self.root = {
            "asset": {"version": "2.0"},
            "extensionsUsed": [EXTENSION],
            "accessors": [],
            "bufferViews": [],
            "buffers": [],
            "meshes": [],
        }

    def column(self, values: np.ndarray, normalized: bool = False, stride: int = 0, lead: int = 0) -> int:
        """Add a column of values [N, width], rows ``stride`` bytes apart, behind ``lead`` other bytes."""
        rows = np.ascontiguousarray(values).reshape(len(values), -1)
        width, size = rows.shape[1], rows.itemsize * rows.shape[1]
        stride = stride or size
        table = np.full((len(rows), stride), 7, np.uint8)
        table[:, :size] = rows.view(np.uint8)
        self.buffers.append(b"\x07" * lead + table.tobytes())
        root, index = self.root, len(self.root["accessors"])
        root["buffers"].append({"byteLength": len(self.buffers[-1]), "uri": f"part%20{index}.bin"})
        root["bufferViews"].append({"buffer": index, "byteLength": len(self.buffers[-1]) - lead, "byteOffset": lead})
        if stride != size:
            root["bufferViews"][-1]["byteStride"] = stride
        root["accessors"].append(
            {
                "bufferView": index,
                "componentType": CODES[rows.dtype.str[1:]],
                "count": len(rows),
                "type": TYPES[width],
                "normalized": normalized,
            }
        )
        return index

    def splats(self, gaussians, **changed: int) -> dict:
        """A primitive with these Gaussians; ``changed`` names columns added before."""
        columns = {
            "POSITION": gaussians.means,
            f"{EXTENSION}:ROTATION": gaussians.rotations[:, (1, 2, 3, 0)],
            f"{EXTENSION}:SCALE": gaussians.scales,
            f"{EXTENSION}:OPACITY": gaussians.opacities,
            f"{EXTENSION}:SH_DEGREE_0_COEF_0": gaussians.sh[:, 0],
        }
        attributes = {
            name: changed[name.rpartition(":")[2]] if name.rpartition(":")[2] in changed else self.column(values)
            for name, values in columns.items()
        }
        kind = {"kernel": "ellipse", "colorSpace": "srgb_rec709_display"}
        return {"attributes": attributes, "mode": 0, "extensions": {EXTENSION: kind}}

    def save(self, folder) -> None:
        for index, data in enumerate(self.buffers):
            (folder / f"part {index}.bin").write_bytes(data)
        (folder / "file.gltf").write_text(json.dumps(self.root))


def _code(action) -> str:
    with pytest.raises(FormatError) as caught:
        action()
    assert caught.value.message.endswith(".") and caught.value.advice.endswith(".")
    return caught.value.code


def _loaded(file: File, folder):
    file.save(folder)
    return from_ours(formats.load(folder / "file.gltf"), Axes.Y_UP)


def test_buffers_beside_the_file_are_read(tmp_path):
    file, gaussians = File(), random_gaussians(20)
    file.root["meshes"] = [{"primitives": [file.splats(gaussians)]}]
    assert_near(gaussians, _loaded(file, tmp_path), angle=1e-6)
    data = (tmp_path / "file.gltf").read_bytes()
    assert _code(lambda: formats.loads(data, ".gltf")) == "gltf-missing-buffer"
    (tmp_path / "part 2.bin").unlink()
    assert _code(lambda: formats.load(tmp_path / "file.gltf")) == "gltf-missing-buffer"


@pytest.mark.parametrize(
    "name", ("../secret.bin", "/etc/hostname", "a/../../secret.bin", "file:///etc/hostname", "C:\\x")
)
def test_buffers_elsewhere_are_not_read(name, tmp_path):
    folder = tmp_path / "inside"
    folder.mkdir()
    file = File()
    file.root["meshes"] = [{"primitives": [file.splats(random_gaussians(20))]}]
    (tmp_path / "secret.bin").write_bytes(file.buffers[0])
    file.root["buffers"][0]["uri"] = name
    file.save(folder)
    assert _code(lambda: formats.load(folder / "file.gltf")) == "gltf-missing-buffer"


def test_quantised_and_interleaved_columns_are_read(tmp_path):
    file, gaussians = File(), random_gaussians(50, size=0.2)
    turns = np.rint(gaussians.rotations[:, (1, 2, 3, 0)] * 32767).astype("<i2")
    opacities = np.rint(gaussians.opacities * 65535).astype("<u2")
    sizes = np.arange(150, dtype="u1").reshape(50, 3)
    changed = {
        "ROTATION": file.column(turns, normalized=True),
        "OPACITY": file.column(opacities, normalized=True, stride=4),
        "SCALE": file.column(sizes, stride=4, lead=16),
        "POSITION": file.column(gaussians.means, stride=40, lead=8),
    }
    file.root["meshes"] = [{"primitives": [file.splats(gaussians, **changed)]}]
    expected = gaussians.replace(scales=np.maximum(sizes, 1e-37).astype(np.float32))
    back = _loaded(file, tmp_path)
    np.testing.assert_array_equal(back.scales[0, 0] > 0, True)
    assert_near(expected.select(np.arange(1, 50)), back.select(np.arange(1, 50)), angle=2e-4, opacities=1e-5)
    normalized = {"SCALE": file.column(sizes, normalized=True, stride=4)}
    file.root["meshes"] = [{"primitives": [file.splats(gaussians, **normalized)]}]
    np.testing.assert_allclose(_loaded(file, tmp_path).scales[1:], sizes[1:] / 255, rtol=1e-6)


def test_scales_of_drafts_are_logarithms(tmp_path):
    file, gaussians = File(), random_gaussians(20)
    scales = file.column(np.log(gaussians.scales))
    file.root["meshes"] = [{"primitives": [file.splats(gaussians, SCALE=scales)]}]
    assert_near(gaussians, _loaded(file, tmp_path), angle=1e-6, log_scales=1e-5)


def test_nodes_place_their_splats(tmp_path):
    file, a, b = File(), random_gaussians(7, seed=1), random_gaussians(5, seed=2)
    file.root["meshes"] = [{"primitives": [file.splats(a)]}, {"primitives": [file.splats(b), file.splats(a)]}]
    half = math.sqrt(0.5)
    file.root["nodes"] = [
        {"children": [1, 2], "translation": [1, 2, 3], "scale": [2, 2, 2]},
        {"mesh": 0, "rotation": [0, half, 0, half]},
        # Column by column.
        {"mesh": 1, "matrix": [1, 0, 0, 0, 0, 3, 0, 0, 0, 0, 1, 0, 0, 0, 5, 1]},
        {"mesh": 0},
    ]
    file.root["scenes"] = [{"nodes": [3]}, {"nodes": [0]}]
    file.root["scene"] = 1
    back = _loaded(file, tmp_path)
    assert len(back) == 7 + 5 + 7
    turned = np.stack([a.means[:, 2], a.means[:, 1], -a.means[:, 0]], axis=1)
    np.testing.assert_allclose(back.means[:7], turned * 2 + [1, 2, 3], atol=1e-5)
    np.testing.assert_allclose(back.scales[:7], a.scales * 2, rtol=1e-5)
    np.testing.assert_allclose(back.means[7:12], (b.means * [1, 3, 1] + [0, 0, 5]) * 2 + [1, 2, 3], atol=1e-5)
    stretch = np.diag([2.0, 6, 2])
    np.testing.assert_allclose(back.covariances()[7:12], stretch @ b.covariances() @ stretch, rtol=1e-3, atol=1e-5)
    del file.root["scenes"], file.root["scene"]
    assert len(_loaded(file, tmp_path)) == 7 + 5 + 7 + 7


def test_other_meshes_and_points_are_left_alone(tmp_path):
    file, gaussians = File(), random_gaussians(6)
    points = file.splats(gaussians)
    del points["extensions"]
    file.root["meshes"] = [{"primitives": [points]}]
    file.save(tmp_path)
    assert _code(lambda: formats.load(tmp_path / "file.gltf")) == "gltf-not-splats"
    file.root["meshes"].append({"primitives": [points, file.splats(gaussians)]})
    assert len(_loaded(file, tmp_path)) == 6


def test_extra_columns_stay_where_all_splats_have_them(tmp_path):
    file, a, b = File(), random_gaussians(3), random_gaussians(2)
    first, second = file.splats(a), file.splats(b)
    first["attributes"] |= {"_PART": file.column(np.uint8([1, 2, 99])), "_heat": file.column(np.float32([1, 2, 3]))}
    second["attributes"] |= {"_heat": file.column(np.float32([4, 5])), "_alone": file.column(np.float32([4, 5]))}
    file.root["meshes"] = [{"primitives": [first, second]}]
    back = _loaded(file, tmp_path)
    assert back.parts.tolist() == [1, 2, 0, 0, 0]
    assert list(back.extras) == ["heat"] and back.extras["heat"].tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("change", "code"),
    (
        ({"kernel": "box"}, "gltf-unsupported"),
        ({"colorSpace": "lin_ap1_scene"}, "gltf-unsupported"),
        ({"extensions": {"KHR_gaussian_splatting_compression_spz": {"bufferView": 0}}}, "gltf-unsupported"),
    ),
)
def test_kinds_of_splats_that_are_not_ours_are_refused(change, code, tmp_path):
    file = File()
    primitive = file.splats(random_gaussians(3))
    primitive["extensions"][EXTENSION] |= change
    file.root["meshes"] = [{"primitives": [primitive]}]
    file.save(tmp_path)
    assert _code(lambda: formats.load(tmp_path / "file.gltf")) == code


def test_columns_that_contradict_each_other_are_named(tmp_path):
    gaussians = random_gaussians(4, 1)

    def broken(**changes) -> str:
        root = json.loads(formats.dumps(gaussians, ".gltf"))
        attributes = root["meshes"][0]["primitives"][0]["attributes"]
        for name, value in changes.items():
            if value is None:
                del attributes[f"{EXTENSION}:{name}"]
            else:
                root["accessors"][attributes[f"{EXTENSION}:{name}"]] |= value
        return _code(lambda: gltf.decode(io.BytesIO(json.dumps(root).encode())))

    assert broken(OPACITY=None) == "gltf-damaged"
    assert broken(SH_DEGREE_1_COEF_2=None) == "gltf-damaged"
    assert broken(OPACITY={"count": 3}) == "gltf-damaged"
    assert broken(OPACITY={"count": 5}) == "gltf-damaged"
    assert broken(SCALE={"type": "VEC4"}) == "gltf-damaged"
    assert broken(SCALE={"componentType": 5130}) == "gltf-damaged"
    assert broken(ROTATION={"sparse": {}}) == "gltf-unsupported"
