"""Other spellings of splat PLY files, and which of a file's properties is what.

* CloudCompare puts ``scalar_`` before the names that it doesn't know.
* 2DGS (Huang et al., 2024) has flat splats and no ``scale_2``.
* nerfstudio's RGB mode, and other trainings without view-dependent colour, have ``red``, ``green`` and ``blue`` in
  the place of ``f_dc_*``.
* Trainings with harmonics above degree 3 have more ``f_rest_*``.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from ...errors import FormatError
from ...splats import spherical_harmonics as harmonics
from . import names

_PREFIX = "scalar_"
_COLORS = (("red", "green", "blue"), ("r", "g", "b"), ("diffuse_red", "diffuse_green", "diffuse_blue"))
_SPLAT_MARKS = frozenset((*names.OPACITY, *names.SCALES, *names.ROTATIONS))
"""Properties that plain coloured points don't have."""
_MAX_FILE_DEGREE = 8
_REST_COUNTS = tuple(3 * ((degree + 1) ** 2 - 1) for degree in range(_MAX_FILE_DEGREE + 1))
_KEPT_HIGHER = (harmonics.MAX_DEGREE + 1) ** 2 - 1


@dataclass(frozen=True)
class Layout:
    """The properties of a file, by what they mean. All names are the file's.

    Attributes:
        means, opacity, rotations: One, three or four properties.
        scales: Two or three; with two, splats are flat.
        base: Red, green and blue of the harmonics' base, or of the colour.
        is_color: Whether ``base`` is the colour.
        rest: Higher harmonics up to degree 3, channel by channel.
        part: The column of parts, "" if there is none.
        others: Further columns: the file's name by the name without prefixes.
        notes: What is assumed or left out.
    """

    means: tuple[str, ...]
    opacity: tuple[str, ...]
    scales: tuple[str, ...]
    rotations: tuple[str, ...]
    base: tuple[str, ...]
    is_color: bool
    rest: tuple[str, ...]
    part: str
    others: dict[str, str]
    notes: tuple[str, ...]


def layout_of(present: Collection[str]) -> Layout:
    """Find out what the properties of a file's splats mean.

    Args:
        present: Their names, in the file's order.

    Raises:
        FormatError: "ply-not-splats", "ply-missing-property".
    """
    known = _bare(present)
    if not known.keys() & _SPLAT_MARKS:
        raise FormatError(
            "This PLY file holds a mesh or plain points, not Gaussian splats.",
            "Choose a splat file, or import this one as a mesh.",
            code="ply-not-splats",
        )
    notes = []
    scales: tuple[str, ...] = names.SCALES
    base: tuple[str, ...] = names.BASE
    if names.SCALES[2] not in known:
        scales = names.SCALES[:2]
        notes.append("The splats are flat (2DGS): the third size, which the file lacks, is made very small.")
    colors = next((found for found in _COLORS if known.keys() >= set(found)), None)
    if not known.keys() & set(names.BASE) and colors is not None:
        base = colors
        notes.append(f"The file has no spherical harmonics: colors are taken from {', '.join(colors)}.")
    rest, kept = _rest(known)
    if len(kept) < len(rest):
        notes.append(f"Spherical harmonics above degree {harmonics.MAX_DEGREE} left out.")
    missing = sorted({*names.MEANS, *base, *names.OPACITY, *scales, *names.ROTATIONS, *rest} - known.keys())
    if missing:
        raise _lacking(f"“{missing[0]}”", missing)
    used = {*names.MEANS, *base, *names.OPACITY, *scales, *names.ROTATIONS, *rest, names.PART}

    def spelled(group: Collection[str]) -> tuple[str, ...]:
        return tuple(known[name] for name in group)

    return Layout(
        means=spelled(names.MEANS),
        opacity=spelled(names.OPACITY),
        scales=spelled(scales),
        rotations=spelled(names.ROTATIONS),
        base=spelled(base),
        is_color=base is not names.BASE,
        rest=spelled(kept),
        part=known.get(names.PART, ""),
        others={name: own for name, own in known.items() if name not in used},
        notes=tuple(notes),
    )


def _bare(present: Collection[str]) -> dict[str, str]:
    """Return the file's names by those without CloudCompare's prefix, which it repeats each time it saves."""
    found = {}
    for spelled in present:
        name = spelled
        while name.startswith(_PREFIX):
            name = name.removeprefix(_PREFIX)
        found[spelled if name in present or name in found or not name else name] = spelled
    return found


def _rest(known: Collection[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of all higher harmonics that the file should have, and of those up to degree 3."""
    found = sum(name.startswith(names.REST_PREFIX) for name in known)
    expected = next((count for count in _REST_COUNTS if count >= found), None)
    if expected is None:
        raise _lacking("a known number of spherical harmonics", [])
    rest, width = names.rest(expected), expected // 3
    return rest, tuple(name for channel in range(3) for name in rest[channel * width :][: min(width, _KEPT_HIGHER)])


def _lacking(what: str, missing: list[str]) -> FormatError:
    return FormatError(
        f"The splat file lacks {what}.",
        "Export it again with the standard 3DGS properties.",
        code="ply-missing-property",
        missing=missing,
    )
