"""Compare the engine with recorded tensors and print a table.

Exit code 0 when everything agrees, 1 when something differs, 2 when there is nothing to compare.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import torch

from core.engines.facelift.acceleration import full_float32
from core.engines.facelift.gslrm import FIELDS
from core.engines.facelift.pipeline import Pipeline
from core.errors import FaceLiftError

from . import compare, full, results, stages
from .compare import Row
from .facecrop import FILE, compare_facecrop
from .record import SAMPLE, Record, RecordError, opened, records

EXACT = ("input/image", SAMPLE)
"""Recorded inputs: there is nothing to compare."""


def compare_record(record: Record, device: str = "cpu") -> list[Row]:
    """Run the engine on a device as recorded; return one row for each recorded tensor, filter and file."""
    pipeline = Pipeline(record.checkpoint(), device, head_width=record.head_width())
    if record.head_width() is None and not pipeline.checkpoint.gslrm_config_path().is_file():
        print(f"GS-LRM's head width (d_head) is stated nowhere; {pipeline.checkpoint.gslrm_head_width()} is assumed.")
    own, raw = stages.run_end_to_end(pipeline, record)
    alone = stages.run_stages_alone(pipeline, record)
    own_sample = results.sampled(raw, record)
    for name in FIELDS:
        tensor = getattr(own_sample, name)[None]
        own[f"gslrm/{name}"] = tensor.unsqueeze(2) if name == "features" else tensor
    rows, unknown = [], []
    for name in sorted(record.tensors):
        if name in own:
            rows.append(compare.compare(name, own[name], record[name], alone.get(name)))
        elif name not in (*EXACT, *(f"filter/{preset}_kept" for preset in record.filters())):
            unknown.append(name)
    rows += results.compare_filters(record, own_sample) + results.compare_ply(record, own_sample)
    rows += [Row(name, None, False, f"described in {record.path.name}, but not recorded") for name in record.lost()]
    if unknown:
        print(f"Recorded, but nothing that this engine computes: {', '.join(unknown)}")
    return rows


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="parity", description=__doc__)
    parser.add_argument("folder", type=Path, help="a folder of recorded tensors, or a tar archive of one")
    parser.add_argument("--full", action="store_true", help="also the full-size models, on the CPU in float32")
    parser.add_argument("--device", default="cpu", help="torch's device that computes (default: %(default)s)")
    options = parser.parse_args()
    agreed = True
    try:
        with opened(options.folder) as folder, full_float32():
            threads = torch.get_num_threads()
            # Threads cost more than they bring at the recorded sizes.
            torch.set_num_threads(1)
            for record in records(folder):
                start = time.perf_counter()
                print(f"\n{record.path.name}: {record.facts.get('what', '')}")
                rows = compare_record(record, options.device)
                agreed &= compare.print_table(rows)
                tensors = sum(name not in EXACT for name in record.tensors)
                print(f"{len(rows)} comparisons of {tensors} tensors in {time.perf_counter() - start:.1f} s")
            crops = compare_facecrop(folder)
            print("\nFace alignment" if crops else f"\nFace alignment: not compared, the folder has no {FILE}")
            agreed &= not crops or compare.print_table(crops)
            torch.set_num_threads(threads)
            if options.full:
                agreed &= full.compare_full(folder)
    except (RecordError, FaceLiftError) as error:
        print(f"Cannot compare: {error}", file=sys.stderr)
        return 2
    print("\nEverything agrees." if agreed else "\nSomething DIFFERS.")
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
