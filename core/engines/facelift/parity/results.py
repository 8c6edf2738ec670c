"""Filters and PLY files against the record (FaceLift specification, section 12)."""

from __future__ import annotations

import hashlib

import torch

from .. import convert, filters
from ..filters import FilterPreset
from ..gslrm import FIELDS, RawGaussians
from .compare import Row
from .record import SAMPLE, Record

MARGIN = 1e-4
"""Gaussians nearer to a threshold may fall on either side in an end-to-end run."""


def sampled(raw: RawGaussians, record: Record) -> RawGaussians:
    """Return the Gaussians that the record keeps: all, or its sample."""
    if SAMPLE not in record:
        return raw
    index = record[SAMPLE].long()
    return RawGaussians(**{name: getattr(raw, name)[index] for name in FIELDS})


def compare_filters(record: Record, own: RawGaussians) -> list[Row]:
    """Compare the kept indices: exactly on the recorded Gaussians, up to the margin on our own."""
    rows = []
    recorded = record.gaussians()
    for name, preset in record.filters().items():
        key = f"filter/{name}_kept"
        if key not in record:
            continue
        wanted = torch.zeros(len(own.xyz), dtype=torch.bool)
        wanted[_positions(record, record[key].long())] = True
        if recorded is not None:
            kept = _mask(recorded, preset)
            rows.append(_filter_row(f"{key} of recorded", kept, wanted, torch.zeros_like(wanted)))
        near = filters.threshold_margins(own, preset).cpu() < MARGIN
        rows.append(_filter_row(f"{key} end to end", _mask(own, preset), wanted, near))
    return rows


def _positions(record: Record, index: torch.Tensor) -> torch.Tensor:
    """Return positions in the recorded Gaussians of kept indices into all Gaussians."""
    if SAMPLE not in record:
        return index
    return torch.isin(record[SAMPLE].long(), index).nonzero()[:, 0]


def _mask(raw: RawGaussians, preset: FilterPreset) -> torch.Tensor:
    mask = torch.zeros(len(raw.xyz), dtype=torch.bool)
    mask[filters.kept_indices(raw, preset).cpu()] = True
    return mask


def _filter_row(name: str, kept: torch.Tensor, wanted: torch.Tensor, near: torch.Tensor) -> Row:
    different = kept != wanted
    far = int((different & ~near).sum())
    remark = f"{int(kept.sum())} kept"
    if different.any():
        remark += f", {int(different.sum())} differ, {far} of them not within {MARGIN} of a threshold"
    return Row(name, None, far == 0, remark)


def compare_ply(record: Record) -> list[Row]:
    """Compare the PLY file written from the recorded Gaussians, byte by byte or by its hash."""
    facts, recorded = record.facts.get("ply"), record.gaussians()
    if not facts or recorded is None:
        return []
    wanted = record.ply()
    digest = hashlib.sha256(wanted).hexdigest() if wanted is not None else facts.get("sha256")
    name = f"{facts.get('file', 'ply')} of recorded"
    best = Row(name, None, False, "no recorded filter gives it")
    for filter_name, preset in record.filters().items():
        written = convert.reference_ply(recorded, filters.kept_indices(recorded, preset))
        if hashlib.sha256(written).hexdigest() == digest:
            return [Row(name, None, True, f"{len(written)} bytes, equal, filter {filter_name}")]
        if wanted is not None and len(written) == len(wanted):
            different = sum(a != b for a, b in zip(written, wanted, strict=True))
            best = Row(name, None, False, f"{different} of {len(written)} bytes differ")
    return [best]
