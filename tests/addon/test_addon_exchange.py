"""Every format through Blender: objects out and in, within what the format can hold."""

from __future__ import annotations

import gzip
import json
import struct
import sys

import numpy as np
import pytest
from scipy.spatial import KDTree

from core import formats
from core.formats.axes import Axes, from_ours
from tests.helpers.addon import add_splats, needs_blender, surface_gaussians
from tests.helpers.format import within_range
from tests.helpers.patience import PATIENCE
from tests.helpers.ply import element, raw_columns, written

pytestmark = needs_blender

EXACT = {"means": 2e-5, "covariances": 1e-4, "opacities": 1e-5, "base": 1e-5, "higher": 1e-5}
"""float32; covariances relative to their size."""
BYTE = 0.51 / 255
TOLERANCES = {
    ".ply": EXACT,
    # A turn mixes the errors of up to seven harmonics, a byte's step of 1/32 each.
    ".compressed.ply": {"means": 2e-3, "covariances": 1e-2, "opacities": BYTE, "base": 8e-3, "higher": 4e-2},
    ".splat": {"means": 2e-5, "covariances": 3e-2, "opacities": BYTE, "base": 7.1e-3, "higher": None},
    ".spz": {"means": 3e-5, "covariances": 7e-2, "opacities": BYTE, "base": 1.4e-2, "higher": 1e-2},
    ".glb": EXACT,
    ".gltf": EXACT,
    ".usd": EXACT,
    ".usda": EXACT,
    ".usdc": EXACT,
    ".usdz": EXACT,
}
"""By suffix; None where the format has no view-dependent colour."""
KEEPS_COLUMNS = (".ply", ".glb", ".gltf", ".usd", ".usda", ".usdc", ".usdz")
SAYS_NOTHING = (".splat",)
"""Has no place to state the axes."""


def test_every_suffix_is_tested():
    assert set(TOLERANCES) == set(formats.suffixes())


def stretched_object(extension, gaussians):
    """Return an object with a turned, stretched, moved transform, and what it looks like in the world."""
    import bpy

    target = add_splats(extension, gaussians)
    target.location, target.rotation_euler, target.scale = (0.3, -1.2, 0.5), (0.4, 0.1, -0.6), (0.8, 1.5, 1.1)
    bpy.context.view_layer.update()
    return target, gaussians.transform(np.array(target.matrix_world))


def assert_same_splats(actual, expected, suffix):
    """Compare what is seen, whatever order the format stores; parts and columns where it has them."""
    tolerance = TOLERANCES[suffix]
    assert len(actual) == len(expected)
    distances, order = KDTree(actual.means).query(expected.means)
    assert len(set(order)) == len(expected)
    actual = actual.select(order)
    assert distances.max() <= tolerance["means"]
    wanted = expected.covariances()
    sizes = np.linalg.norm(wanted, axis=(1, 2))
    assert (np.linalg.norm(actual.covariances() - wanted, axis=(1, 2)) / sizes).max() <= tolerance["covariances"]
    np.testing.assert_allclose(actual.opacities, expected.opacities, atol=tolerance["opacities"])
    np.testing.assert_allclose(actual.sh[:, 0], expected.sh[:, 0], atol=tolerance["base"])
    if tolerance["higher"] is None:
        assert actual.sh_degree == 0
    else:
        np.testing.assert_allclose(actual.sh[:, 1:], expected.sh[:, 1:], atol=tolerance["higher"])
    if suffix in KEEPS_COLUMNS:
        np.testing.assert_array_equal(actual.parts, expected.parts)
        for name, column in expected.extras.items():
            np.testing.assert_allclose(actual.extras[name], column, rtol=1e-6)


def export(path, **options):
    import bpy

    assert bpy.ops.facelift.export_splats(filepath=str(path), check_existing=False, **options) == {"FINISHED"}


