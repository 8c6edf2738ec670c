"""Heads of several photos: space bent into their outlines, one exposure, each place as it is shown best."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.cameras import Camera
from core.engines.capture import FURTHER, Capture, Shot
from core.engines.draft.bust import Bust
from core.engines.draft.engine import DraftEngine
from core.engines.draft.fields import sample_map
from core.engines.draft.shots.join import join_shots
from core.engines.draft.shots.lattice_field import Demands, solve_field, spread_values
from core.engines.draft.shots.look import Cells, Look
from core.engines.draft.shots.outlines import meet_outlines
from core.engines.draft.shots.sight import see
from core.engines.shot_options import ShotOptions
from core.gaussians import Gaussians
from core.photo.decode import decode, from_array
from core.photo.edits import Crop
from core.photo.exposures import exposed, exposure
from core.photo.sides import BACK, LEFT_OUT, PLACED, THREE_QUARTER
from core.placing.by_hand import kept
from core.progress import Reporter
from core.rasterize.cpu import render
from core.rasterize.metrics import psnr, silhouette_iou
from core.splats import spherical_harmonics as harmonics
from core.splats.attributes import STRAND, STRAND_PLACE
from core.splats.parts import Part
from tests.bench.novel_views import TruthHead, novel_quality
from tests.helpers.draft import astronaut_head, with_cap
from tests.helpers.photo import astronaut

WHITE = (1.0, 1.0, 1.0)
COUNT = 60_000
BEHIND = Camera.orbit(90)


def ball(radii=(0.5, 0.5, 0.5), color=(0.6, 0.6, 0.6)) -> Gaussians:
    """An ellipsoid of small discs: spheres, so that its outline is exact whatever side it is seen from."""
    step = np.arange(COUNT) + 0.5
    height, turn = 1 - 2 * step / COUNT, np.pi * (1 + 5**0.5) * step
    ring = np.sqrt(1 - height**2)
    means = np.stack([ring * np.cos(turn), ring * np.sin(turn), height], axis=1) * radii
    colors = np.broadcast_to(color, means.shape)
    return Gaussians(
        means,
        np.full((COUNT, 3), 0.004),
        np.tile([1.0, 0.0, 0.0, 0.0], (COUNT, 1)),
        np.full(COUNT, 0.97),
        harmonics.from_colors(colors),
        np.full(COUNT, Part.SKIN, np.int8),
        {STRAND: np.zeros(COUNT, np.int32), STRAND_PLACE: np.zeros(COUNT, np.float32)},
    )


def striped(gaussians: Gaussians) -> Gaussians:
    """The same, in bands of red and blue around the up axis."""
    angle = np.arctan2(gaussians.means[:, 1], gaussians.means[:, 0])
    wave = 0.5 + 0.15 * np.sin(4 * angle)
    colors = np.stack([wave, np.full_like(wave, 0.4), 1 - wave], axis=1)
    return gaussians.replace(sh=harmonics.from_colors(colors).astype(np.float32))


def look_at(gaussians: Gaussians, camera: Camera) -> Look:
    """A photo of Gaussians."""
    seen = render(gaussians, camera, (0.0, 0.0, 0.0))
    rgb = np.clip(seen.image / np.maximum(seen.alpha, 1e-3)[..., None], 0, 1)
    return Look(rgb.astype(np.float32), seen.alpha, camera)


def seen_from(gaussians: Gaussians, camera: Camera) -> np.ndarray:
    """Which Gaussians of a ball lie on the side of a camera."""
    return gaussians.means @ (camera.position / np.linalg.norm(camera.position)) > 0.1


def test_a_field_is_what_points_demand_and_smooth_between():
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.5, 0.5, (3000, 3))
    directions = rng.normal(size=(3000, 3))

    def moves(places):
        return np.stack([0.05 * np.sin(2 * places[:, 1]), 0.04 * places[:, 0], 0.03 * np.ones(len(places))], axis=1)

    demands = Demands(points, directions, (directions * moves(points)).sum(1), np.full(3000, 10.0), np.zeros((3000, 0)))
    field, _ = solve_field(points, demands, np.zeros(0))
    others = rng.uniform(-0.45, 0.45, (500, 3))
    assert np.abs(field.at(others) - moves(others)).max() < 0.004


def test_a_field_without_demands_rests():
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (100, 3))
    still = Demands(points[:1], np.array([[1.0, 0, 0]]), np.zeros(1), np.ones(1), np.zeros((1, 0)))
    assert not solve_field(points, still, np.zeros(0))[0].at(points).any()


def test_what_all_points_have_in_common_is_no_bending():
    points = np.random.default_rng(0).uniform(-0.5, 0.5, (800, 3))
    directions = np.tile([1.0, 0, 0], (800, 1))
    demands = Demands(points, directions, np.full(800, 0.03), np.full(800, 4.0), np.ones((800, 1)))
    field, found = solve_field(points, demands, np.array([1e-3]))
    assert found[0] == pytest.approx(0.03, abs=0.003) and np.abs(field.at(points)).max() < 0.003


def test_values_go_on_beyond_where_they_are_known():
    points = np.random.default_rng(1).uniform(-0.5, 0.5, (4000, 3))
    known = points[:, 0] < 0
    values = np.stack([0.3 + 0.2 * points[:, 1], np.full(len(points), 0.5)], axis=1)
    found = spread_values(points, points[known], values[known], np.ones(known.sum()))
    assert np.abs(found - values)[known].mean() < 0.02
    assert np.abs(found - values)[~known].mean() < 0.1


def test_values_that_are_surer_count_for_more():
    points = np.random.default_rng(1).uniform(-0.5, 0.5, (2000, 3))
    places, values = np.concatenate([points, points]), np.repeat([[1.0], [0.0]], len(points), axis=0)
    found = spread_values(points, places, values, np.repeat([1.0, 0.25], len(points)))
    assert found.mean() == pytest.approx(0.8, abs=0.02)


def met(head, looks):
    """A head brought into outlines: its means, and the photos with their cameras."""
    portrait = with_cap(12)[0]
    seen, camera = seen_from(head, portrait.camera), portrait.camera
    found = meet_outlines(Bust(head, portrait, seen), looks, np.random.default_rng(0), Reporter())
    moved = np.linalg.norm(camera.project(found.means[seen])[0] - camera.project(head.means[seen])[0], axis=1)
    assert np.percentile(moved, 95) < 1.0
    return found.means, found.looks


def test_a_head_moves_into_the_outline_of_a_side_and_stays_in_the_portrait():
    head, person, side = ball(), ball((0.5, 0.62, 0.5)), Camera.orbit(0)
    look = look_at(person, side)
    before = silhouette_iou(render(head, side).alpha, look.alpha)
    means, (found,) = met(head, [look])
    after = silhouette_iou(render(head.replace(means=means), found.camera).alpha, look.alpha)
    assert before < 0.82 and after > 0.97


def test_a_camera_that_is_a_little_off_is_moved_and_not_the_head():
    head, side = ball((0.45, 0.5, 0.6)), Camera.orbit(0)
    look = look_at(head, side)
    shifted = look.moved(np.zeros(3), np.array([0.03, -0.02, 0.0]), np.zeros(3))
    means, (found,) = met(head, [shifted])
    off = np.linalg.norm(found.camera.project(head.means)[0] - side.project(head.means)[0], axis=1)
    assert off.mean() < 2.5 and np.abs(means - head.means).mean() < 0.008


def test_a_camera_that_the_user_placed_is_not_moved():
    head, side = ball((0.45, 0.5, 0.6)), Camera.orbit(0)
    shifted = look_at(head, side).moved(np.zeros(3), np.array([0.03, -0.02, 0.0]), np.zeros(3))
    _, (found,) = met(head, [replace(shifted, held=True)])
    assert np.array_equal(found.camera.c2w, shifted.camera.c2w)


def test_a_moved_photo_sees_the_head_moved():
    look = look_at(ball(), Camera.orbit(0))
    pivot, turn, shift = np.array([0.1, 0.0, 0.2]), np.array([0.0, 0.2, 0.0]), np.array([0.02, 0.0, 0.1])
    assert look.moved(turn, shift, pivot).camera.to_camera(pivot[None])[0] == pytest.approx(
        look.camera.to_camera(pivot[None])[0] + shift
    )
    aside = look.camera.to_camera(np.array([[0.1, 0.3, 0.2]]))[0] - look.camera.to_camera(pivot[None])[0]
    turned = look.moved(turn, np.zeros(3), pivot).camera.to_camera(np.array([[0.1, 0.3, 0.2]]))[0]
    expected = aside @ Rotation.from_rotvec(turn).as_matrix().T
    assert turned - look.camera.to_camera(pivot[None])[0] == pytest.approx(expected)


def test_an_outline_that_is_far_off_is_doubted():
    hat = ball((0.5, 0.5, 1.1))
    means, _ = met(ball(), [look_at(hat, Camera.orbit(0))])
    assert np.abs(means[:, 2]).max() < 0.75


def test_exposure_is_found_and_few_places_are_believed_less():
    rng = np.random.default_rng(0)
    wanted = rng.uniform(0.3, 0.7, (60_000, 3))
    factors = np.array([0.7, 0.8, 0.9])
    own = exposed(wanted, 1 / factors)
    assert exposure(own, wanted) == pytest.approx(factors, rel=0.05)
    few = exposure(own[:200], wanted[:200])
    assert (few > factors + 0.03).all() and (few < 1).all()
    assert (exposure(own[:0], wanted[:0]) == 1).all()


def test_a_photo_sees_what_is_nearest_to_it():
    head = ball()
    sight = see(look_at(head, BEHIND), head)
    quality, _ = sight.quality(np.array([[0.0, 0.5, 0.0], [0.0, -0.5, 0.0], [0.5, 0.0, 0.0]]))
    assert quality[0] > 0.95 and quality[1] == 0 and quality[2] < 0.1


def test_a_photo_from_behind_gives_its_colours_in_the_portraits_exposure():
    portrait = with_cap(12)[0]
    truth = striped(ball())
    head = ball()
    front = seen_from(head, portrait.camera)
    head = head.replace(sh=np.where(front[:, None, None], truth.sh, head.sh))
    own = look_at(truth, portrait.camera)
    person = Bust(head, type(portrait)(own.rgb, own.alpha, portrait.landmarks, portrait.fit), front)
    aside = look_at(truth, Camera.orbit(0))
    back = look_at(truth, BEHIND)
    darker = back.with_colors(exposed(back.rgb, np.array([0.6, 0.6, 0.6])))

    joined, cameras = join_shots(person, [aside, darker], np.random.default_rng(0), Reporter())

    assert np.abs(cameras[1].position - BEHIND.position).max() < 0.05
    assert len(joined.photographed) == len(joined.gaussians) > COUNT
    for camera, least in ((BEHIND, 24), (Camera.orbit(0), 25), (portrait.camera, 27)):
        wanted, found = render(truth, camera, WHITE), render(joined.gaussians, camera, WHITE)
        assert psnr(wanted.image, found.image, wanted.alpha > 0.5) > least


def test_the_side_that_no_photo_shows_takes_the_tint_of_the_other_side():
    portrait = with_cap(12)[0]
    head = ball()
    front = seen_from(head, portrait.camera)
    shy = head.means @ (portrait.camera.position / np.linalg.norm(portrait.camera.position)) < 0
    colors = np.where(shy[:, None], [0.5, 0.3, 0.3], head.colors)
    truth = head.replace(sh=harmonics.from_colors(colors).astype(np.float32))
    own = look_at(truth, portrait.camera)
    person = Bust(head, type(portrait)(own.rgb, own.alpha, portrait.landmarks, portrait.fit), front)

    joined, _ = join_shots(person, [look_at(truth, Camera.orbit(0))], np.random.default_rng(0), Reporter())

    means = joined.gaussians.means
    shown, hidden = (joined.gaussians.colors[(means[:, 1] > 0.2) & (side * means[:, 0] > 0.2)] for side in (1, -1))
    tint = shown[:, 0].mean() - shown[:, 1].mean()
    assert tint > 0.15
    assert 0.4 * tint < hidden[:, 0].mean() - hidden[:, 1].mean() < tint
    # How bright it is may be the light's doing.
    assert hidden.mean() == pytest.approx(0.6, abs=0.06) and shown.mean() < 0.45


def test_light_from_behind_at_the_outline_makes_no_stripe():
    portrait = with_cap(12)[0]
    head = ball()
    own = look_at(head, portrait.camera)
    front = seen_from(head, portrait.camera)
    person = Bust(head, type(portrait)(own.rgb, own.alpha, portrait.landmarks, portrait.fit), front)
    back = look_at(head, BEHIND)
    shining = back.mask & (back.within < 14) & (np.arange(back.mask.shape[1]) > back.camera.cx)
    lit = back.with_colors(np.where(shining[..., None], np.float32(1), back.rgb))

    joined, _ = join_shots(person, [lit], np.random.default_rng(0), Reporter())

    for camera in (BEHIND, Camera.orbit(0), Camera.orbit(180)):
        wanted, found = render(head, camera, WHITE), render(joined.gaussians, camera, WHITE)
        assert psnr(wanted.image, found.image, wanted.alpha > 0.9) > 30


@pytest.mark.parametrize(("part", "stays"), [(Part.HAIR, True), (Part.SKIN, False)])
def test_the_portraits_soft_outline_of_hair_stays(part, stays):
    portrait = with_cap(12)[0]
    head = ball().replace(parts=np.full(COUNT, part, np.int8))
    own = look_at(head, portrait.camera)
    photographed = seen_from(head, portrait.camera)
    person = Bust(head, type(portrait)(own.rgb, own.alpha, portrait.landmarks, portrait.fit), photographed)

    joined, _ = join_shots(person, [look_at(head, Camera.orbit(330))], np.random.default_rng(0), Reporter())

    def at_outline(means):
        pixels, _ = portrait.camera.project(means.astype(np.float64))
        return int((sample_map(own.within, pixels) < 3).sum())

    before, after = at_outline(head.means[photographed]), at_outline(joined.gaussians.means[joined.photographed])
    assert before > 100 and (after > 0.98 * before) == stays


@pytest.fixture(scope="module")
def further_photo():
    """A picture of the astronaut's head from aside, blue where her portrait shows nothing, and its camera."""
    camera = Camera.orbit(270 + 40, 5, radius=4.5, fov=30)
    result = astronaut_head()[0]
    head, means = result.gaussians, result.gaussians.means.astype(np.float64)
    cells = Cells.of(result.photo_camera, means)
    hidden = cells.depths > cells.nearest.ravel()[cells.cell] + 0.03
    blue = np.where(hidden[:, None], head.colors * 0.4 + [0.1, 0.2, 0.5], head.colors)
    painted = head.replace(sh=harmonics.from_colors(blue).astype(np.float32))
    picture = render(painted, camera, (0.55, 0.6, 0.65)).to_uint8()
    return from_array(picture, "aside.png"), camera


