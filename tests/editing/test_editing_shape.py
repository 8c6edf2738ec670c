"""Editing that makes, removes or moves Gaussians: symmetry, density, joining, eyes, adjustments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.cameras import front_camera
from core.editing import density, eyes, joining, measures, symmetry
from core.editing.adjustments import Adjustments, PartAdjustments, adjust
from core.editing.grading import Grade
from core.errors import FaceLiftError
from core.rasterize import render
from core.rasterize.metrics import psnr
from core.splats import spherical_harmonics as harmonics
from core.splats.parts import Part
from tests.editing.test_editing_selection import plate
from tests.helpers.gaussian import random_gaussians


@settings(max_examples=25)
@given(seed=st.integers(0, 1000), degree=st.integers(0, 3))
def test_symmetrized_splats_equal_their_own_mirror_image(seed, degree):
    random = np.random.default_rng(seed)
    gaussians = random_gaussians(40, degree, seed)
    point, normal = random.normal(size=3) * 0.1, random.normal(size=3) * 3
    edit = symmetry.symmetrize(gaussians, point, normal)
    result, count = edit.gaussians, len(edit.gaussians) // 2
    assert len(result) == 2 * count
    mirrored = result.transform(symmetry.reflection(point, normal))
    swapped = mirrored.select(np.roll(np.arange(len(result)), count))
    np.testing.assert_allclose(swapped.means, result.means, atol=1e-5)
    np.testing.assert_allclose(swapped.covariances(), result.covariances(), atol=1e-5)
    np.testing.assert_allclose(swapped.sh, result.sh, atol=1e-5)
    sides = (result.means - point) @ normal
    assert (sides[:count] > 0).all() and (sides[count:] < 0).all()
    np.testing.assert_array_equal(result.opacities, gaussians.opacities[edit.sources])


def test_mirrored_picture_is_the_picture_mirrored():
    """View-dependent colours included: what the mirror shows is what the mirrored splats show."""
    gaussians = random_gaussians(300, 3, seed=5, spread=0.2, size=0.03)
    edit = symmetry.symmetrize(gaussians, (0, 0, 0), (1, 0, 0))
    image = render(edit.gaussians, front_camera(64)).image
    assert psnr(image, image[:, ::-1]) > 60


def test_symmetry_leaves_what_is_not_chosen():
    gaussians = random_gaussians(50, seed=2)
    mask = np.arange(50) < 20
    edit = symmetry.symmetrize(gaussians, (0, 0, 0), (1, 0, 0), mask)
    untouched = np.flatnonzero(~mask)
    assert np.isin(untouched, edit.sources).all()
    assert np.bincount(edit.sources)[untouched].max() == 1
    with pytest.raises(ValueError, match="normal"):
        symmetry.symmetrize(gaussians, (0, 0, 0), (0, 0, 0))


def test_density_opens_no_holes_and_keeps_the_important():
    gaussians = plate((0, 0, 0), 1.0, 60)
    random = np.random.default_rng(0)
    gaussians = gaussians.replace(scales=gaussians.scales * random.uniform(0.6, 1.4, (len(gaussians), 1)))
    cell = density.default_cell(gaussians.means)
    camera = front_camera(128)
    before = render(gaussians, camera)
    inside = before.alpha > 0.9
    for share in (0.5, 0.25):
        edit = density.thin(gaussians, share, cell)
        assert abs(len(edit.gaussians) / len(gaussians) - share) < 0.02 * share
        alpha = render(edit.gaussians, camera).alpha
        naive = render(gaussians.select(edit.sources), camera).alpha
        assert (alpha[inside] > 0.6).mean() > 0.995, share
        assert alpha[inside].mean() > naive[inside].mean()
        dropped = np.setdiff1d(np.arange(len(gaussians)), edit.sources)
        importances = measures.importances(gaussians)
        assert importances[edit.sources].mean() > importances[dropped].mean()


@settings(max_examples=40)
@given(seed=st.integers(0, 1000), share=st.floats(0, 0.999), cell=st.floats(0.05, 2))
def test_every_cell_keeps_its_share_and_what_stays_grows(seed, share, cell):
    gaussians = random_gaussians(80, seed=seed)
    few = density.thin(gaussians, share, cell)
    cells = np.unique(density.cells(gaussians.means, cell)[0], return_inverse=True)[1]
    counts = np.bincount(cells)
    kept = np.bincount(cells[few.sources], minlength=len(counts))
    assert (np.abs(kept - share * counts) < 1.0001).all()
    assert (few.gaussians.scales >= gaussians.scales[few.sources]).all()
    assert (few.gaussians.scales <= gaussians.scales[few.sources] * np.float32(density.MAX_GROWTH * 1.001)).all()
    assert (np.diff(few.sources) > 0).all()
    importances = measures.importances(gaussians)
    lowest = np.full(len(counts), np.inf)
    np.minimum.at(lowest, cells[few.sources], importances[few.sources])
    dropped = np.setdiff1d(np.arange(len(gaussians)), few.sources)
    touched = kept[cells[dropped]] > 0
    assert (importances[dropped] <= lowest[cells[dropped]])[touched].all(), "in a cell the important ones stay"


def test_a_density_keeps_its_share_and_a_subset_of_what_higher_ones_keep():
    random = np.random.default_rng(0)
    for gaussians in (plate((0, 0, 0), 1.0, 150), random_gaussians(20_000)):
        gaussians = gaussians.replace(scales=gaussians.scales * random.uniform(0.6, 1.4, (len(gaussians), 1)))
        cell = density.default_cell(gaussians.means)
        before, scales = np.arange(len(gaussians)), gaussians.scales
        for share in np.arange(0.98, 0.04, -0.02):
            edit = density.thin(gaussians, share, cell)
            assert abs(len(edit.sources) - share * len(gaussians)) < 0.02 * share * len(gaussians)
            assert np.isin(edit.sources, before).all()
            # An animation shows no jumps: what stays changes its size a little at a time.
            growth = edit.gaussians.scales / scales[edit.sources]
            assert (growth > 1 - 1e-5).all() and (growth < 1.3).all()
            before = edit.sources
            scales = np.full_like(gaussians.scales, np.nan)
            scales[before] = edit.gaussians.scales


def test_nothing_is_left_of_no_density():
    assert len(density.thin(random_gaussians(30), 0.0, 0.1).sources) == 0


def test_full_density_changes_nothing():
    gaussians = random_gaussians(30)
    edit = density.thin(gaussians, 1.0, 0.1)
    assert edit.gaussians is gaussians and len(edit.sources) == 30


def test_joining_loses_no_column_and_no_detail():
    a = random_gaussians(5, 0).replace(extras={"age": np.arange(5, dtype=np.int32)})
    b = random_gaussians(7, 2, seed=1).replace(extras={"flow": np.ones((7, 2), np.float32)})
    joined = joining.join([a, b])
    assert len(joined) == 12 and joined.sh_degree == 2
    np.testing.assert_array_equal(joined.sh[5:], b.sh)
    np.testing.assert_array_equal(joined.extras["age"], [0, 1, 2, 3, 4, 0, 0, 0, 0, 0, 0, 0])
    assert joined.extras["age"].dtype == np.int32
    np.testing.assert_array_equal(joined.extras["flow"][5:], 1)
    with pytest.raises(ValueError, match="nothing"):
        joining.join([])


@pytest.mark.parametrize("turn", [0.0, 0.4])
def test_eye_distance_is_found_and_blobs_are_refused(turn):
    random = np.random.default_rng(1)
    blob = random.normal(size=(200, 3)) * 0.03
    offset = np.array([0.16, 0, 0])
    means = np.concatenate([blob + offset, blob - offset])
    matrix = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    gaussians = random_gaussians(400).replace(means=means @ matrix.T, opacities=np.full(400, 0.7))
    assert eyes.eye_distance(gaussians) == pytest.approx(0.32, rel=1e-3)
    centers = eyes.eye_centers(gaussians)
    assert centers[0, 0] < 0 < centers[1, 0]
    for nothing in (gaussians.replace(means=means * 0), gaussians.select([0]), gaussians.select(np.arange(200))):
        with pytest.raises(FaceLiftError) as raised:
            eyes.eye_distance(nothing)
        assert raised.value.code == "no-eyes"


def test_default_adjustments_change_nothing():
    gaussians = random_gaussians(30, 2)
    edit = adjust(gaussians, Adjustments())
    np.testing.assert_array_equal(edit.sources, np.arange(30))
    for name in ("means", "scales", "rotations", "opacities", "sh", "parts"):
        np.testing.assert_array_equal(getattr(edit.gaussians, name), getattr(gaussians, name))


def test_adjustments_work_per_part_and_in_order():
    gaussians = random_gaussians(400, 1, seed=4).replace(parts=(np.arange(400) % 9).astype(np.int8))
    settings_ = Adjustments(
        min_opacity=0.2,
        max_size=0.3,
        size=2.0,
        grade=Grade(exposure=1),
        parts={Part.HAIR: PartAdjustments(visible=False), Part.SKIN: PartAdjustments(grade=Grade(exposure=-1))},
    )
    edit = adjust(gaussians, settings_)
    source = gaussians.select(edit.sources)
    assert not (edit.gaussians.parts == Part.HAIR).any()
    assert source.opacities.min() >= np.float32(0.2) and measures.sizes(source).max() <= np.float32(0.3)
    np.testing.assert_allclose(edit.gaussians.scales, source.scales * 2)
    skin = edit.gaussians.parts == Part.SKIN
    np.testing.assert_allclose(edit.gaussians.sh[skin], source.sh[skin], atol=1e-5)
    foreign = edit.gaussians.parts == 8
    assert foreign.any(), "parts that nobody knows are not lost"
    assert not np.allclose(edit.gaussians.sh[foreign, 0], source.sh[foreign, 0])


def test_box_and_plane_of_adjustments_cut():
    gaussians = random_gaussians(200)
    edit = adjust(gaussians, Adjustments(box=np.diag([0.5, 0.5, 0.5, 1]), plane=np.eye(4)))
    kept = gaussians.means[edit.sources]
    assert len(kept) and (np.abs(kept) <= 0.5).all() and (kept[:, 2] >= 0).all()
    assert harmonics.degree_of(edit.gaussians.sh.shape[1]) == 0