def imported(extension, path, **options):
    """Import a file and return the active object's splats in the world."""
    import bpy

    assert bpy.ops.facelift.import_splats(filepath=str(path), **options) == {"FINISHED"}
    target = bpy.context.active_object
    gaussians = extension.module("facelift_addon.splats.data.geometry").to_gaussians(target.data)
    return target, gaussians.transform(np.array(target.matrix_world))


@pytest.mark.parametrize("suffix", TOLERANCES)
def test_a_stretched_object_goes_out_and_comes_back(blender, tmp_path, suffix):
    _, expected = stretched_object(blender, within_range(surface_gaussians(300, 3)))
    path = tmp_path / f"bust{suffix}"
    export(path)
    assert_same_splats(formats.load(path), expected, suffix)
    target, back = imported(blender, path)
    assert target.name == "bust"
    assert_same_splats(back, expected, suffix)


def test_deleted_points_and_parts_are_respected(blender, tmp_path):
    import bpy

    gaussians = surface_gaussians(400)
    target = add_splats(blender, gaussians)
    keep = gaussians.means[:, 2] <= 0.2
    bpy.ops.object.mode_set(mode="EDIT")
    selection = target.data.attributes.get(".selection") or target.data.attributes.new(".selection", "BOOLEAN", "POINT")
    selection.data.foreach_set("value", ~keep)
    bpy.ops.pointcloud.delete()
    bpy.ops.object.mode_set(mode="OBJECT")
    for suffix in (".spz", ".glb", ".usdc"):
        export(tmp_path / f"cut{suffix}")
        assert_same_splats(formats.load(tmp_path / f"cut{suffix}"), gaussians.select(keep), suffix)


def test_gltf_stands_upright_for_others(blender, tmp_path):
    """Read as any glTF reader does, not by ours: Blender's up is the file's Y."""
    _, expected = stretched_object(blender, surface_gaussians(200))
    export(tmp_path / "bust.gltf")
    document = json.loads((tmp_path / "bust.gltf").read_text())
    (primitive,) = document["meshes"][0]["primitives"]
    bounds = document["accessors"][primitive["attributes"]["POSITION"]]
    assert "matrix" not in document["nodes"][0] and "rotation" not in document["nodes"][0]
    x, y, z = expected.means.T
    np.testing.assert_allclose(bounds["max"], [x.max(), z.max(), -y.min()], atol=1e-5)
    np.testing.assert_allclose(bounds["min"], [x.min(), z.min(), -y.max()], atol=1e-5)


def test_frames_matter_only_where_the_file_says_nothing(blender, tmp_path):
    gaussians = surface_gaussians(100)
    for suffix in (".splat", ".ply", ".compressed.ply", ".spz", ".glb", ".usda"):
        formats.save(gaussians, tmp_path / f"in{suffix}")
        _, back = imported(blender, tmp_path / f"in{suffix}", frame="Y_UP")
        turned = formats.axes.to_ours(from_ours(gaussians, Axes.Y_DOWN), Axes.Y_UP)
        assert_same_splats(back, turned if suffix in SAYS_NOTHING else gaussians, suffix)


@pytest.mark.parametrize("suffix", TOLERANCES)
def test_heads_come_back_as_they_were_with_defaults(blender, tmp_path, suffix):
    """In metres, standing at the origin as heads do."""
    placement = blender.module("facelift_addon.splats.scene.placement")
    gaussians = within_range(surface_gaussians(200, 1))
    local = gaussians.transform(placement.reference_to_local(placement.DEFAULT_HEAD_HEIGHT))
    target = add_splats(blender, local)
    path = tmp_path / f"head{suffix}"
    export(path)
    back, splats = imported(blender, path)
    assert back is not target
    assert_same_splats(splats, local, suffix)


