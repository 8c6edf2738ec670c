"""Where the bones of a base mesh lie.

The jaw's hinge is the axis about which the expression ``jawOpen`` turns the lower teeth, so that
the bone and the expression move the jaw alike. Eyes turn about the centres of their eyeballs. The
skull sits on the neck below the ears; the neck begins in the middle of its lowest ring.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.spatial.transform import Rotation

from ..errors import FaceLiftError
from ..head.model import Region
from .anatomy import vertex_groups
from .base_mesh import BaseMesh

TORSO, NECK, HEAD, JAW, EYE_LEFT, EYE_RIGHT, LOOK_AT = "torso", "neck", "head", "jaw", "eye.L", "eye.R", "look_at"
EYEBALLS, LOWER_TEETH, TONGUE = ("Eye.L", "Eye.R"), "Teeth Lower", "Tongue"
"""Vertex groups of the base mesh."""
TORSO_LENGTH, HEAD_LENGTH, EYE_LENGTH, TARGET_LENGTH = 0.1, 0.15, 0.03, 0.04
"""Lengths of bones that end nowhere in particular, metres."""
TARGET_DISTANCE = 0.4
"""Metres from the eyes to what they look at in the rest pose."""
COLLAR_HEIGHT = 0.015
"""Metres above the neck's lowest point within which its vertices make up its lowest ring."""
MIDDLE = 0.006
"""Metres from the head's middle plane within which vertices belong to the profile."""


@dataclass(frozen=True, eq=False)
class Bone:
    """A bone in its rest pose, in the space of the base mesh.

    Attributes:
        name: As in Blender; ``.L`` and ``.R`` are the person's left and right.
        parent: The name of the bone that carries it, or "".
        head, tail: [3] float64 its ends.
        z_axis: [3] float64 direction of its local z axis, as far as ``head`` and ``tail`` permit. The x
            axis of every bone points to the person's left: a positive turn about it nods the head down,
            opens the jaw, lowers the gaze.
    """

    name: str
    parent: str
    head: np.ndarray
    tail: np.ndarray
    z_axis: np.ndarray


@dataclass(frozen=True, eq=False)
class Joints:
    """The joints of a base mesh. Points and directions are in its space.

    Attributes:
        base: The mesh.
        neck: [3] the neck's lower end.
        skull: [3] where the skull sits on the neck.
        hinge: [3] the middle of the jaw's axis, near the ears.
        jaw_turn: [3] axis times angle in radians of the jaw in ``jawOpen`` at full strength.
        eyes: [2, 3] centres of the left and the right eyeball.
    """

    base: BaseMesh
    neck: np.ndarray
    skull: np.ndarray
    hinge: np.ndarray
    jaw_turn: np.ndarray
    eyes: np.ndarray

    @property
    def left(self) -> np.ndarray:
        """[3] unit vector to the person's left."""
        return self.base.pose.rotation[:, 0]

    @property
    def forward(self) -> np.ndarray:
        """[3] unit vector out of the face."""
        return -self.base.pose.rotation[:, 1]

    @property
    def up(self) -> np.ndarray:
        """[3] unit vector to the crown."""
        return self.base.pose.rotation[:, 2]

    @property
    def metre(self) -> float:
        """Length of a metre in the mesh's space."""
        return self.base.pose.scale

    @property
    def target(self) -> np.ndarray:
        """[3] what the eyes look at in the rest pose."""
        return self.eyes.mean(0) + TARGET_DISTANCE * self.metre * self.forward

    @cached_property
    def chin(self) -> np.ndarray:
        """[3] the front-most point of the profile below the mouth that the jaw carries."""
        model, metre = self.base.model, self.metre
        lips = self.base.neutral[model.in_regions(Region.LIPS)]
        places = (self.base.neutral[model.in_regions(Region.FACE)] - lips.mean(0)) @ self.base.pose.rotation
        low = (lips - lips.mean(0)) @ self.up
        chin = (np.abs(places[:, 0]) < MIDDLE * metre) & (places[:, 2] < low.min() - 0.01 * metre)
        if not chin.any():
            return self.hinge + 0.1 * metre * (self.forward - 0.6 * self.up)
        return self.base.neutral[model.in_regions(Region.FACE)][chin][places[chin, 1].argmin()].astype(np.float64)

    @cached_property
    def bones(self) -> tuple[Bone, ...]:
        """The rig: parents before their children."""
        metre, eye_length = self.metre, EYE_LENGTH * self.metre
        bones = [
            Bone(TORSO, "", self.neck - TORSO_LENGTH * metre * self.up, self.neck, self.forward),
            Bone(NECK, TORSO, self.neck, self.skull, self.forward),
            Bone(HEAD, NECK, self.skull, self.skull + HEAD_LENGTH * metre * self.up, self.forward),
            Bone(JAW, HEAD, self.hinge, self.chin, -self.up),
        ]
        for name, eye in zip((EYE_LEFT, EYE_RIGHT), self.eyes, strict=True):
            gaze = (self.target - eye) / np.linalg.norm(self.target - eye)
            bones.append(Bone(name, HEAD, eye, eye + eye_length * gaze, -self.up))
        target_tail = self.target + TARGET_LENGTH * metre * self.forward
        return (*bones, Bone(LOOK_AT, "", self.target, target_tail, -self.up))


