"""Whether committed data files are what their sources give."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def differences(fresh: Mapping[str, bytes], folder: Path, source: str) -> list[str]:
    """Compare files byte by byte.

    Args:
        fresh: File names and the contents that were just built.
        folder: Where the committed files lie.
        source: What they are made from, for the sentences.

    Returns:
        One sentence for every file that is missing or differs; empty when all are the same.
    """
    sentences = []
    for name, contents in fresh.items():
        path = folder / name
        if not path.is_file():
            sentences.append(f"{name} is missing.")
        elif path.read_bytes() != contents:
            sentences.append(f"{name} differs from what {source} gives.")
    return sentences
