"""Learns how the networks see heads move: ``python -m tests.tools.responses OUT.npz PORTRAIT... [--samples N]``.

Draft heads of the portraits are bound to their meshes and drawn with known expressions, turns and light; the networks
of face capture look at them. What moves their points is then found by least squares: by each expression, by the side
from which the head is seen, and by the person; what is left becomes patterns of noise (factor analysis). Heads and
their mirror images count alike. The committed file was made from seven portraits; the astronaut, in whose clips capture
is judged, is none of them. No picture can be had back from it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from core.avatar.arkit import ARKIT_NAMES, PRESETS, mirrored, opposite, sided, strengths
from core.avatar.binding import rest_mesh
from core.avatar.deformation import deform
from core.avatar.gaps import openings
from core.cameras import Camera
from core.head.model import load_head_model
from core.performance.eyes import see_eyes
from core.performance.faces import face_of
from core.performance.responses import EYE_POINTS, MESH_POINTS, view_terms
from core.performance.types import PersonFace
from core.photo.landmarks import ATTENTION_MESH, detect_landmarks
from core.photo.types import FaceBox
from core.rasterize.cpu import render
from tests.helpers.performances import NEEDS_OPEN_JAW, SOUNDS
from tests.tools.truth_clip import TruthHead

SIDE = 320
"""Pixels of the pictures, of which the face takes this share."""
FACE_SHARE, FACE_METRES = 0.6, 0.16
TURNS, FARTHEST_TURNS = (20.0, 10.0, 6.0), (46.0, 26.0, 20.0)
"""Standard deviations and bounds of yaw, pitch and roll in degrees."""
SLOPES = (0.35, 0.25)
"""Standard deviation of how the light falls off across and down the picture, by which factor e."""
FORWARD = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""Turns the head model's axes to those of a camera that it looks into."""
MIRROR = np.diag([-1.0, 1.0, 1.0])
RIDGE, VIEW_RIDGE, OFFSET_RIDGE, PULL = 2.0, 1.0, 1e-2, 0.5
"""Weights of what is believed before: that expressions move points by half of what they move the face."""
MODES, LEAST_DEVIATION = 15, 2e-4
IRIS_ANCHORS = (386, 159)
"""Landmarks over the middles of the left and the right eye."""


@dataclass(frozen=True, eq=False)
class Samples:
    """What the networks saw of one person, or of the mirror image.

    Attributes:
        face: The person's.
        values: [T, E] coefficients that were shown.
        rotations: [T, 3, 3] from the head's axes to the camera's.
        differences: [T, P, 2] metres from the neutral model's points to those seen, in the picture's plane.
    """

    face: PersonFace
    values: np.ndarray
    rotations: np.ndarray
    differences: np.ndarray


def expression(rng: np.random.Generator, single: int | None) -> np.ndarray:
    """Return coefficients [E]: one expression alone or with that of the other side, or several as faces mix them."""
    values = dict.fromkeys(ARKIT_NAMES, 0.0)
    if single is not None:
        name = ARKIT_NAMES[single]
        values[name] = rng.uniform(0.5, 1)
        if name == NEEDS_OPEN_JAW:
            values["jawOpen"] = values[name]
        if (other := opposite(name)) and rng.random() < 0.5:
            values[other] = values[name] * rng.uniform(0.7, 1)
        return np.array(list(values.values()))
    for _ in range(rng.integers(2, 6)):
        name, strength = ARKIT_NAMES[rng.integers(len(ARKIT_NAMES))], rng.uniform(0.1, 1)
        for each in {name, opposite(name) or name}:
            values[each] = strength * rng.uniform(0.7, 1.2)
    if rng.random() < 0.3:
        for pattern, strength in list(SOUNDS.values())[rng.integers(len(SOUNDS))].items():
            values |= dict.fromkeys(sided(pattern), strength * rng.uniform(0.6, 1.2))
    if rng.random() < 0.3:
        share = rng.uniform(0.4, 1)
        preset = strengths(list(PRESETS)[rng.integers(len(PRESETS))])
        values |= {name: share * strength for name, strength in preset.items()}
    values[NEEDS_OPEN_JAW] = min(values[NEEDS_OPEN_JAW], values["jawOpen"])
    return np.clip(list(values.values()), 0, 1)


