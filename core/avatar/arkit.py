"""The 52 expressions of ARKit: their names, the regions of the face they move, and a few combinations."""

from __future__ import annotations

import re

SIDES = ("Left", "Right")

REGIONS = {
    "Brows": ("browInnerUp", "browDown*", "browOuterUp*"),
    "Eyes": ("eyeBlink*", "eyeSquint*", "eyeWide*", "eyeLookUp*", "eyeLookDown*", "eyeLookIn*", "eyeLookOut*"),
    "Cheeks": ("cheekPuff", "cheekSquint*"),
    "Nose": ("noseSneer*",),
    "Jaw": ("jawOpen", "jawForward", "jawLeft", "jawRight"),
    "Mouth": (
        "mouthClose",
        "mouthFunnel",
        "mouthPucker",
        "mouthLeft",
        "mouthRight",
        "mouthSmile*",
        "mouthFrown*",
        "mouthDimple*",
        "mouthStretch*",
        "mouthPress*",
        "mouthUpperUp*",
        "mouthLowerDown*",
        "mouthRollUpper",
        "mouthRollLower",
        "mouthShrugUpper",
        "mouthShrugLower",
    ),
    "Tongue": ("tongueOut",),
}
"""Expressions by region; a ``*`` stands for the two sides."""

PRESETS = {
    "Smile": {"mouthSmile*": 0.8, "cheekSquint*": 0.5, "eyeSquint*": 0.3, "mouthDimple*": 0.2},
    "Laugh": {
        "mouthSmile*": 0.9,
        "jawOpen": 0.3,
        "cheekSquint*": 0.8,
        "eyeSquint*": 0.6,
        "mouthUpperUp*": 0.3,
        "mouthLowerDown*": 0.2,
    },
    "Surprise": {"browInnerUp": 0.9, "browOuterUp*": 0.8, "eyeWide*": 0.8, "jawOpen": 0.35, "mouthFunnel": 0.2},
    "Sad": {"browInnerUp": 0.8, "mouthFrown*": 0.7, "mouthShrugLower": 0.4, "eyeLookDown*": 0.3, "eyeSquint*": 0.2},
    "Angry": {
        "browDown*": 0.9,
        "noseSneer*": 0.5,
        "eyeSquint*": 0.4,
        "mouthPress*": 0.5,
        "mouthFrown*": 0.3,
        "jawForward": 0.2,
    },
    "Disgust": {"noseSneer*": 0.9, "mouthUpperUp*": 0.5, "browDown*": 0.5, "cheekSquint*": 0.4, "mouthFrown*": 0.4},
    "Blink": {"eyeBlink*": 1.0},
    "Kiss": {"mouthPucker": 0.9, "mouthFunnel": 0.2, "eyeSquint*": 0.2},
}
"""Strengths of expressions that make a face together."""


def sided(pattern: str) -> tuple[str, ...]:
    """Return the names that a pattern stands for: one, or left and right."""
    return tuple(pattern.replace("*", side) for side in SIDES) if "*" in pattern else (pattern,)


def opposite(name: str) -> str | None:
    """Return the same expression of the other side; None for those of the middle."""
    for side, other in zip(SIDES, reversed(SIDES), strict=True):
        # jawLeft and mouthLeft are directions, not sides.
        if name.endswith(side) and name not in _DIRECTIONS:
            return name.removesuffix(side) + other
    return None


def mirrored(name: str) -> str:
    """Return the expression that one becomes in a mirror: the other side's, the other direction, or itself."""
    if name in _DIRECTIONS:
        side = next(side for side in SIDES if name.endswith(side))
        return name.removesuffix(side) + next(other for other in SIDES if other != side)
    return opposite(name) or name


def label(pattern: str) -> str:
    """Return an expression's name as words, without its region and side: "Outer Up" for browOuterUp."""
    words = re.findall("[A-Z][a-z]*", pattern.removesuffix("*"))
    return " ".join(words)


def strengths(preset: str) -> dict[str, float]:
    """Return the strengths of a preset by expression."""
    return {name: strength for pattern, strength in PRESETS[preset].items() for name in sided(pattern)}


_DIRECTIONS = ("jawLeft", "jawRight", "mouthLeft", "mouthRight")
ARKIT_NAMES = tuple(sorted(name for patterns in REGIONS.values() for pattern in patterns for name in sided(pattern)))
"""All 52, sorted as the head model has them."""
