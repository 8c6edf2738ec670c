"""Fits heads whose truth is known, and heads on real photos."""

import itertools
import json

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.transform import Rotation

from core.cameras import Camera, front_camera, six_view_rig
from core.head.canonical import head_angles, undo_rotation
from core.head.fitting import fit_head
from core.head.mesh_raster import rasterize_mesh
from core.head.model import Region, load_head_model
from core.head.pose import Pose
from core.photo.alignment import Alignment, reference_box
from core.photo.decode import decode
from core.photo.faces import detect_faces
from core.photo.landmarks import detect_landmarks
from core.photo.lens import crop_degrees
from core.photo.prepare import prepare_photo
from core.progress import Reporter

SCALE = 5.3
PORTRAITS = ("001", "003", "004", "006")


@pytest.fixture(scope="module")
def model():
    return load_head_model()


def pose_of(pitch=0.0, roll=0.0, yaw=0.0):
    turn = Rotation.from_euler("ZYX", [yaw, roll, pitch], degrees=True)
    return Pose(turn.as_matrix(), np.array([0.02, -0.01, 0.03]), SCALE)


def landmarks_of(model, vertices, camera, noise=0.0, seed=0):
    """Landmarks as the network gives them: pixels, and z in pixels with an unknown zero."""
    pixels, depths = camera.project(model.landmarks(vertices))
    z = (depths - depths.mean()) * camera.fx / depths.mean()
    points = np.column_stack([pixels, z])
    return points + np.random.default_rng(seed).normal(0, noise, points.shape)


def random_head(model, seed):
    rng = np.random.default_rng(seed)
    identity = rng.normal(0, 0.7, len(model.identity))
    expression = np.zeros(len(model.expressions))
    for name, strength in {"jawOpen": 0.3, "mouthSmileLeft": 0.4, "mouthSmileRight": 0.4}.items():
        expression[model.expression_names.index(name)] = strength
    return identity, expression


@pytest.mark.parametrize(
    ("pitch", "roll", "yaw"),
    [(0, 0, 0), (0, 0, 30), (0, 0, -30), (0, 30, 0), (0, -20, 15), (8, 0, 0), (-8, 10, -20), (25, 0, 0), (-25, 5, 10)],
)
def test_recovers_the_pose_of_known_heads(model, pitch, roll, yaw):
    camera = front_camera()
    for seed in range(3):
        pose = pose_of(pitch, roll, yaw)
        vertices = pose.apply(model.vertices(*random_head(model, seed)))
        fit = fit_head(landmarks_of(model, vertices, camera, noise=0.7, seed=seed), camera)
        error = np.degrees(head_angles(fit.pose)) - [pitch, roll, yaw]
        assert np.abs(error[1:]).max() < 4, "roll and yaw are well determined"
        assert abs(error[0]) < 7, "pitch is held by a prior"
        assert abs(fit.pose.scale / SCALE - 1) < 0.04
        assert fit.reprojection_error < 1


def test_recovers_the_surface_of_known_heads(model):
    camera = front_camera()
    face = model.in_regions(Region.FACE, Region.LIPS)
    mean_head, fitted = [], []
    for seed in range(6):
        truth = pose_of(3, -4, 8).apply(model.vertices(*random_head(model, seed)))
        fit = fit_head(landmarks_of(model, truth, camera), camera)
        unshaped = fit.pose.apply(model.mean)
        fitted.append(np.linalg.norm(fit.vertices - truth, axis=1)[face].mean() * fit.metres_per_unit)
        mean_head.append(np.linalg.norm(unshaped - truth, axis=1)[face].mean() * fit.metres_per_unit)
    assert np.mean(fitted) < 0.004
    assert np.mean(fitted) < 0.75 * np.mean(mean_head)


def test_expression_is_told_from_identity(model):
    camera = front_camera()
    identity, expression = random_head(model, 1)
    jaw = model.expression_names.index("jawOpen")
    for strength in (0.0, 0.5):
        expression[:] = 0
        expression[jaw] = strength
        vertices = pose_of().apply(model.vertices(identity * 0.5, expression))
        fit = fit_head(landmarks_of(model, vertices, camera), camera)
        assert abs(fit.expression[jaw] - strength) < 0.2
        assert fit.expression.min() >= 0
        assert fit.expression.max() <= 1


def test_a_raised_camera_sees_the_same_head(model):
    identity, expression = random_head(model, 2)
    vertices = pose_of().apply(model.vertices(identity, expression))
    camera = Camera.orbit(280, 15)
    fit = fit_head(landmarks_of(model, vertices, camera), camera)
    assert np.abs(np.degrees(head_angles(fit.pose))).max() < 6
    assert np.linalg.norm(fit.pose.translation - pose_of().translation) < 0.08


def test_picture_size_does_not_matter(model):
    camera = front_camera()
    vertices = pose_of(yaw=10).apply(model.vertices(*random_head(model, 4)))
    large = fit_head(landmarks_of(model, vertices, camera.resized(1024)), camera.resized(1024))
    small = fit_head(landmarks_of(model, vertices, camera), camera)
    np.testing.assert_allclose(large.vertices, small.vertices, atol=1e-3)