def seen(head: TruthHead, values: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, ...] | None:
    """Return the points [P, 2] in pixels, focal length, rotation and translation of a picture; None without a face."""
    base = head.base
    vertices = base.vertices(values)
    splats = deform(head.splats, rest_mesh(base), vertices, openings(base, vertices))
    turns = np.clip(rng.normal(0, TURNS), np.negative(FARTHEST_TURNS), FARTHEST_TURNS)
    turn = Rotation.from_euler("ZXY", turns, degrees=True).as_matrix() @ FORWARD.T
    distance = rng.uniform(0.4, 1.2)
    middle = base.model.landmarks(base.neutral).mean(axis=0)
    c2w = np.eye(4)
    c2w[:3, :3] = base.pose.rotation @ turn
    c2w[:3, 3] = middle - c2w[:3, 2] * distance * base.pose.scale
    focal = SIDE * FACE_SHARE * distance / FACE_METRES
    camera = Camera(SIDE, SIDE, focal, focal, SIDE / 2, SIDE / 2, c2w)
    picture = render(splats, camera, tuple(rng.uniform(0.1, 0.9, 3))).to_uint8() / 255
    across, down = np.meshgrid(*2 * [np.linspace(-1, 1, SIDE)]) * rng.normal(0, SLOPES)[:, None, None]
    light = np.exp(across + down)[..., None] * rng.uniform(0.7, 1.15)
    picture = np.clip(picture ** rng.uniform(0.7, 1.4) * light * 255, 0, 255).astype(np.uint8)
    low, high = SIDE * (1 - FACE_SHARE) / 2, SIDE * (1 + FACE_SHARE) / 2
    landmarks = detect_landmarks(picture, FaceBox(low, low, high, high, 1.0), ATTENTION_MESH)
    if landmarks.score < 0.9:
        return None
    irises, lids = see_eyes(picture, landmarks)
    eyes = [np.concatenate([lids[eye], irises[eye, None, :2]]) for eye in range(2)]
    center = base.pose.rotation.T @ (middle - base.pose.translation) / base.pose.scale
    translation = np.array([0.0, 0.0, distance]) - turn.T @ center
    return np.concatenate([landmarks.points[:, :2], *eyes]), np.array(focal), turn.T, translation


def samples_of(photo: Path, count: int, anchors: np.ndarray | None, seed: int) -> tuple[Samples, np.ndarray]:
    """Return what the networks see of a portrait's head, and the anchors of the points around the eyes."""
    head, rng = TruthHead.of_photo(photo), np.random.default_rng(seed)
    rows, values = [], []
    for number in range(count):
        single = number % len(ARKIT_NAMES) if number < count // 2 else None
        shown = np.zeros(len(ARKIT_NAMES)) if number % 13 == 12 else expression(rng, single)
        found = seen(head, shown, rng)
        if found is not None:
            rows.append(found)
            values.append(shown)
    points, focals, rotations, translations = (np.array(column) for column in zip(*rows, strict=True))
    if anchors is None:
        anchors = _anchors(points)
    face = face_of(head.base)
    neutral = _of_points(face.mean, anchors)
    places = np.einsum("tij,pj->tpi", rotations, neutral) + translations[:, None]
    metres = places[..., 2:] / focals[:, None, None]
    differences = (points - (places[..., :2] / metres + SIDE / 2)) * metres
    return Samples(face, np.array(values), rotations, differences), anchors


def _anchors(points: np.ndarray) -> np.ndarray:
    """Return the landmarks [2, 72] nearest to the points around the eyes; the right eye's mirror the left eye's."""
    left = points[:, MESH_POINTS : MESH_POINTS + EYE_POINTS - 1]
    apart = np.linalg.norm(left[:, :, None] - points[:, None, :MESH_POINTS], axis=-1).mean(axis=0)
    nearest = np.append(apart.argmin(axis=1), IRIS_ANCHORS[0])
    return np.stack([nearest, _mirrored_landmarks()[nearest]])


def _mirrored_landmarks() -> np.ndarray:
    model = load_head_model()
    places = model.landmarks(model.mean)
    return np.linalg.norm((places * MIRROR.diagonal())[:, None] - places[None], axis=-1).argmin(axis=1)


