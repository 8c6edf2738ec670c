"""Slimming: a checkpoint in float16 safetensors without what inference never reads.

GS-LRM loses the optimizer's moments and the training network beside it, the text encoder gives way
to the embeddings of the six fixed prompts, and :mod:`.half` says which tensors become float16. The
result is a checkpoint folder like any other, with a manifest that is also its table of files.

Work goes on in a folder beside the target, file by file. Each file appears under its name only when
it is complete and is then listed in a journal, so a run that was killed at any point is taken up
where it was. The folder gets its final name after its outputs were compared with the original's.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ..progress import Reporter
from ..system.files import explain_disk_full
from .errors import WeightsError
from .record import HashRecord
from .slim_outputs import Tensors, outputs
from .table import OFFICIAL, FileTable
from .unfinished import Unfinished
from .verify import MANIFEST_NAME, verify

TOLERANCE = 1e-2
"""Largest relative L2 difference of a model's output, float16 weights against the original ones,
both computed in float32. Rounding weights gives about 1e-3; a lost or swapped tensor tenths."""


class Models(Protocol):
    """What slimming needs of the engine, which knows the models."""

    def gslrm_tensors(self, folder: Path) -> Tensors:
        """Return GS-LRM's inference tensors, memory-mapped."""
        ...

    def prompt_embeddings(self, folder: Path) -> np.ndarray:
        """Return the embeddings of the six prompts, [6, 77, C] float16."""
        ...

    def differences(self, original: Path, slimmed: Path, reporter: Reporter) -> Mapping[str, float]:
        """Return the relative L2 difference of each model's output between two checkpoints."""
        ...


@dataclass(frozen=True)
class SlimResult:
    """A slimmed checkpoint.

    Attributes:
        folder: Where it is.
        size: Bytes of all its files.
        original_size: Bytes of the original's files.
        differences: Relative L2 difference of each model's output.
        kept: Names of tensors that stayed as they were although they are no vectors.
    """

    folder: Path
    size: int
    original_size: int
    differences: Mapping[str, float]
    kept: tuple[str, ...]


def slim(
    source: Path,
    target: Path,
    models: Models,
    table: FileTable | None = OFFICIAL,
    reporter: Reporter | None = None,
    record: HashRecord | None = None,
) -> SlimResult:
    """Write the slimmed form of a checkpoint, or finish it where an earlier run stopped.

    Args:
        source: The original checkpoint folder; only read.
        target: The new folder; must not exist, unless it already is a slimmed checkpoint.
        models: The engine's knowledge of the models.
        table: What the source must agree with; None takes it as it is.
        reporter: Progress and cancelling.
        record: Hashes of the source known from before.

    Raises:
        WeightsError: a file of the source is missing or damaged, the target is something else, or
            the slimmed models' outputs differ (code "slim-differs").
        FaceLiftError: the disk is too small (code "disk-full"); what is written stays for the next run.
        Cancelled: cancelled through the reporter; the next run goes on where this one stopped.
    """
    reporter, record = reporter or Reporter(), record or HashRecord()
    if target.exists():
        return finished(target)
    verifying, looking, writing, comparing = reporter.parts(20, 20, 20, 40)
    verify(source, table or FileTable("", "", "", ()), verifying, record).require()
    looking.stage("Looking at the weights")
    work = Unfinished.open(source, target, looking, record)
    planned = list(outputs(source, models.gslrm_tensors, models.prompt_embeddings))
    kept = [name for output in planned for name in output.kept]
    todo = [output for output in planned if output.path not in work.files]
    del planned
    needed, free = sum(output.size for output in todo), shutil.disk_usage(work.folder).free
    if needed > free:
        raise explain_disk_full(needed, free, work.folder)
    writing.stage("Writing float16 weights", steps=needed)
    while todo:
        # Each output is let go when it is written: some hold a part of the original open.
        work.write(todo.pop(0), writing)
    comparing.stage("Comparing the models' outputs")
    differences = dict(models.differences(source, work.folder, comparing))
    _require_equal(differences, work)
    identity = {name: getattr(table, name, "") for name in ("repository", "revision", "licence")}
    work.finish({**identity, "differences": differences, "tolerance": TOLERANCE, "kept": kept})
    reporter.finish()
    return finished(target)


def finished(folder: Path) -> SlimResult:
    """Return the facts of a finished slimmed checkpoint.

    Raises:
        WeightsError: the folder is none.
    """
    try:
        manifest = json.loads((folder / MANIFEST_NAME).read_text(encoding="utf-8"))
        return SlimResult(
            folder,
            sum(file["size"] for file in manifest["files"]),
            sum(file["size"] for file in manifest["source"]),
            manifest["differences"],
            tuple(manifest["kept"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{folder} exists and is no slimmed checkpoint.", "Choose a folder that does not exist yet."
        ) from error


def _require_equal(differences: Mapping[str, float], work: Unfinished) -> None:
    # NaN counts as different.
    worst = max(differences, key=lambda name: np.nan_to_num(differences[name], nan=np.inf))
    if not differences[worst] <= TOLERANCE:
        work.discard()
        raise WeightsError(
            f"The slimmed {worst} gives other results than the original ({differences[worst]:.1e}, "
            f"allowed {TOLERANCE:.0e}); the slimmed files were removed.",
            "Keep using the original weights, which were not touched, and please report this.",
            code="slim-differs",
            differences=dict(differences),
        )
