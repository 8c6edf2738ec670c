"""The files of a checkpoint: names, sizes and SHA-256, for the official one and for mirrors."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath

from .errors import WeightsError

HASH_CHUNK = 1 << 22
"""Bytes read at once while hashing: small enough to cancel quickly."""


@dataclass(frozen=True)
class WeightFile:
    """One file of a checkpoint.

    Attributes:
        path: Relative to the checkpoint folder, with forward slashes.
        size: Bytes, or None where it is not known.
        sha256: Hexadecimal, or None where it is not known; such files are checked by reading them.
    """

    path: str
    size: int | None = None
    sha256: str | None = None

    def __post_init__(self) -> None:
        parts = PurePosixPath(self.path)
        if parts.is_absolute() or ".." in parts.parts or "\\" in self.path or ":" in self.path:
            raise ValueError(f"{self.path!r} is not a path inside a checkpoint folder")


@dataclass(frozen=True)
class FileTable:
    """The files of one checkpoint.

    Attributes:
        repository: Repository on the Hugging Face hub.
        revision: Commit whose files these are.
        licence: Name of the weights' licence.
        files: The files.
    """

    repository: str
    revision: str
    licence: str
    files: tuple[WeightFile, ...]

    def file(self, path: str) -> WeightFile:
        """Return a file by its path; raises KeyError when the table has none of that name."""
        for file in self.files:
            if file.path == path:
                return file
        raise KeyError(path)

    def to_json(self) -> str:
        """Return the table as JSON text, for mirrors and own checkpoints."""
        return json.dumps(asdict(self), indent=1)

    @classmethod
    def read(cls, path: Path) -> FileTable:
        """Return the table of a JSON file.

        Raises:
            WeightsError: the file can't be read or is no table.
        """
        try:
            data = json.loads(path.read_text(encoding="utf-8"))
            files = tuple(WeightFile(**file) for file in data.pop("files"))
            return cls(**data, files=files)
        except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
            raise WeightsError(
                f"{path} is no table of weight files: {error}.",
                "Name a file written by 'python -m core weights table'.",
                code="bad-table",
            ) from error

    @classmethod
    def of_folder(cls, folder: Path, repository: str = "", revision: str = "", licence: str = "") -> FileTable:
        """Return a table of every file in a folder but hidden ones, with sizes and hashes."""
        paths = sorted(path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("."))
        files = (
            WeightFile(path.relative_to(folder).as_posix(), path.stat().st_size, sha256_of(path)) for path in paths
        )
        return cls(repository, revision, licence, tuple(files))


def sha256_of(path: Path, on_bytes: Callable[[int], None] = lambda count: None) -> str:
    """Return a file's SHA-256.

    Args:
        path: The file.
        on_bytes: Called with the number of bytes after each piece; may raise to cancel.
    """
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(HASH_CHUNK):
            digest.update(piece)
            on_bytes(len(piece))
    return digest.hexdigest()


PIPELINE = "mvdiffusion/pipeckpts/"
LICENCE_FILE = "LICENSE"

OFFICIAL = FileTable(
    repository="wlyu/OpenFaceLift",
    revision="3ebac9f8e2d791f02507b8aa61520e1ba379a115",
    licence="Adobe Research License (non-commercial research)",
    files=(
        WeightFile(LICENCE_FILE),
        WeightFile(
            "gslrm/ckpt_0000000000021125.pt", sha256="705e9aa37c7ea964bb06f25db060c12676a93d9ce6a365ac8b50128a3dc12662"
        ),
        WeightFile(PIPELINE + "model_index.json"),
        WeightFile(PIPELINE + "feature_extractor/preprocessor_config.json"),
        WeightFile(PIPELINE + "image_encoder/config.json"),
        WeightFile(
            PIPELINE + "image_encoder/model.safetensors",
            sha256="ae616c24393dd1854372b0639e5541666f7521cbe219669255e865cb7f89466a",
        ),
        WeightFile(PIPELINE + "image_noising_scheduler/scheduler_config.json"),
        WeightFile(PIPELINE + "image_normalizer/config.json"),
        WeightFile(
            PIPELINE + "image_normalizer/diffusion_pytorch_model.safetensors",
            sha256="a726e7159498c008a99fad02cb52280065ee93432f2af192a8511b7ddcf997a3",
        ),
        WeightFile(PIPELINE + "scheduler/scheduler_config.json"),
        WeightFile(PIPELINE + "text_encoder/config.json"),
        WeightFile(
            PIPELINE + "text_encoder/model.safetensors",
            sha256="bc1827c465450322616f06dea41596eac7d493f4e95904dcb51f0fc745c4e13f",
        ),
        WeightFile(PIPELINE + "tokenizer/merges.txt"),
        WeightFile(PIPELINE + "tokenizer/special_tokens_map.json"),
        WeightFile(PIPELINE + "tokenizer/tokenizer_config.json"),
        WeightFile(PIPELINE + "tokenizer/vocab.json"),
        WeightFile(PIPELINE + "unet/config.json"),
        WeightFile(
            PIPELINE + "unet/diffusion_pytorch_model.safetensors",
            sha256="2389a09216381a2020ac751c58735408feb4e76797c6f2393e66c7a0cedc1629",
        ),
        WeightFile(PIPELINE + "vae/config.json"),
        WeightFile(
            PIPELINE + "vae/diffusion_pytorch_model.safetensors",
            sha256="3e4c08995484ee61270175e9e7a072b66a6e4eeb5f0c266667fe1f45b90daf9a",
        ),
    ),
)
"""The published checkpoint. Its six large files are known by hash and, all together, by size."""
OFFICIAL_LARGE_BYTES = 9_316_311_496
"""Total size of the official files that have a hash here."""
