"""Comparing tensors: the measure, the tolerances and the table."""

from __future__ import annotations

from dataclasses import dataclass

import torch

TOLERANCE = 2e-5
"""Relative L2 error of a float32 tensor; rounding gives up to 7e-6, the smallest mistake 1e-4."""
ROUNDED_SHARE = 2e-3
"""Share of uint8 values that may differ by one level, for values that lay on the edge between two."""
HALF_TOLERANCE = 2.0**-12
"""Relative L2 error of a float16 tensor: a quarter of the spacing of its values. Where the float32 values before
rounding differ by :data:`TOLERANCE`, some 3 % of the float16 values fall on the neighbour, which is an error of 1e-4;
all of them one unit off are 6e-4."""


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Attributes:
        name: What was compared.
        error: Relative L2 error of the end-to-end run, or None where only equality counts.
        alone: The same with the recorded input of the stage, or None where it was not run alone.
        passed: The verdict.
        remark: What else there is to say.
    """

    name: str
    error: float | None
    passed: bool
    remark: str = ""
    alone: float | None = None


def relative_error(own: torch.Tensor, recorded: torch.Tensor) -> float:
    """Return |own - recorded| / |recorded| (L2, float64); absolute where the record is all zero."""
    own, recorded = own.detach().cpu().double(), recorded.double()
    norm = recorded.norm().item()
    return (own - recorded).norm().item() / (norm or 1.0)


def compare(name: str, own: torch.Tensor, recorded: torch.Tensor, alone: torch.Tensor | None = None) -> Row:
    """Compare a tensor with the recorded one.

    Integers have to be equal. uint8 pictures are rounded: a few values may lie one level apart. So are
    float16 tensors, which have a tolerance of their own. A float32 tensor passes when its end-to-end error is
    within the tolerance, or else when its stage alone, fed with the recorded input, is: then the difference is
    accumulated rounding.

    Args:
        name: The tensor's name.
        own: From the end-to-end run.
        recorded: From the record.
        alone: From the stage alone, fed with recorded input, or None.
    """
    if own.shape != recorded.shape:
        return Row(name, None, False, f"shape {tuple(own.shape)}, recorded {tuple(recorded.shape)}")
    error = relative_error(own, recorded)
    if recorded.dtype == torch.uint8:
        return _levels(name, error, own if alone is None else alone, recorded)
    if recorded.dtype == torch.float16:
        return _halves(name, own.detach().cpu().half(), recorded)
    if not recorded.dtype.is_floating_point:
        different = int((own != recorded).sum())
        return Row(name, None, different == 0, f"{different} of {recorded.numel()} differ" if different else "equal")
    alone_error = None if alone is None else relative_error(alone, recorded)
    if error <= TOLERANCE:
        return Row(name, error, alone_error is None or alone_error <= TOLERANCE, alone=alone_error)
    accumulated = alone_error is not None and alone_error <= TOLERANCE
    return Row(name, error, accumulated, "accumulated rounding" if accumulated else "", alone_error)


def _levels(name: str, error: float, own: torch.Tensor, recorded: torch.Tensor) -> Row:
    """Judge uint8 values by how many are how many levels apart."""
    steps = (own.int() - recorded.int()).abs()
    different, largest = int((steps > 0).sum()), int(steps.max()) if steps.numel() else 0
    passed = largest <= 1 and different <= ROUNDED_SHARE * steps.numel()
    remark = f"{different} of {steps.numel()} differ, by {largest} levels at most" if different else "equal"
    return Row(name, error, passed, remark)


def _halves(name: str, own: torch.Tensor, recorded: torch.Tensor) -> Row:
    """Judge float16 values, by their error as a whole and each by itself.

    Each may be its neighbour, and off by what float32 leaves open before rounding. That goes with the
    tensor's largest values, because small ones are their differences, and can be many of a small value's units.
    """
    difference = (own.double() - recorded.double()).abs()
    # Units in the last place: 2^(exponent - 11), where frexp's mantissa is in 0.5 to 1; subnormals' is 2^-24.
    unit = torch.exp2((torch.maximum(own.abs(), recorded.abs()).double().frexp().exponent - 11).clamp(min=-24).double())
    allowed = unit + TOLERANCE * recorded.double().abs().amax() if recorded.numel() else unit
    error, beyond = relative_error(own, recorded), int((~(difference <= allowed)).sum())
    different = int((difference != 0).sum())
    remark = (
        f"{different} of {recorded.numel()} differ, {beyond} of them by more than rounding" if different else "equal"
    )
    return Row(name, error, error <= HALF_TOLERANCE and beyond == 0, remark)


def print_table(rows: list[Row]) -> bool:
    """Print the rows and return whether all passed."""
    width = max([len(row.name) for row in rows] + [6])
    print(f"{'tensor':{width}}  {'end to end':>10}  {'alone':>8}  verdict")
    for row in rows:
        error = "" if row.error is None else f"{row.error:.1e}"
        alone = "" if row.alone is None else f"{row.alone:.1e}"
        verdict = "ok" if row.passed else "DIFFERS"
        print(f"{row.name:{width}}  {error:>10}  {alone:>8}  {verdict:8}{row.remark}".rstrip())
    return all(row.passed for row in rows)
