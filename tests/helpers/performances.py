"""Performances for clips with known truth: expressions and turns of the head over time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from core.avatar.arkit import ARKIT_NAMES, sided, strengths

FPS = 30
NEEDS_OPEN_JAW = "mouthClose"
"""ARKit's closes the lips of an open jaw: alone it is no face that anybody makes."""
LOOKS = {
    "left": ("eyeLookOutLeft", "eyeLookInRight"),
    "right": ("eyeLookInLeft", "eyeLookOutRight"),
    "up": ("eyeLookUp*",),
    "down": ("eyeLookDown*",),
}
SOUNDS = {
    "rest": {},
    "ah": {"jawOpen": 0.6, "mouthLowerDown*": 0.3, "mouthUpperUp*": 0.15},
    "oh": {"jawOpen": 0.35, "mouthFunnel": 0.6},
    "oo": {"jawOpen": 0.12, "mouthPucker": 0.8},
    "ee": {"jawOpen": 0.15, "mouthStretch*": 0.35, "mouthSmile*": 0.3, "mouthLowerDown*": 0.3},
    "mm": {"jawOpen": 0.1, "mouthClose": 0.1, "mouthPress*": 0.4},
    "ff": {"jawOpen": 0.08, "mouthRollLower": 0.5, "mouthUpperUp*": 0.2},
    "ss": {"jawOpen": 0.06, "mouthStretch*": 0.25, "mouthLowerDown*": 0.45},
    "sh": {"jawOpen": 0.12, "mouthFunnel": 0.4, "mouthPucker": 0.4, "mouthUpperUp*": 0.2},
}
"""What the mouth does in speech."""
SPEECH = "mm ah mm oh ss ee ff oo rest sh ah ee mm oo ah ff ee oh".split()
SWAY = np.array([0.012, 0.006, 0.008])
"""Metres by which people move sideways, to and fro, up and down."""
SWAY_HERTZ = np.array([0.31, 0.23, 0.41])


@dataclass(frozen=True, eq=False)
class Performance:
    """A face over time, :data:`FPS` moments a second.

    Attributes:
        values: [T, 52] coefficients 0..1, by :data:`~core.avatar.arkit.ARKIT_NAMES`.
        turns: [T, 3] yaw, pitch and roll of the head against the torso, in degrees.
    """

    values: np.ndarray
    turns: np.ndarray

    @property
    def times(self) -> np.ndarray:
        """[T] seconds."""
        return np.arange(len(self.values)) / FPS

    @property
    def sway(self) -> np.ndarray:
        """[T, 3] metres by which the person has moved to the left, back and up."""
        return SWAY * np.sin(2 * np.pi * SWAY_HERTZ * self.times[:, None])

    def joined(self, *others: Performance) -> Performance:
        """Return this one and others after it."""
        every = (self, *others)
        return Performance(np.concatenate([p.values for p in every]), np.concatenate([p.turns for p in every]))


class _Score:
    """A performance being written: what is written at a moment adds up."""

    def __init__(self, seconds: float) -> None:
        count = round(seconds * FPS)
        self._times = np.arange(count) / FPS
        self._values, self._turns = np.zeros((count, len(ARKIT_NAMES))), np.zeros((count, 3))

    def face(self, strengths_of: dict[str, float], *keys: tuple[float, float]) -> None:
        """Show expressions, "*" for both sides, by a curve of (second, share) keys."""
        share = eased(self._times, keys)
        for pattern, strength in strengths_of.items():
            for name in sided(pattern):
                self._values[:, ARKIT_NAMES.index(name)] += strength * share

    def turn(self, axis: int, *keys: tuple[float, float]) -> None:
        """Turn the head about yaw 0, pitch 1 or roll 2 by a curve of (second, degrees) keys."""
        self._turns[:, axis] += eased(self._times, keys)

    def blink(self, second: float, frames: int) -> None:
        """Close and open both eyes within some frames."""
        at = round(second * FPS)
        wave = np.sin(np.pi * (np.arange(frames) + 0.5) / frames)
        column = np.minimum(1, wave / wave.max())
        for name in sided("eyeBlink*"):
            place = ARKIT_NAMES.index(name)
            here = self._values[at : at + frames, place]
            np.maximum(here, column[: len(here)], out=here)

    def look(self, way: str, *keys: tuple[float, float]) -> None:
        """Let the eyes look left, right, up or down."""
        self.face(dict.fromkeys(LOOKS[way], 1.0), *keys)

    def speak(self, second: float, sounds: list[str], each: float = 0.13) -> None:
        """Speak, each sound being reached after some seconds."""
        for place, sound in enumerate(sounds):
            middle = second + (place + 1) * each
            self.face(SOUNDS[sound], (middle - each, 0), (middle, 1), (middle + each, 0))

    def done(self) -> Performance:
        """Return what was written."""
        return Performance(np.clip(self._values, 0, 1), self._turns)