def _of_points(of_landmarks: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    return np.concatenate([of_landmarks, of_landmarks[anchors[0]], of_landmarks[anchors[1]]])


def in_mirror(samples: Samples) -> Samples:
    """Return what would be seen of the mirror image."""
    eyes = MESH_POINTS + np.arange(2 * EYE_POINTS).reshape(2, -1)
    order = np.concatenate([_mirrored_landmarks(), eyes[1], eyes[0]])
    names = [ARKIT_NAMES.index(mirrored(name)) for name in ARKIT_NAMES]
    rotations = MIRROR @ samples.rotations @ MIRROR
    return Samples(samples.face, samples.values[:, names], rotations, samples.differences[:, order] * [-1, 1])


def learned(everyone: Sequence[Samples], anchors: np.ndarray) -> dict[str, np.ndarray]:
    """Return the arrays of ``core/performance/data/responses.npz``."""
    expressions, people = len(ARKIT_NAMES), len(everyone)
    terms = len(view_terms(np.eye(3)))
    rows, seen_rows = [], []
    for number, samples in enumerate(everyone):
        count, plane = len(samples.values), samples.rotations[:, :2]
        by_expression = np.einsum("tij,te->tiej", plane, samples.values).reshape(2 * count, -1)
        by_person = np.zeros((count, 2, people, 3))
        by_person[:, :, number] = plane
        by_view = np.zeros((count, 2, terms, 2))
        for axis in range(2):
            by_view[:, axis, :, axis] = [view_terms(rotation) for rotation in samples.rotations]
        parts = (by_expression, by_person.reshape(2 * count, -1), by_view.reshape(2 * count, -1))
        rows.append(np.concatenate(parts, axis=1))
        seen_rows.append(samples.differences.transpose(0, 2, 1).reshape(2 * count, -1))
    design, target = np.concatenate(rows), np.concatenate(seen_rows)
    usual = np.mean([[_of_points(move, anchors) for move in samples.face.directions] for samples in everyone], axis=0)
    prior = np.zeros((design.shape[1], target.shape[1]))
    prior[: 3 * expressions] = PULL * usual.transpose(0, 2, 1).reshape(3 * expressions, -1)
    ridge = np.repeat([RIDGE, OFFSET_RIDGE, VIEW_RIDGE], [3 * expressions, 3 * people, 2 * terms])
    found = np.linalg.solve(design.T @ design + np.diag(ridge), design.T @ target + ridge[:, None] * prior)
    moves, offsets, views = np.split(found, [3 * expressions, 3 * (expressions + people)])
    offsets = offsets.reshape(people, 3, -1).transpose(0, 2, 1)
    left = (target - design @ found).reshape(-1, 2, target.shape[1]).transpose(0, 2, 1)
    modes, variance = _noise(left)
    return {
        "anchors": anchors.astype(np.int16),
        "moves": moves.reshape(expressions, 3, -1).transpose(0, 2, 1).astype(np.float16),
        "views": views.reshape(terms, 2, -1).transpose(0, 2, 1).astype(np.float16),
        "offsets": offsets.mean(axis=0).astype(np.float16),
        "spread": np.sqrt((offsets.std(axis=0) ** 2).mean(axis=0)).astype(np.float32),
        "modes": modes.astype(np.float16),
        "variance": variance.astype(np.float32),
    }


def _noise(left: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return patterns [M, P, 2] and remaining variance [P, 2] of residuals [T, P, 2]: factor analysis."""
    flat = left.reshape(len(left), -1)
    whole = flat.var(axis=0)
    own, loads = whole, np.zeros((MODES, flat.shape[1]))
    for _ in range(8):
        _, singular, axes = np.linalg.svd(flat / np.sqrt(own), full_matrices=False)
        strength = np.sqrt(np.maximum(singular[:MODES] ** 2 / len(flat) - 1e-3, 0))
        loads = axes[:MODES] * strength[:, None] * np.sqrt(own)
        own = np.maximum(whole - (loads**2).sum(axis=0), LEAST_DEVIATION**2)
    return loads.reshape(MODES, -1, 2), own.reshape(-1, 2)


def main() -> None:
    """Learn, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("portraits", nargs="+", type=Path)
    parser.add_argument("--samples", type=int, default=416, help="pictures of each person")
    options = parser.parse_args()
    everyone: list[Samples] = []
    anchors = None
    for number, photo in enumerate(options.portraits):
        samples, anchors = samples_of(photo, options.samples, anchors, number)
        everyone += [samples, in_mirror(samples)]
        print(f"{photo.name}: {len(samples.values)} pictures", flush=True)
    np.savez(options.out, **learned(everyone, anchors))


if __name__ == "__main__":
    main()
