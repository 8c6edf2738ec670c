"""Comparing tensors: the measure, the tolerances and the table."""

from __future__ import annotations

from dataclasses import dataclass

import torch

TOLERANCE = 2e-5
"""Relative L2 error of a float32 tensor; rounding gives up to 7e-6, the smallest mistake 1e-4."""
ROUNDED_SHARE = 2e-3
"""Share of uint8 values that may differ by one level, for values that lay on the edge between two."""
HALF_ROUNDED_SHARE = 2e-2
"""Share of float16 values that may differ by one unit in the last place, likewise."""


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

    Integers have to be equal. uint8 pictures and float16 values are rounded: a few may lie one step
    apart. A float tensor passes when its end-to-end error is within the tolerance, or else when its
    stage alone, fed with the recorded input, is: then the difference is accumulated rounding.

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
        closest = own if alone is None else alone
        return _steps(name, error, (closest.int() - recorded.int()).abs(), ROUNDED_SHARE, "levels")
    if recorded.dtype == torch.float16:
        steps = (_ordered(own.half()) - _ordered(recorded)).abs()
        return _steps(name, error, steps, HALF_ROUNDED_SHARE, "units in the last place")
    if not recorded.dtype.is_floating_point:
        different = int((own != recorded).sum())
        return Row(name, None, different == 0, f"{different} of {recorded.numel()} differ" if different else "equal")
    alone_error = None if alone is None else relative_error(alone, recorded)
    if error <= TOLERANCE:
        return Row(name, error, alone_error is None or alone_error <= TOLERANCE, alone=alone_error)
    accumulated = alone_error is not None and alone_error <= TOLERANCE
    return Row(name, error, accumulated, "accumulated rounding" if accumulated else "", alone_error)


def _steps(name: str, error: float, steps: torch.Tensor, share: float, unit: str) -> Row:
    """Judge a rounded tensor by how many values lie how many steps apart."""
    different, largest = int((steps > 0).sum()), int(steps.max()) if steps.numel() else 0
    passed = largest <= 1 and different <= share * steps.numel()
    remark = f"{different} of {steps.numel()} differ, by {largest} {unit} at most" if different else "equal"
    return Row(name, error, passed, remark)


def _ordered(values: torch.Tensor) -> torch.Tensor:
    """Return float16 values as integers in the same order, one apart for neighbours."""
    bits = values.cpu().contiguous().view(torch.int16).int()
    return torch.where(bits < 0, -32768 - bits, bits)


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
