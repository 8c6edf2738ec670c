"""The bones that a VRM avatar must have: those of the head's rig, and a body's that carry nothing.

Avatars are whole people: programs move hips, arms and legs. A head alone has none, so they are placed where those of an
adult stand who is as large as the head, arms stretched to the sides, and move no vertex.

Shares of the stature are from Drillis and Contini, "Body segment parameters", 1966, as Winter's "Biomechanics and Motor
Control of Human Movement" draws them; those of spine and chest are the middle of what VRM's text describes.
"""

from __future__ import annotations

import numpy as np

from ..joints import EYE_LEFT, EYE_RIGHT, HEAD, JAW, NECK, TORSO

STATURE = 1.7
"""Metres of the adult whose head is the model's mean."""
EYE_HEIGHT = 0.936 * STATURE
"""Metres from the floor to the eyes, where the head model's origin lies."""
RIG = {
    "upperChest": TORSO,
    "neck": NECK,
    "head": HEAD,
    "jaw": JAW,
    "leftEye": EYE_LEFT,
    "rightEye": EYE_RIGHT,
}
"""VRM's names of the rig's bones."""
TRUNK = {"hips": ("", 0.530), "spine": ("hips", 0.580), "chest": ("spine", 0.700)}
"""Parents of the trunk's bones below the rig, and their heights."""
LIMBS = {
    "Shoulder": ("upperChest", 0.025, 0.818, 0.0),
    "UpperArm": ("Shoulder", 0.129, 0.818, 0.0),
    "LowerArm": ("UpperArm", 0.129 + 0.186, 0.818, 0.0),
    "Hand": ("LowerArm", 0.129 + 0.186 + 0.146, 0.818, 0.0),
    "UpperLeg": ("hips", 0.055, 0.530, 0.0),
    "LowerLeg": ("UpperLeg", 0.055, 0.285, 0.0),
    "Foot": ("LowerLeg", 0.055, 0.039, 0.0),
    "Toes": ("Foot", 0.055, 0.008, 0.08),
}
"""Of each side's bones: the parent, and how far to the side, up and forward they begin."""


def added_bones() -> dict[str, tuple[str, np.ndarray]]:
    """Return the bones that a head's rig lacks: by VRM's name, parents first, the parent's name and the place.

    Places [3] are in metres, in glTF's axes: x to the person's left, y up, z forward, the origin between the feet.
    """
    bones = {name: (parent, np.array([0.0, height, 0.0]) * STATURE) for name, (parent, height) in TRUNK.items()}
    for side, sign in (("left", 1.0), ("right", -1.0)):
        for name, (parent, *place) in LIMBS.items():
            above = side + parent if parent in LIMBS else parent
            bones[side + name] = above, np.array([sign * place[0], place[1], place[2]]) * STATURE
    return bones
