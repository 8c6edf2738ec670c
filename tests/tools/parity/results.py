"""Filters and PLY files against the record (FaceLift specification, section 12)."""

from __future__ import annotations

import hashlib

import numpy as np
import torch
from numpy.lib.recfunctions import structured_to_unstructured

from core.engines.facelift import convert, filters
from core.engines.facelift.filters import FilterPreset
from core.engines.facelift.gslrm import FIELDS, RawGaussians

from .compare import TOLERANCE, Row, relative_error
from .record import SAMPLE, Record

MARGIN = 1e-4
"""Gaussians nearer to a threshold may fall on either side in an end-to-end run."""
ROUNDING = 1e-6
"""The same for recorded Gaussians: processors round exponential functions differently."""


def sampled(raw: RawGaussians, record: Record) -> RawGaussians:
    """Return the Gaussians that the record keeps: all, or its sample."""
    if SAMPLE not in record:
        return raw
    index = record[SAMPLE].long()
    return RawGaussians(**{name: getattr(raw, name)[index] for name in FIELDS})


def compare_filters(record: Record, own: RawGaussians) -> list[Row]:
    """Compare the kept indices: on the recorded Gaussians, and up to a wider margin on our own."""
    rows = []
    recorded = record.gaussians()
    for name, preset in record.filters().items():
        key = f"filter/{name}_kept"
        if key not in record:
            continue
        wanted = torch.zeros(len(own.xyz), dtype=torch.bool)
        wanted[_positions(record, record[key].long())] = True
        if recorded is not None:
            rows.append(_filter_row(f"{key} of recorded", recorded, preset, wanted, ROUNDING))
        rows.append(_filter_row(f"{key} end to end", own, preset, wanted, MARGIN))
    return rows


def _positions(record: Record, index: torch.Tensor) -> torch.Tensor:
    """Return positions in the recorded Gaussians of kept indices into all Gaussians."""
    if SAMPLE not in record:
        return index
    return torch.isin(record[SAMPLE].long(), index).nonzero()[:, 0]


def _filter_row(name: str, raw: RawGaussians, preset: FilterPreset, wanted: torch.Tensor, margin: float) -> Row:
    """Compare which Gaussians [N] a filter keeps; within the margin of a threshold either is right."""
    kept = torch.zeros(len(raw.xyz), dtype=torch.bool)
    kept[filters.kept_indices(raw, preset).cpu()] = True
    near = filters.threshold_margins(raw, preset).cpu() < margin
    different = kept != wanted
    far = int((different & ~near).sum())
    remark = f"{int(kept.sum())} kept"
    if different.any():
        remark += f", {int(different.sum())} differ, {far} of them not within {margin} of a threshold"
    return Row(name, None, far == 0, remark)


def _kept(record: Record, name: str, preset: FilterPreset, raw: RawGaussians) -> torch.Tensor:
    """Return indices of the Gaussians that a filter keeps: the recorded choice, else our own."""
    key = f"filter/{name}_kept"
    return _positions(record, record[key].long()) if key in record else filters.kept_indices(raw, preset)


def compare_ply(record: Record, own: RawGaussians) -> list[Row]:
    """Compare the PLY file: byte by byte from the recorded Gaussians, up to rounding from our own."""
    path = record.ply_path()
    if path is None:
        return []
    content = path.read_bytes() if path.is_file() else None
    digest = hashlib.sha256(content).hexdigest() if content is not None else record.facts["ply"].get("sha256")
    if digest is None:
        return [Row(path.name, None, False, "the file is missing, and no hash of it is stated")]
    rows = []
    recorded = record.gaussians()
    if recorded is not None:
        rows.append(_ply_row(f"{path.name} of recorded", record, recorded, content, digest))
    if content is not None:
        rows.append(_own_ply_row(f"{path.name} end to end", record, own, content))
    return rows


def _ply_row(name: str, record: Record, recorded: RawGaussians, content: bytes | None, digest: str) -> Row:
    """Return the row of the file that our writer makes of recorded Gaussians."""
    best = Row(name, None, False, "no recorded filter gives it")
    for filter_name, preset in record.filters().items():
        written = convert.reference_ply(recorded, _kept(record, filter_name, preset, recorded))
        if hashlib.sha256(written).hexdigest() == digest:
            source = "" if content is not None else ", by its stated hash: the file is missing"
            return Row(name, None, True, f"{len(written)} bytes, equal, filter {filter_name}{source}")
        if content is not None and len(written) == len(content):
            different = np.count_nonzero(np.frombuffer(written, np.uint8) != np.frombuffer(content, np.uint8))
            best = Row(name, None, False, f"{different} of {len(written)} bytes differ")
    return best


def _own_ply_row(name: str, record: Record, own: RawGaussians, content: bytes) -> Row:
    """Return the row of our own Gaussians against the file's, vertex by vertex."""
    try:
        wanted = convert.reference_ply_table(content)
    except ValueError as error:
        return Row(name, None, False, str(error))
    for filter_name, preset in record.filters().items():
        index = _kept(record, filter_name, preset, own)
        if len(index) == len(wanted):
            table = convert.reference_ply_table(convert.reference_ply(own, index))
            return _table_row(name, table, wanted)
    return Row(name, None, False, f"no recorded filter keeps {len(wanted)} Gaussians")


def _table_row(name: str, own: np.ndarray, wanted: np.ndarray) -> Row:
    """Compare two files' vertices: numbers by their relative error, colours by levels."""
    levels = max(
        int(np.abs(own[color].astype(int) - wanted[color].astype(int)).max(initial=0)) for color in convert.PLY_COLORS
    )
    errors = {
        part: relative_error(
            *(torch.tensor(structured_to_unstructured(side[columns], copy=True)) for side in (own, wanted))
        )
        for part, columns in convert.PLY_PARTS.items()
    }
    worst = max(errors, key=errors.get)
    remark = f"{len(own)} vertices, worst in {worst}, colours {levels} levels at most"
    return Row(name, errors[worst], errors[worst] <= TOLERANCE and levels <= 1, remark)
