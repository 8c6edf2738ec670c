"""Centres and rings over the view: drawn where the core projects them, hidden by what is in front."""

from __future__ import annotations

import numpy as np
import pytest

from core.cameras import Camera
from core.gaussians import Gaussians
from core.rasterize.projection import project
from tests.helpers.addon import add_splats, needs_blender, surface_gaussians
from tests.helpers.projections import perspective

pytestmark = needs_blender

SIZE = 200
PLAIN, HIGHLIGHT = (0.0, 0.0, 1.0), (1.0, 0.0, 0.0)


def camera(distance=3.0):
    return Camera(SIZE, SIZE, 220.0, 220.0, SIZE / 2, SIZE / 2, np.diag([1.0, -1, -1, 1]) + at(0, 0, distance))


def at(x, y, z):
    matrix = np.zeros((4, 4))
    matrix[:3, 3] = x, y, z
    return matrix


def splat(place=(0, 0, 0), scales=(0.3, 0.15, 0.05), opacity=0.9, angle=0.5):
    rotation = [np.cos(angle / 2), 0, 0, np.sin(angle / 2)]
    return Gaussians(
        np.array([place], float), np.array([scales]), np.array([rotation]), np.array([opacity]), np.zeros((1, 1, 3))
    )


@pytest.fixture
def draw(graphics, blender):
    """Draw marks of Gaussians; return the overlay [H, W, 4] of 0..255, its first row at the top."""
    marks = blender.module("facelift_addon.viewport.marks")
    texels = blender.module("core.viewing.texels")
    drawer = marks.Marks()

    def draw(groups, rings=True, centers=False, size=5.0, selected=None, marked=None, seen=None, matrices=None):
        seen = seen or camera()
        rows = []
        for number, gaussians in enumerate(groups):
            base = np.concatenate([gaussians.sh[:, 0], gaussians.opacities[:, None]], axis=1)
            chosen = np.zeros(len(gaussians), bool) if selected is None else selected[number]
            rows.append(texels.splat_texels(gaussians.means, gaussians.scales, gaussians.rotations, base, chosen))
        marked = marked or [np.ones(len(group), bool) for group in groups]
        look = marks.Look(rings, centers, size, PLAIN, HIGHLIGHT, 1.0)
        texture = graphics.types.GPUTexture((SIZE, SIZE), format="RGBA8")
        framebuffer = graphics.types.GPUFrameBuffer(color_slots=(texture,))
        to_view = np.linalg.inv(seen.blender_matrix())
        with framebuffer.bind():
            framebuffer.clear(color=(0, 0, 0, 0))
            drawer.draw(
                marks.Load(rows, marked),
                np.stack([to_view @ matrix for matrix in matrices or [np.eye(4)] * len(groups)]),
                perspective(seen),
                look,
            )
            picture = np.array(framebuffer.read_color(0, 0, SIZE, SIZE, 4, 0, "UBYTE").to_list(), np.uint8)
        return picture.reshape(SIZE, SIZE, 4)[::-1]

    return draw


def distances(gaussians, seen):
    """Return how many standard deviations each pixel [H, W] is from the only splat's middle."""
    found = project(gaussians, seen)
    rows, columns = np.mgrid[:SIZE, :SIZE] + 0.5
    offsets = np.stack([columns, rows], axis=-1) - found.centers[0]
    a, b, c = found.conics[0]
    return np.sqrt(a * offsets[..., 0] ** 2 + 2 * b * offsets[..., 0] * offsets[..., 1] + c * offsets[..., 1] ** 2)


def test_a_ring_is_one_standard_deviation_around(draw):
    gaussians = splat()
    picture = draw([gaussians])
    away = distances(gaussians, camera())
    lit = picture[..., 3] > 100
    assert lit.sum() > 60
    assert np.abs(away[lit] - 1).max() < 0.15
    # All around: in every direction from the middle.
    rows, columns = np.nonzero(lit)
    angles = np.sort(np.arctan2(rows - SIZE / 2, columns - SIZE / 2))
    assert np.diff(angles).max() < 0.2
    assert (picture[lit][:, 2] > picture[lit][:, 0]).all(), "plain"