def eased(times: np.ndarray, keys: tuple[tuple[float, float], ...]) -> np.ndarray:
    """Return a curve's values at times [T]: between its (second, value) keys eased in and out, held outside."""
    moments, values = np.array(keys, float).T
    place = np.clip(np.searchsorted(moments, times, "right") - 1, 0, len(moments) - 2)
    share = np.clip((times - moments[place]) / (moments[place + 1] - moments[place]), 0, 1)
    return values[place] + (values[place + 1] - values[place]) * share * share * (3 - 2 * share)


def quick() -> Performance:
    """Return five seconds with the big expressions, a blink of each length, gazes and turns."""
    score = _Score(5)
    score.blink(0.4, 5)
    score.face({"jawOpen": 0.9}, (0.6, 0), (0.85, 1), (1.2, 0))
    score.face({"mouthSmile*": 0.9, "cheekSquint*": 0.4}, (1.2, 0), (1.45, 1), (1.6, 1), (1.9, 0))
    score.face({"browInnerUp": 0.9, "browOuterUp*": 0.9}, (1.7, 0), (1.95, 1), (2.2, 0))
    score.face({"browDown*": 0.9}, (2.2, 0), (2.35, 1), (2.5, 0))
    score.blink(2.45, 4)
    score.look("left", (2.6, 0), (2.7, 1), (2.85, 1), (2.95, 0))
    score.look("right", (2.95, 0), (3.05, 1), (3.2, 1), (3.3, 0))
    score.look("up", (3.3, 0), (3.4, 0.9), (3.5, 0))
    score.look("down", (3.5, 0), (3.6, 0.8), (3.7, 0))
    score.turn(0, (2.9, 0), (3.3, 30), (3.5, 30), (4.1, -30), (4.5, 0))
    score.turn(1, (0.6, 0), (0.9, -8), (1.2, 0), (4.3, 0), (4.6, 14), (4.9, 0))
    score.turn(2, (1.3, 0), (1.6, 10), (2.0, -6), (2.3, 0))
    score.speak(3.7, SPEECH[:8])
    score.blink(4.5, 6)
    return score.done()


def acting() -> Performance:
    """Return six seconds of presets that blend, speech, blinks of 4 to 6 frames, gazes and turns to 40, 20, 15."""
    score = _Score(6)
    smile, surprise, angry = strengths("Laugh"), strengths("Surprise"), strengths("Angry")
    score.face(smile, (0.2, 0), (0.5, 1), (0.8, 0.6), (1.1, 0))
    score.face(surprise, (0.8, 0), (1.2, 1), (1.4, 1), (1.7, 0))
    score.face(angry, (1.5, 0), (1.8, 1), (2.0, 1), (2.3, 0))
    score.face(strengths("Kiss"), (2.2, 0), (2.45, 1), (2.7, 0))
    score.face(strengths("Sad"), (5.2, 0), (5.5, 1), (5.9, 0.2))
    score.speak(2.7, SPEECH)
    score.face({"browInnerUp": 0.5, "browOuterUp*": 0.3}, (3.0, 0), (3.2, 1), (3.5, 0), (4.2, 0), (4.4, 1), (4.7, 0))
    score.blink(0.15, 4)
    score.blink(1.75, 5)
    score.blink(3.45, 6)
    score.blink(4.55, 4)
    score.look("left", (2.0, 0), (2.1, 1), (2.4, 1), (2.5, 0), (3.1, 0), (3.2, 0.6), (3.4, 0))
    score.look("right", (2.5, 0), (2.6, 1), (2.9, 1), (3.0, 0))
    score.look("up", (3.7, 0), (3.8, 1), (4.0, 1), (4.1, 0))
    score.look("down", (4.8, 0), (4.9, 1), (5.1, 1), (5.2, 0))
    score.turn(0, (0.4, 0), (0.9, 18), (2.5, 0), (3.2, 40), (3.5, 40), (4.4, -40), (4.7, -40), (5.3, 0))
    score.turn(1, (1.1, 0), (1.5, -14), (2.0, 20), (2.4, 0), (4.7, 0), (5.1, 12), (5.6, -20), (5.9, -5))
    score.turn(2, (0.1, 0), (0.6, 15), (1.2, -15), (1.7, 0), (5.0, 0), (5.4, 10), (5.8, 0))
    return score.done()


def singles(frames: int, names: tuple[str, ...] = ARKIT_NAMES) -> Performance:
    """Return expressions one after the other, each raised and lowered within some frames, the head almost still."""
    values = np.zeros((frames * len(names), len(ARKIT_NAMES)))
    wave = np.sin(np.pi * (np.arange(frames) + 0.5) / frames) ** 2
    for place, name in enumerate(names):
        rows = slice(place * frames, (place + 1) * frames)
        values[rows, ARKIT_NAMES.index(name)] = wave / wave.max()
        if name == NEEDS_OPEN_JAW:
            values[rows, ARKIT_NAMES.index("jawOpen")] = wave / wave.max()
    seconds = np.arange(len(values))[:, None] / FPS
    turns = [6.0, 3.0, 2.0] * np.sin(2 * np.pi * np.array([0.21, 0.33, 0.17]) * seconds)
    return Performance(values, turns)