@pytest.mark.parametrize("suffix", [".ply", ".compressed.ply", ".splat"])
def test_files_of_earlier_versions_stand_upright_through_the_axes(blender, tmp_path, suffix):
    """They had +Z up in metres and said nothing."""
    gaussians = surface_gaussians(100).transform(np.diag([0.2, 0.2, 0.2, 1.0]))
    data = formats.dumps(gaussians, suffix, axes=Axes.Z_UP)
    lines = [line for line in data.split(b"\n") if not line.startswith(b"comment ")] if suffix != ".splat" else [data]
    (tmp_path / f"old{suffix}").write_bytes(b"\n".join(lines))
    assert formats.read(tmp_path / f"old{suffix}").axes is Axes.UNSTATED
    _, back = imported(blender, tmp_path / f"old{suffix}", frame="Z_UP")
    assert_same_splats(back, gaussians, suffix)


@pytest.mark.parametrize("suffix", [".ply", ".splat"])
@pytest.mark.parametrize("axes", [Axes.Z_UP, Axes.Y_DOWN])
@pytest.mark.parametrize("says_so", [True, False])
def test_heads_in_engine_units_are_found_whichever_way_they_lie(blender, tmp_path, suffix, axes, says_so):
    """Heads of the command line and of FaceLift itself, and those that passed through other programs."""
    placement = blender.module("facelift_addon.splats.scene.placement")
    gaussians = with_shoulders(600)
    path = tmp_path / f"head{suffix}"
    if suffix == ".ply" and not says_so:
        path.write_bytes(written(element(raw_columns(from_ours(gaussians, axes)))))
    else:
        formats.save(gaussians, path, axes=axes, unit=formats.Unit.HEAD)
    _, back = imported(blender, path)
    expected = gaussians.transform(placement.reference_to_local(placement.DEFAULT_HEAD_HEIGHT))
    np.testing.assert_allclose(back.means, expected.means, atol=1e-5)


def with_shoulders(count):
    """A head that is wider below, and behind, as heads are."""
    gaussians = surface_gaussians(count)
    means = np.array(gaussians.means)
    means[:, 0] *= 1.1 - 0.6 * means[:, 2] + 0.3 * means[:, 1]
    return gaussians.replace(means=means)


def test_what_was_left_out_is_told(blender, tmp_path):
    import bpy

    importing = blender.module("facelift_addon.operators.importing")
    columns = raw_columns(surface_gaussians(20, 0))
    columns["x"][3] = np.nan
    (tmp_path / "one.ply").write_bytes(written(element(columns)))
    formats.save(surface_gaussians(5), tmp_path / "two.ply")
    reading = importing._read([tmp_path / "one.ply"], "AUTO", 0.24, False, blender.module("core.progress").Reporter())
    told = importing._add(reading, bpy.context.scene.name, "AUTO")
    assert told.startswith("19 splats imported.") and "1 of 20 splats left out" in told
    reading = importing._read(
        [tmp_path / "one.ply", tmp_path / "two.ply"], "AUTO", 0.24, False, blender.module("core.progress").Reporter()
    )
    assert "one: 1 of 20" in importing._add(reading, bpy.context.scene.name, "AUTO")


def test_a_head_in_engine_units_is_scaled_when_asked(blender, tmp_path):
    placement = blender.module("facelift_addon.splats.scene.placement")
    gaussians = surface_gaussians(100)
    formats.save(gaussians, tmp_path / "head.glb")
    _, back = imported(blender, tmp_path / "head.glb", frame="HEAD")
    expected = gaussians.transform(placement.reference_to_local(placement.DEFAULT_HEAD_HEIGHT))
    assert_same_splats(back, expected, ".glb")


def test_the_last_step_can_be_redone_with_another_frame(blender, tmp_path):
    """What the adjust-last-operation panel does: the same reading, other axes."""
    import bpy

    gaussians = surface_gaussians(100)
    formats.save(gaussians, tmp_path / "scan.splat", axes=Axes.Z_UP)
    imported(blender, tmp_path / "scan.splat", frame="Z_UP")
    key = blender.module("facelift_addon.operators.importing")._handover.key
    bpy.ops.facelift.add_splats(made=key, frame="Y_UP")
    stored = blender.module("facelift_addon.splats.data.geometry").to_gaussians(bpy.context.active_object.data)
    assert_same_splats(stored, formats.axes.to_ours(gaussians, formats.Axes.Y_UP), ".splat")
    objects = len(bpy.data.objects)
    with pytest.raises(RuntimeError, match="gone"):
        bpy.ops.facelift.add_splats(made="an earlier import's")
    assert len(bpy.data.objects) == objects


