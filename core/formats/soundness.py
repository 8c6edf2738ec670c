"""Splats that can't be: what is wrong with them, and leaving a few of them out.

Training runs and editors leave single splats with broken numbers behind. Some of many are dropped and counted;
where as many are broken as whole, the file is damaged or is read in the wrong way.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np

from ..errors import FormatError

MIN_ROTATION_LENGTH = 1e-12


class Fault(IntEnum):
    """What is wrong with a splat; 0 is nothing."""

    NOT_FINITE = 1
    SIZE = 2
    NO_ROTATION = 3
    EMPTY = 4
    """Nothing but zeros: a piece of the file that was never written."""


_CODES = {Fault.NOT_FINITE: "not-finite", Fault.SIZE: "scale-range"} | dict.fromkeys(
    (Fault.NO_ROTATION, Fault.EMPTY), "zero-quaternion"
)
_WORDS = {
    Fault.NOT_FINITE: "with invalid numbers (NaN or infinite)",
    Fault.SIZE: "of infinite or negative size",
    Fault.NO_ROTATION: "without a rotation (a zero quaternion)",
    Fault.EMPTY: "that are empty (zeros throughout)",
}


def mark(faults: np.ndarray, wrong: np.ndarray, fault: Fault) -> None:
    """Note a fault of some splats in ``faults`` [n] uint8, unless another was found before.

    Args:
        faults: Values of :class:`Fault` or 0.
        wrong: [n] or [n, ...] bool.
        fault: Which.
    """
    if wrong.any():
        faults[wrong.reshape(len(wrong), -1).any(axis=1) & (faults == 0)] = fault


def check(kind: str, faults: np.ndarray) -> tuple[np.ndarray | None, tuple[str, ...]]:
    """Return the mask [N] of sound splats, None where all are, and notes on what was left out.

    Args:
        kind: The format's short name, the first word of error codes.
        faults: [N] uint8, values of :class:`Fault` or 0.

    Raises:
        FormatError: as many splats are broken as whole ("KIND-not-finite", "KIND-scale-range",
            "KIND-zero-quaternion"), or the last ones were never written ("KIND-truncated").
    """
    if not faults.any():
        return None, ()
    sound = faults == 0
    count, broken = len(faults), int(len(faults) - np.count_nonzero(sound))
    if faults[-1] == Fault.EMPTY:
        written = int(np.flatnonzero(faults != Fault.EMPTY)[-1]) + 1 if (faults != Fault.EMPTY).any() else 0
        raise FormatError(
            f"The file is cut off: the last {count - written:,} of its {count:,} splats are empty (zeros throughout).",
            "Copy or download the file again.",
            code=f"{kind}-truncated",
            announced=count,
            found=written,
        )
    counts = {fault: int(np.count_nonzero(faults == fault)) for fault in Fault}
    told = " and ".join(f"{number:,} {_WORDS[fault]}" for fault, number in counts.items() if number)
    if 2 * broken >= count:
        raise FormatError(
            f"{broken:,} of {count:,} splats are broken: {told}.",
            "Clean the file in a splat editor, or export it again.",
            code=f"{kind}-{_CODES[max(counts, key=counts.__getitem__)]}",
            bad=broken,
        )
    return sound, (f"{broken:,} of {count:,} splats left out: {told}.",)