def test_two_photos_make_one_head_and_what_became_of_each_is_told(further_photo):
    photo, camera = further_photo
    single = astronaut_head()[0]
    nobody = from_array(np.full((300, 300, 3), 120, np.uint8), "wall.png")
    capture = Capture(
        (
            Shot(from_array(astronaut(), "astronaut.png"), ShotOptions()),
            Shot(photo, ShotOptions(), role=FURTHER),
            Shot(nobody, ShotOptions(side=BACK), role=FURTHER),
        )
    )
    result = DraftEngine().generate(capture, {}, Reporter())
    assert [shot.state for shot in result.shots] == [PLACED, PLACED, LEFT_OUT]
    aside = result.shots[1]
    assert aside.side == THREE_QUARTER and not aside.message and result.shots[2].message
    looked = -aside.camera.c2w[:3, 2] @ -camera.c2w[:3, 2]
    assert np.degrees(np.arccos(np.clip(looked, -1, 1))) < 6
    rgba = aside.picture.astype(np.float32) / 255
    wanted = rgba[..., :3] * rgba[..., 3:] + 1 - rgba[..., 3:]
    shown = rgba[..., 3] > 0.5
    blue = shown & (wanted[..., 2] > wanted[..., 0] + 0.15)
    before, after = (render(head, aside.camera, WHITE).image for head in (single.gaussians, result.gaussians))
    assert psnr(wanted, after, blue) > psnr(wanted, before, blue) + 6, "what the portrait hides is this photo's"
    assert psnr(wanted, after, shown & ~blue) > psnr(wanted, before, shown & ~blue) - 0.5


