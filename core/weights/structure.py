"""Is a weights file whole? Told from the file itself, without its hash and without reading it all."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

from .tensor_files import TensorFileError, read_header


def structural_problem(path: Path) -> str | None:
    """Return what is wrong with a file's structure as the end of a sentence, or None.

    Safetensors files state their length in the header, PyTorch files end with an archive's
    directory, JSON must parse, and no file of a checkpoint is empty.
    """
    if path.stat().st_size == 0:
        return "is empty"
    try:
        if path.suffix == ".safetensors":
            read_header(path)
        elif path.suffix == ".pt":
            if not zipfile.is_zipfile(path):
                return "is cut off or no PyTorch file"
        elif path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
    except TensorFileError as error:
        return f"is damaged: {error}"
    except ValueError:
        return "is damaged: it is not JSON"
    return None