def test_outliers_do_not_bend_the_head(model):
    camera = front_camera()
    vertices = pose_of().apply(model.vertices(*random_head(model, 5)))
    landmarks = landmarks_of(model, vertices, camera)
    clean = fit_head(landmarks, camera)
    landmarks[::40, :2] += 40
    assert Rotation.from_matrix(fit_head(landmarks, camera).pose.rotation @ clean.pose.rotation.T).magnitude() < 0.03


def test_shoulders_stay_level_under_a_tilted_head(model):
    camera = front_camera()
    vertices = pose_of(roll=20).apply(model.mean)
    fit = fit_head(landmarks_of(model, vertices, camera), camera)
    torso, left = model.in_regions(Region.TORSO), model.mean[:, 0] > 0.1
    right = model.mean[:, 0] < -0.1
    rise = fit.vertices[torso & left, 2].mean() - fit.vertices[torso & right, 2].mean()
    assert abs(rise) < 0.08
    head_rise = fit.vertices[model.in_regions(Region.EARS) & (model.mean[:, 0] > 0), 2].mean()
    head_rise -= fit.vertices[model.in_regions(Region.EARS) & (model.mean[:, 0] < 0), 2].mean()
    assert head_rise < -0.2, "the crown leans to +x, so the ear on that side goes down"


def test_warp_leaves_the_back_of_the_head_alone(model):
    camera = front_camera()
    vertices = pose_of().apply(model.vertices(*random_head(model, 6)))
    landmarks = landmarks_of(model, vertices, camera, noise=3.0)
    fit = fit_head(landmarks, camera)
    unwarped = fit.pose.apply(model.vertices(fit.identity, fit.expression))
    back = model.in_regions(Region.SCALP) & (model.mean[:, 1] > 0.03)
    assert np.linalg.norm(fit.vertices - unwarped, axis=1)[back].max() < 0.003
    eyes = model.in_regions(Region.EYES) & (model.mean[:, 0] > 0)
    moved = (fit.vertices - unwarped)[eyes]
    np.testing.assert_allclose(moved, np.broadcast_to(moved.mean(0), moved.shape), atol=1e-5)


def test_cheeks_stay_inside_the_silhouette(model):
    camera = front_camera()
    vertices = pose_of().apply(model.vertices(*random_head(model, 7)))
    landmarks = landmarks_of(model, vertices, camera)
    seen = rasterize_mesh(camera, vertices, model.triangles).mask
    narrow = seen & np.roll(seen, 5, axis=1) & np.roll(seen, -5, axis=1)
    free, held = fit_head(landmarks, camera), fit_head(landmarks, camera, narrow)
    head = ~model.in_regions(Region.NECK, Region.TORSO)
    triangles = model.triangles[head[model.triangles].all(1)]
    outside = [(rasterize_mesh(camera, fit.vertices, triangles).mask & ~narrow).sum() for fit in (free, held)]
    assert outside[0] > 500
    assert outside[1] < 0.2 * outside[0]


def test_a_cropped_silhouette_does_not_crush_the_head(model):
    camera = front_camera()
    vertices = pose_of().apply(model.vertices(*random_head(model, 8)))
    landmarks = landmarks_of(model, vertices, camera)
    seen = rasterize_mesh(camera, vertices, model.triangles).mask
    seen[:, :230] = False
    free, held = fit_head(landmarks, camera), fit_head(landmarks, camera, seen)
    assert np.linalg.norm(free.vertices - held.vertices, axis=1).max() < 0.1


@pytest.mark.parametrize("angle", [-4.0, 0.0, 4.0])
def test_small_rotations_are_left_alone(angle):
    np.testing.assert_allclose(undo_rotation(pose_of(angle, angle, angle)), np.eye(4), atol=1e-12)


@pytest.mark.parametrize(("pitch", "roll", "yaw"), list(itertools.product((0.0, 20.0), (0.0, -15.0), (0.0, 30.0))))
def test_large_rotations_are_undone_about_the_head_centre(pitch, roll, yaw):
    pose = pose_of(pitch, roll, yaw)
    matrix = undo_rotation(pose)
    np.testing.assert_allclose(matrix[:3, :3] @ pose.rotation, np.eye(3), atol=1e-9)
    np.testing.assert_allclose(matrix[:3, :3] @ pose.translation + matrix[:3, 3], pose.translation, atol=1e-12)


def read(path):
    image = Image.open(path).convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    white.alpha_composite(image)
    return np.asarray(white.convert("RGB")), np.asarray(image)[..., 3] > 127