def test_name_and_format_agree(blender, tmp_path):
    add_splats(blender, surface_gaussians(50))
    export(tmp_path / "chosen", format="spz")
    assert (tmp_path / "chosen.spz").is_file()
    export(tmp_path / "TYPED.SPZ")
    assert formats.load(tmp_path / "TYPED.SPZ")
    exchange = blender.module("facelift_addon.splats.data.exchange")
    kinds = {kind.id: kind for kind in blender.module("core.formats").FORMATS}
    for before, kind, after in (
        ("/a/head.ply", "spz", "/a/head.spz"),
        ("//head.compressed.ply", "ply", "//head.ply"),
        ("head.ply", "compressed-ply", "head.compressed.ply"),
        ("head.usd", "usdc", "head.usd"),
        ("head v1.2", "glb", "head v1.2.glb"),
        ("/a.spz/head", "usda", "/a.spz/head.usda"),
        ("", "ply", ".ply"),
    ):
        assert exchange.renamed(before, kinds[kind]) == after


@pytest.mark.parametrize("version", [2, 3, 4])
def test_the_version_of_spz_can_be_chosen(blender, tmp_path, version):
    if version == 4:
        pytest.importorskip("zstandard")
    add_splats(blender, surface_gaussians(50))
    export(tmp_path / "a.spz", spz_version=str(version))
    data = (tmp_path / "a.spz").read_bytes()
    magic, written = struct.unpack_from("<4sI", data if version == 4 else gzip.decompress(data))
    assert magic == b"NGSP" and written == version
    assert len(imported(blender, tmp_path / "a.spz")[1]) == 50


def test_a_missing_library_is_told_and_writes_nothing(blender, tmp_path, monkeypatch):
    import bpy

    add_splats(blender, surface_gaussians(50))
    for name in ("zstandard", "compression.zstd"):
        # What Python itself notes when a module can't be imported.
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(RuntimeError, match="Use SPZ version 3"):
        bpy.ops.facelift.export_splats(filepath=str(tmp_path / "a.spz"), check_existing=False, spz_version="4")
    assert not list(tmp_path.iterdir())


def mesh_file(path):
    """Have Blender itself write a mesh."""
    import bpy

    bpy.ops.mesh.primitive_cube_add()
    if path.suffix == ".ply":
        bpy.ops.wm.ply_export(filepath=str(path))
    elif path.suffix == ".usda":
        bpy.ops.wm.usd_export(filepath=str(path))
    else:
        bpy.ops.export_scene.gltf(filepath=str(path))


@pytest.mark.parametrize("suffix", [".ply", ".glb", ".usda"])
def test_meshes_are_refused_in_plain_words(blender, tmp_path, suffix):
    import bpy

    mesh_file(tmp_path / f"cube{suffix}")
    before = set(bpy.data.objects)
    with pytest.raises(RuntimeError, match="splats"):
        bpy.ops.facelift.import_splats(filepath=str(tmp_path / f"cube{suffix}"))
    assert set(bpy.data.objects) == before and len(bpy.data.pointclouds) == 0


def test_one_bad_file_among_several_changes_nothing(blender, tmp_path):
    import bpy

    formats.save(surface_gaussians(50), tmp_path / "good.spz")
    (tmp_path / "bad.spz").write_bytes((tmp_path / "good.spz").read_bytes()[:60])
    names = [{"name": "good.spz"}, {"name": "bad.spz"}]
    with pytest.raises(RuntimeError):
        bpy.ops.facelift.import_splats(directory=str(tmp_path), files=names)
    assert len(bpy.data.objects) == 0 and len(bpy.data.collections) == 0
    bpy.ops.facelift.import_splats(directory=str(tmp_path), files=[names[0], names[0]])
    assert len(bpy.data.pointclouds) == 2