def find_joints(base: BaseMesh) -> Joints:
    """Return the joints of a base mesh.

    Raises:
        FaceLiftError: the mesh's expression ``jawOpen`` does not turn the lower teeth, as when its
            shape key was edited away.
    """
    model, metre, groups = base.model, base.pose.scale, vertex_groups(base.model)
    neutral = base.neutral.astype(np.float64)
    local = (neutral - base.pose.translation) @ base.pose.rotation / metre
    neck, ears = local[model.in_regions(Region.NECK)], local[model.in_regions(Region.EARS)]
    collar = neck[neck[:, 2] < neck[:, 2].min() + COLLAR_HEIGHT]
    skull = np.array([0.0, ears[:, 1].mean(), ears[:, 2].min()])
    hinge, turn = _hinge(base)
    return Joints(
        base=base,
        neck=base.pose.apply((collar.min(0) + collar.max(0)) / 2),
        skull=base.pose.apply(skull),
        hinge=hinge,
        jaw_turn=turn,
        eyes=np.stack([sphere_center(neutral[groups[name]]) for name in EYEBALLS]),
    )


def sphere_center(points: np.ndarray) -> np.ndarray:
    """Return the centre [3] of the sphere through points [N, 3], by least squares."""
    middle = points.mean(0)
    around = points - middle
    system = np.concatenate([2 * around, np.ones((len(points), 1))], axis=1)
    return middle + np.linalg.lstsq(system, (around**2).sum(1), rcond=None)[0][:3]


def rigid_motion(before: np.ndarray, after: np.ndarray) -> tuple[Rotation, np.ndarray]:
    """Return the rotation and translation [3] that bring points [N, 3] closest to others."""
    rotation, _ = Rotation.align_vectors(after - after.mean(0), before - before.mean(0))
    return rotation, after.mean(0) - rotation.apply(before.mean(0))


def _hinge(base: BaseMesh) -> tuple[np.ndarray, np.ndarray]:
    """Return the middle of the jaw's axis [3], and axis times angle [3]."""
    teeth = vertex_groups(base.model)[LOWER_TEETH]
    before = base.neutral[teeth].astype(np.float64)
    after = before + base.expressions[base.model.expression_names.index("jawOpen")][teeth]
    rotation, offset = rigid_motion(before, after)
    turn = rotation.as_rotvec()
    if np.linalg.norm(turn) < np.radians(3) or turn @ base.pose.rotation[:, 0] < 0:
        raise FaceLiftError(
            "The expression jawOpen of this mesh does not open its jaw.", "Fit the base mesh again.", code="no-jaw"
        )
    # Of the axis' points the one in the head's middle plane.
    point = np.linalg.lstsq(np.eye(3) - rotation.as_matrix(), offset, rcond=1e-3)[0]
    axis, left = turn / np.linalg.norm(turn), base.pose.rotation[:, 0]
    return point + axis * (((base.pose.translation - point) @ left) / (axis @ left)), turn