def test_a_photo_placed_by_hand_stays_there(further_photo):
    photo, camera = further_photo
    single = astronaut_head()[0]
    # Two degrees beside the truth: automatic placing would find it.
    about_z = np.eye(4)
    about_z[:3, :3] = Rotation.from_euler("z", 2, degrees=True).as_matrix()
    placement = kept(camera.moved(about_z), single.shape.pose, Crop.around(photo.rgba.shape[1::-1]))
    portrait = Shot(from_array(astronaut(), "astronaut.png"), ShotOptions())
    previews = {}
    reporter = Reporter(on_preview=previews.__setitem__)
    result = DraftEngine().generate(
        Capture((portrait, Shot(photo, ShotOptions(), role=FURTHER, placement=placement))), {}, reporter
    )
    aside = result.shots[1]
    assert (aside.state, aside.message) == (PLACED, "")
    assert np.allclose(kept(aside.camera, result.shape.pose, aside.crop).camera, placement.camera, atol=1e-5)
    assert result.recipe.capture.shots[1].placement == placement
    assert decode(previews["crop/1"], "crop").rgba.shape == (512, 512, 4)


def test_four_photos_of_a_scan_show_its_sides(shared):
    folder = shared / "truth-heads" / "scan"
    sides = {"photo_35.png": "auto", "shot_045.png": "auto", "shot_315.png": "auto", "shot_180.png": BACK}
    shots = [
        Shot(decode((folder / name).read_bytes(), name), ShotOptions(side=side), role=FURTHER if number else "portrait")
        for number, (name, side) in enumerate(sides.items())
    ]
    result = DraftEngine().generate(Capture(tuple(shots)), {}, Reporter())
    assert [shot.state for shot in result.shots] == [PLACED] * 4
    quality = novel_quality(result.gaussians, TruthHead(folder))
    assert quality.psnr.mean() > 27.5 and quality.ssim.mean() > 0.94