@pytest.mark.parametrize("name", ["a.obj", "missing/a.glb"])
def test_what_can_not_be_written_leaves_nothing(blender, tmp_path, name):
    import bpy

    add_splats(blender, surface_gaussians(50))
    if name.endswith(".obj"):
        # Another program's suffix is part of the name: the chosen format's is added.
        export(tmp_path / name, format="usda")
        assert [path.name for path in tmp_path.iterdir()] == ["a.obj.usda"]
        return
    with pytest.raises(RuntimeError, match="could not be written"):
        bpy.ops.facelift.export_splats(filepath=str(tmp_path / name), check_existing=False)
    assert not list(tmp_path.iterdir())


def test_empty_gltf_is_refused_and_the_old_file_stays(blender, tmp_path):
    import bpy

    path = tmp_path / "a.glb"
    path.write_bytes(b"before")
    add_splats(blender, surface_gaussians(50).select(np.arange(0)))
    with pytest.raises(RuntimeError, match="no splats to write"):
        bpy.ops.facelift.export_splats(filepath=str(path), check_existing=False)
    assert path.read_bytes() == b"before"


class TestInTheBackground:
    """What File > Import and Export do when a person starts them."""

    @pytest.fixture
    def errands(self, blender):
        yield blender.module("facelift_addon.making.errands")
        blender.module("facelift_addon.making.errands").close()

    @staticmethod
    def finish(errands):
        """Wait for the threads, then tick as Blender's timer does."""
        for errand in list(errands._errands):
            errand.future.exception(timeout=PATIENCE)
        while errands.tick():
            pass

    @staticmethod
    def begin_import(blender, path):
        import bpy

        importing = blender.module("facelift_addon.operators.importing")
        importing.import_in_background(bpy.context.scene, [path], "Z_UP")

    def test_import_is_one_undo_step(self, blender, errands, tmp_path):
        import bpy

        gaussians = surface_gaussians(100, 1)
        formats.save(gaussians, tmp_path / "scan.ply")
        bpy.ops.ed.undo_push(message="before")
        self.begin_import(blender, tmp_path / "scan.ply")
        assert "scan" not in bpy.data.objects
        self.finish(errands)
        stored = blender.module("facelift_addon.splats.data.geometry").to_gaussians(bpy.data.objects["scan"].data)
        assert_same_splats(stored, gaussians, ".ply")
        bpy.ops.ed.undo()
        assert "scan" not in bpy.data.objects

    def test_what_was_read_is_kept_for_the_last_step_only(self, blender, errands, tmp_path):
        """A million splats take hundreds of megabytes: they go when the panel can't redo the import any more."""

        importing = blender.module("facelift_addon.operators.importing")
        formats.save(surface_gaussians(100), tmp_path / "scan.ply")
        self.begin_import(blender, tmp_path / "scan.ply")
        self.finish(errands)
        assert importing.forget_when_past("FACELIFT_OT_add_splats") is not None and importing._handover
        assert importing.forget_when_past("OBJECT_OT_move") is None and not importing._handover

    def test_another_file_gets_nothing_of_an_import(self, blender, errands, tmp_path):
        import bpy

        formats.save(surface_gaussians(100), tmp_path / "scan.ply")
        self.begin_import(blender, tmp_path / "scan.ply")
        bpy.ops.wm.read_homefile(use_empty=True)
        self.finish(errands)
        assert len(bpy.data.objects) == 0

    def test_an_import_comes_in_pieces_and_can_be_cancelled_before_the_last(
        self, blender, errands, tmp_path, monkeypatch
    ):
        import bpy

        # The point cloud is begun, and nothing is put into it.
        monkeypatch.setattr(blender.module("facelift_addon.splats.data.assembly"), "BUDGET_SECONDS", 0.0)
        formats.save(surface_gaussians(100, 3), tmp_path / "scan.ply")
        clouds, told = len(bpy.data.pointclouds), []
        for pieces in (2, 20):
            self.begin_import(blender, tmp_path / "scan.ply")
            (errand,) = errands._errands
            errand.future.exception(timeout=PATIENCE)
            told.append(errands.under_way()[0].progress)
            for _ in range(pieces):
                assert errands.tick(), "a step of the display at most"
            assert len(bpy.data.pointclouds) == clouds + (pieces == 20)
            bpy.ops.facelift.cancel_errands(title="Something else")
            assert not errand.cancelled.is_set()
            bpy.ops.facelift.cancel_errands(title=errand.title)
            assert not errands.tick()
            assert not any(target.type == "POINTCLOUD" for target in bpy.data.objects)
            assert len(bpy.data.pointclouds) == clouds, "what was made is gone"
        assert told[-1].fraction == 1

    def test_progress_is_that_of_the_bytes_and_cancelling_ends_the_reading(self, blender, tmp_path):
        importing = blender.module("facelift_addon.operators.importing")
        progress, core = blender.module("core.progress"), blender.module("core.errors")
        paths = [tmp_path / "scan.ply", tmp_path / "scan.spz"]
        for path in paths:
            formats.save(surface_gaussians(20_000), path)
        told: list = []
        importing._read(paths, "Z_UP", 0.24, False, progress.Reporter(told.append))
        fractions = [each.fraction for each in told]
        assert fractions == sorted(fractions) and fractions[0] == 0 and fractions[-1] == 1
        assert any(0.05 < each.fraction < 0.2 and each.stage == "Reading scan.ply" for each in told)
        assert [each.stage for each in told][-1] == "Preparing scan"
        reporter = progress.Reporter(lambda each: each.fraction > 0.1 and reporter.cancel_event.set())
        with pytest.raises(core.Cancelled):
            importing._read(paths, "Z_UP", 0.24, False, reporter)

    def test_a_cancelled_export_leaves_the_old_file(self, blender, tmp_path):
        exchange = blender.module("facelift_addon.splats.data.exchange")
        progress, core = blender.module("core.progress"), blender.module("core.errors")
        (tmp_path / "out.ply").write_bytes(b"old")
        _, gaussians = stretched_object(blender, surface_gaussians(20_000))
        columns = blender.module("facelift_addon.splats.data.columns").from_gaussians(gaussians, False)
        reporter = progress.Reporter(lambda each: each.fraction > 0.5 and reporter.cancel_event.set())
        with pytest.raises(core.Cancelled):
            exchange.write([(columns, np.eye(4))], tmp_path / "out.ply", {}, reporter)
        assert (tmp_path / "out.ply").read_bytes() == b"old"
        assert [path.name for path in tmp_path.iterdir()] == ["out.ply"]

    def test_errors_are_told_and_change_nothing(self, blender, errands, tmp_path, caplog):
        import bpy

        (tmp_path / "bad.glb").write_bytes(b"glTF")
        self.begin_import(blender, tmp_path / "bad.glb")
        self.finish(errands)
        assert len(bpy.data.objects) == 0
        assert "damaged" in caplog.text

    def test_export_is_complete_even_when_another_file_opens(self, blender, errands, tmp_path):
        import bpy

        _, expected = stretched_object(blender, surface_gaussians(100, 1))
        exporting = blender.module("facelift_addon.operators.exporting")
        pieces = [
            (blender.module("facelift_addon.splats.data.baking").stored_columns(target), np.array(target.matrix_world))
            for target in bpy.context.selected_objects
        ]
        exporting.export_in_background(pieces, tmp_path / "out.spz", {})
        bpy.ops.wm.read_homefile(use_empty=True)
        self.finish(errands)
        assert_same_splats(formats.load(tmp_path / "out.spz"), expected, ".spz")