def test_a_center_is_a_point_of_its_size(draw):
    gaussians = splat((0.3, -0.2, 0))
    picture = draw([gaussians], rings=False, centers=True, size=9.0)
    rows, columns = np.nonzero(picture[..., 3] > 127)
    middle = project(gaussians, camera()).centers[0]
    np.testing.assert_allclose([columns.mean() + 0.5, rows.mean() + 0.5], middle, atol=0.6)
    assert abs(len(rows) - np.pi * 4.5**2) < 12


def test_selected_splats_have_another_color(draw):
    picture = draw([splat()], centers=True, selected=[np.ones(1, bool)])
    lit = picture[..., 3] > 100
    assert (picture[lit][:, 0] > picture[lit][:, 2]).all()


def test_what_is_in_front_hides_marks(draw):
    """An opaque splat hides the marks of one far behind it, but neither its own nor those of its neighbours."""
    front, back = splat((0, 0, 1), (0.4, 0.4, 0.01)), splat((0, 0, -1), (0.1, 0.1, 0.01))
    none = np.zeros(1, bool)
    behind = {"rings": True, "centers": True, "marked": [none, ~none]}
    assert not draw([front, back], **behind)[..., 3].any()
    faint = splat((0, 0, 1), (0.4, 0.4, 0.01), opacity=0.1)
    assert draw([faint, back], **behind)[..., 3].any()
    assert draw([front, back], centers=True, marked=[~none, none])[..., 3].any()
    assert not draw([front, back], marked=[none, none])[..., 3].any()


def test_objects_stand_where_their_matrices_put_them(draw):
    moved = np.eye(4)
    moved[:3, 3] = 0.5, 0.25, 0
    picture = draw([splat()], rings=False, centers=True, matrices=[moved])
    rows, columns = np.nonzero(picture[..., 3] > 127)
    expected = SIZE / 2 + 220 / 3 * np.array([0.5, -0.25])
    np.testing.assert_allclose([columns.mean() + 0.5, rows.mean() + 0.5], expected, atol=0.6)


@pytest.mark.parametrize("mode", ["OBJECT", "EDIT"])
def test_splats_are_read_as_modifiers_leave_them_or_as_they_are(blender, mode):
    import bpy

    gaussians = surface_gaussians(300)
    head = add_splats(blender, gaussians)
    overlays = blender.module("facelift_addon.viewport.overlays")
    targets = blender.module("facelift_addon.editing.targets")
    mask = np.arange(300) % 3 == 0
    if mode == "EDIT":
        bpy.ops.object.mode_set(mode="EDIT")
        targets.select(head.data, mask)
    bpy.context.view_layer.update()
    rows, selected = overlays.read(head, bpy.context.evaluated_depsgraph_get())
    np.testing.assert_allclose(rows.reshape(300, 4, 4)[:, 0, :3], gaussians.means, atol=1e-6)
    np.testing.assert_array_equal(selected, mask if mode == "EDIT" else np.zeros(300, bool))
    if mode == "OBJECT":
        blender.module("facelift_addon.editing.adjustments").ensure(head)["Min opacity"] = 0.9
        bpy.context.view_layer.update()
        rows, _ = overlays.read(head, bpy.context.evaluated_depsgraph_get())
        # Without a window quads show what is left, and marks are those of the object's own splats.
        native = blender.module("facelift_addon.splats.display.native").is_available()
        left = (gaussians.opacities >= 0.9).sum() if native else 300
        assert len(rows) == left


def test_selected_means_splats_in_edit_mode_and_heads_otherwise(blender):
    import bpy

    head = add_splats(blender, surface_gaussians(30))
    overlays = blender.module("facelift_addon.viewport.overlays")
    mask = np.arange(30) < 5
    assert overlays._marked(head, mask, "ALL").all()
    assert overlays._marked(head, mask, "SELECTED").all()
    head.select_set(False)
    assert not overlays._marked(head, mask, "SELECTED").any()
    bpy.ops.object.mode_set(mode="EDIT")
    np.testing.assert_array_equal(overlays._marked(head, mask, "SELECTED"), mask)
