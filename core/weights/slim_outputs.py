"""The files of a slimmed checkpoint and how each is made from the original."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import half
from .errors import WeightsError
from .table import LICENCE_FILE, PIPELINE
from .tensor_files import (
    DTYPES,
    ArrayTensor,
    Sink,
    Tensor,
    TensorFileError,
    header_bytes,
    stored_tensors,
    write_tensors,
)

COMPONENTS = ("unet", "vae", "image_encoder", "image_normalizer")
"""Parts of the diffusion pipeline whose weights inference reads."""
WEIGHT_NAMES = ("diffusion_pytorch_model.safetensors", "model.safetensors")
DROPPED_FOLDERS = (PIPELINE + "text_encoder/", PIPELINE + "tokenizer/")
COPIED_SUFFIXES = (".json", "")
"""Configurations and the licence."""
CHECKPOINT_FOLDERS = ("gslrm", "mvdiffusion")
PROMPTS_FILE, PROMPTS_TENSOR = "prompt_embeddings.safetensors", "prompt_embeddings"

Tensors = Mapping[str, Tensor]
"""A model's tensors by name."""


@dataclass(frozen=True, eq=False)
class Output:
    """A file of the slimmed checkpoint.

    Attributes:
        path: Relative to the folder.
        size: Its bytes.
        write: Writes it to a stream.
        kept: Tensors that stay as they are although they are no vectors.
    """

    path: str
    size: int
    write: Callable[[Sink], object]
    kept: tuple[str, ...] = ()


def outputs(source: Path, gslrm: Callable[[Path], Tensors], prompts: Callable[[Path], np.ndarray]) -> Iterator[Output]:
    """Yield every file of the slimmed checkpoint; reads the tensors once to choose their types.

    Args:
        source: The original checkpoint folder.
        gslrm: Returns GS-LRM's inference tensors, memory-mapped.
        prompts: Returns the embeddings of the six prompts, [6, 77, C] float16.

    Raises:
        WeightsError: a file is missing or damaged.
    """
    for path in source_files(source):
        name = path.relative_to(source).as_posix()
        if path.suffix in COPIED_SUFFIXES and not name.startswith(DROPPED_FOLDERS):
            yield _copied_output(name, path.read_bytes())
    embeddings = prompts(source)
    yield _tensor_output(PROMPTS_FILE, {PROMPTS_TENSOR: ArrayTensor(half.HALF, embeddings)})
    for component in COMPONENTS:
        path = _weights_path(source, component)
        try:
            tensors = stored_tensors(path)
        except (TensorFileError, OSError) as error:
            name = path.relative_to(source).as_posix()
            raise WeightsError(
                f"{name} can't be read: {error}.", "Verify the checkpoint first.", files=[name]
            ) from error
        yield _tensor_output(path.relative_to(source).as_posix(), tensors)
    original = sorted((source / "gslrm").glob("*.pt"))
    stem = original[-1].stem if original else "gslrm"
    yield _tensor_output(f"gslrm/{stem}.safetensors", gslrm(source))


def source_files(source: Path) -> list[Path]:
    """Return the files of a checkpoint folder; whatever else lies there is none of ours."""
    top = [source / LICENCE_FILE, source / "clr_embeds.pt", source / PROMPTS_FILE]
    nested = (path for name in CHECKPOINT_FOLDERS for path in sorted((source / name).rglob("*")))
    return [path for path in (*top, *nested) if path.is_file() and not path.name.startswith(".")]


def _weights_path(source: Path, component: str) -> Path:
    paths = [source / PIPELINE / component / name for name in WEIGHT_NAMES]
    return next((path for path in paths if path.is_file()), paths[0])


def _copied_output(path: str, contents: bytes) -> Output:
    return Output(path, len(contents), lambda stream: stream.write(contents))


def _tensor_output(path: str, tensors: Tensors) -> Output:
    targets = {name: half.choose_dtype(tensor) for name, tensor in tensors.items()}
    layout = {name: (targets[name], tensor.shape) for name, tensor in tensors.items()}
    metadata = {"format": "pt"}
    size = len(header_bytes(layout, metadata))
    size += sum(math.prod(shape) * DTYPES[dtype].itemsize for dtype, shape in layout.values())

    def write(stream: Sink) -> None:
        pieces = (piece for name, tensor in tensors.items() for piece in half.converted(tensor, targets[name]))
        write_tensors(stream, layout, pieces, metadata)

    kept = (name for name, (kind, shape) in layout.items() if kind in half.FLOATS and not half.is_vector(shape))
    return Output(path, size, write, tuple(f"{path}: {name}" for name in kept))
