"""VRM's expressions, made of ARKit's."""

from __future__ import annotations

from ..arkit import PRESETS, sided

EXPRESSIONS: dict[str, dict[str, float]] = {
    "aa": {"jawOpen": 0.6, "mouthLowerDown*": 0.25, "mouthUpperUp*": 0.15},
    "ih": {"jawOpen": 0.15, "mouthStretch*": 0.35, "mouthSmile*": 0.25, "mouthLowerDown*": 0.35, "mouthUpperUp*": 0.2},
    "ou": {"mouthPucker": 0.8, "mouthFunnel": 0.2, "jawOpen": 0.05},
    "ee": {"jawOpen": 0.3, "mouthStretch*": 0.3, "mouthSmile*": 0.15, "mouthLowerDown*": 0.25, "mouthUpperUp*": 0.15},
    "oh": {"jawOpen": 0.4, "mouthFunnel": 0.6, "mouthPucker": 0.15},
    "blink": {"eyeBlink*": 1.0},
    "blinkLeft": {"eyeBlinkLeft": 1.0},
    "blinkRight": {"eyeBlinkRight": 1.0},
    "happy": PRESETS["Smile"],
    "angry": PRESETS["Angry"],
    "sad": PRESETS["Sad"],
    "relaxed": {"mouthSmile*": 0.35, "eyeBlink*": 0.3, "eyeLookDown*": 0.15, "browInnerUp": 0.15},
    "surprised": PRESETS["Surprise"],
    "lookUp": {"eyeLookUp*": 1.0},
    "lookDown": {"eyeLookDown*": 1.0},
    "lookLeft": {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0},
    "lookRight": {"eyeLookInLeft": 1.0, "eyeLookOutRight": 1.0},
    "neutral": {},
}
"""Strengths, 0..1, of ARKit's expressions in each of VRM's presets; a ``*`` stands for both sides."""
OVERRIDES = {
    "happy": {"overrideBlink": "blend"},
    "relaxed": {"overrideBlink": "blend"},
    "surprised": {"overrideMouth": "blend"},
}
"""What gives way to an expression that already moves lids or mouth: both together would go too far."""


def strengths(preset: str) -> dict[str, float]:
    """Return the strengths of a VRM preset by ARKit's names."""
    return {name: value for pattern, value in EXPRESSIONS[preset].items() for name in sided(pattern)}
