"""Joints and weights of the base mesh: where the bones lie, and what poses look like."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from core.avatar import joints as rig
from core.avatar.anatomy import vertex_groups
from core.avatar.skinning import bone_weights, posed
from core.errors import FaceLiftError
from core.head.model import Region
from tests.helpers.avatar import astronaut_base

MILLIMETRE = 1e-3


@pytest.fixture(scope="module")
def base():
    return astronaut_base()


@pytest.fixture(scope="module")
def joints(base):
    return rig.find_joints(base)


@pytest.fixture(scope="module")
def weights(joints):
    return bone_weights(joints)


def eyeballs(model):
    return [vertex_groups(model)[name] for name in rig.EYEBALLS]


def lower_teeth(model):
    return vertex_groups(model)[rig.LOWER_TEETH]


def expression(base, name):
    return base.expressions[base.model.expression_names.index(name)]


def in_head(base, points):
    """Return points in the head's own frame, metres."""
    return (points - base.pose.translation) @ base.pose.rotation / base.pose.scale


def test_bones_lie_where_they_belong(base, joints):
    bones = {bone.name: bone for bone in joints.bones}
    parents = [bone.parent for bone in joints.bones]
    assert all(parent == "" or parent in list(bones)[:index] for index, parent in enumerate(parents))
    ears = in_head(base, base.neutral[base.model.in_regions(Region.EARS)])
    hinge, chin = in_head(base, np.stack([joints.hinge, bones["jaw"].tail]))
    assert abs(hinge[0]) < MILLIMETRE and ears[:, 1].min() - 0.02 < hinge[1] < ears[:, 1].max()
    assert abs(hinge[2] - ears[:, 2].min()) < 0.02
    assert chin[1] < -0.07 and hinge[2] - 0.08 < chin[2] < hinge[2] - 0.02 and abs(chin[0]) < 0.01
    assert np.degrees(np.linalg.norm(joints.jaw_turn)) == pytest.approx(24.5, abs=2)
    eyes = in_head(base, joints.eyes)
    assert eyes[0, 0] > 0.02 and eyes[1, 0] < -0.02 and abs(eyes[0, 2] - eyes[1, 2]) < 3 * MILLIMETRE
    neck, skull = in_head(base, np.stack([joints.neck, joints.skull]))
    assert 0.05 < skull[2] - neck[2] < 0.2


def test_eyeballs_are_round_about_their_joints(base, joints):
    for ball, eye in zip(eyeballs(base.model), joints.eyes, strict=True):
        radii = np.linalg.norm(base.neutral[ball] - eye, axis=1) / base.pose.scale
        assert 0.011 < np.median(radii) < 0.018 and radii.std() < 1.2 * MILLIMETRE


def test_weights_add_up_and_are_few(weights):
    stacked = np.stack(list(weights.values()))
    np.testing.assert_allclose(stacked.sum(0), 1, atol=1e-6)
    assert stacked.min() == 0 and (stacked > 0).sum(0).max() <= 4


def test_stiff_parts_are_stiff(base, weights):
    model = base.model
    for name, ball in zip(("eye.L", "eye.R"), eyeballs(model), strict=True):
        assert (weights[name][ball] == 1).all()
        assert (weights[name][model.in_regions(Region.TEETH, Region.NECK, Region.SCALP)] == 0).all()
    teeth = lower_teeth(model)
    upper = np.setdiff1d(np.flatnonzero(model.in_regions(Region.TEETH)), teeth)
    assert (weights["jaw"][teeth] == 1).all() and (weights["head"][upper] == 1).all()
    crown = model.in_regions(Region.SCALP) & (model.mean[:, 2] > 0.02)
    assert (weights["head"][crown] == 1).all()
    low = model.in_regions(Region.TORSO) & (model.mean[:, 2] < model.mean[:, 2].min() + 0.1)
    assert (weights["torso"][low] == 1).all()


def test_weights_change_smoothly_along_edges(base, weights):
    faces = base.model.faces
    for name in ("torso", "neck", "head", "jaw"):
        steps = np.abs(weights[name][faces[:, 0]] - weights[name][faces[:, 1]])
        outer = base.model.in_regions(Region.FACE, Region.NECK, Region.TORSO, Region.SCALP)[faces].all(1)
        assert steps[outer].max() < 0.45, name


def test_the_rest_pose_changes_nothing(base, joints, weights):
    assert np.abs(posed(joints, base.neutral, weights, {}) - base.neutral).max() < 1e-6


def test_a_turned_torso_is_a_rigid_motion(base, joints, weights):
    turn = Rotation.from_rotvec([0.3, -0.2, 0.7])
    expected = turn.apply(base.neutral - joints.bones[0].head) + joints.bones[0].head
    actual = posed(joints, base.neutral, weights, {"torso": turn.as_rotvec()})
    assert np.abs(actual - expected).max() < 1e-5


def test_jaw_bone_and_expression_open_the_mouth_alike(base, joints, weights):
    bone = posed(joints, base.neutral, weights, {"jaw": joints.jaw_turn})
    shape = base.neutral + expression(base, "jawOpen")
    apart = np.linalg.norm(bone - shape, axis=1) / base.pose.scale
    moved = np.linalg.norm(expression(base, "jawOpen"), axis=1) / base.pose.scale
    assert moved.max() > 0.03
    assert apart.mean() < MILLIMETRE and apart[lower_teeth(base.model)].max() < MILLIMETRE
    assert np.percentile(apart, 99) < 5 * MILLIMETRE


def volume(base, vertices, height_from, height_to):
    """Return the area of a cut through the neck: its ring's extent across times along, in the head's frame."""
    local = in_head(base, vertices)
    ring = base.model.in_regions(Region.NECK) & (base.model.mean[:, 2] > height_from)
    ring &= base.model.mean[:, 2] < height_to
    return np.sqrt(np.linalg.det(np.cov(local[ring, :2].T)))


def test_a_turned_head_keeps_its_neck_thick(base, joints, weights):
    turned = posed(joints, base.neutral, weights, {"head": joints.up * np.radians(40)})
    for low in (-0.16, -0.14, -0.12):
        before, after = (volume(base, vertices, low, low + 0.03) for vertices in (base.neutral, turned))
        assert after / before > 0.9
    face = base.model.in_regions(Region.FACE) & (weights["head"] == 1)
    forward = in_head(base, turned[face]).mean(0) - in_head(base, joints.skull)
    assert forward[0] > 0.03


@settings(max_examples=5)
@given(
    angles=st.lists(st.floats(-3, 3), min_size=3, max_size=3),
    scale=st.floats(0.05, 20),
    offset=st.lists(st.floats(-5, 5), min_size=3, max_size=3),
)
def test_joints_go_with_the_mesh(base, joints, weights, angles, scale, offset):
    matrix = np.eye(4)
    matrix[:3, :3] = scale * Rotation.from_euler("xyz", angles).as_matrix()
    matrix[:3, 3] = offset
    moved = rig.find_joints(base.transformed(matrix))
    for bone, expected in zip(moved.bones, joints.bones, strict=True):
        for actual, point in ((bone.head, expected.head), (bone.tail, expected.tail)):
            assert np.abs(actual - (matrix[:3, :3] @ point + matrix[:3, 3])).max() < 5e-4 * scale
    for name, weight in bone_weights(moved).items():
        assert np.abs(weight - weights[name]).max() < 0.02


def test_a_mesh_whose_jaw_does_not_open_is_told(base):
    still = dataclasses.replace(base, expressions=np.zeros_like(base.expressions))
    with pytest.raises(FaceLiftError, match="jawOpen"):
        rig.find_joints(still)