@pytest.mark.parametrize("name", PORTRAITS)
def test_meets_the_landmarks_of_real_photos(shared, model, name):
    photo, _ = read(shared / "portraits" / f"{name}.png")
    found = detect_landmarks(photo, detect_faces(photo)[0])
    alignment = Alignment.from_box(photo.shape[1::-1], reference_box(found))
    fit = fit_head(alignment.align_landmarks(found).points)
    assert fit.reprojection_error < 1
    assert fit.model_error < 2.5
    assert np.abs(np.degrees(head_angles(fit.pose))).max() < 12
    assert 4.5 < fit.pose.scale < 6.2
    assert np.linalg.norm(fit.pose.translation) < 0.15
    corners = fit.vertices[model.triangles]
    corners = corners[model.in_regions(Region.FACE)[model.triangles].all(1)]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    flat = fit.pose.apply(model.vertices(fit.identity, fit.expression))[model.triangles]
    flat = flat[model.in_regions(Region.FACE)[model.triangles].all(1)]
    before = np.cross(flat[:, 1] - flat[:, 0], flat[:, 2] - flat[:, 0])
    assert ((normals * before).sum(1) > 0).mean() > 0.995, "the warp folds the surface"


def test_fits_inside_the_true_silhouettes(shared, model):
    """From the front view alone, against a head whose other sides are known (hair only adds to it)."""
    photo, silhouette = read(shared / "sample-head" / "six" / "cam_000.png")
    fit = fit_head(detect_landmarks(photo, detect_faces(photo)[0]).points, silhouette=silhouette)
    head = ~model.in_regions(Region.NECK, Region.TORSO)
    triangles = model.triangles[head[model.triangles].all(1)]
    for index, camera in enumerate(six_view_rig()):
        _, truth = read(shared / "sample-head" / "six" / f"cam_{index:03d}.png")
        mask = rasterize_mesh(camera, fit.vertices, triangles).mask
        assert (mask & ~truth).sum() < (0.025 if index else 0.004) * mask.sum()
        rows = np.nonzero(mask.any(1))[0]
        above_chin = truth[: rows.max()]
        assert mask[: rows.max()].sum() > 0.7 * above_chin.sum()


SKIN = (Region.FACE, Region.SCALP, Region.EARS, Region.LIPS)
LENSES = (20.0, 35.0, 50.0)


def largest_distance(first, second):
    """How far two heads' skins are apart at most after a similarity, as a share of the head's height."""
    first, second = (np.asarray(points, np.float64) for points in (first, second))
    centered = first - first.mean(0), second - second.mean(0)
    rotation, _ = Rotation.align_vectors(centered[1], centered[0])
    turned = rotation.apply(centered[0])
    turned *= (turned * centered[1]).sum() / (turned**2).sum()
    return np.linalg.norm(turned - centered[1], axis=1).max() / np.ptp(second[:, 2])


@pytest.mark.parametrize(("seed", "yaw", "noise"), [(0, 0, 0.0), (1, 0, 0.0), (2, 25, 0.0), (3, -10, 1.0)])
def test_a_head_has_the_same_shape_whatever_the_lens(model, seed, yaw, noise):
    skin = model.in_regions(*SKIN)
    truth = model.vertices(*random_head(model, seed))
    fits = []
    for fov in LENSES:
        camera = front_camera(fov=fov)
        # The alignment makes faces as large in the picture whatever the lens: near ones are smaller in the world.
        scale = SCALE * (1 - 0.35 / np.linalg.norm(camera.position))
        pose = Pose(pose_of(yaw=yaw).rotation, np.zeros(3), scale)
        landmarks = landmarks_of(model, pose.apply(truth), camera, noise=noise, seed=seed)
        fits.append(fit_head(landmarks, camera))
        assert abs(fits[-1].pose.scale / scale - 1) < 0.04
    for first, second in itertools.combinations(fits, 2):
        assert largest_distance(first.vertices[skin], second.vertices[skin]) < 0.01
        assert np.abs(first.identity - second.identity).max() < 0.3
    wrong = fit_head(landmarks_of(model, Pose(np.eye(3), np.zeros(3), 5.0).apply(truth), front_camera(fov=20)))
    assert largest_distance(wrong.vertices[skin], fits[0].vertices[skin]) > 0.012, "a wrong lens shows"


def test_three_photos_of_a_person_give_the_same_head(shared, model):
    """A real person's scan, photographed with three lenses: landmarks as the network finds them."""
    folder = shared / "truth-heads" / "scan"
    cameras = {entry["file"]: entry for entry in json.loads((folder / "cameras.json").read_text())["cameras"]}
    fits = []
    for name in ("photo_20.png", "photo_35.png", "photo_50.png"):
        prepared = prepare_photo(decode((folder / name).read_bytes(), name), None, Reporter())
        camera = front_camera(fov=crop_degrees(cameras[name]["fx"], prepared.alignment))
        fits.append(fit_head(prepared.landmarks.points, camera, prepared.alpha > 0.5))
    skin = model.in_regions(*SKIN)
    for first, second in itertools.combinations(fits, 2):
        assert largest_distance(first.vertices[skin], second.vertices[skin]) < 0.03
