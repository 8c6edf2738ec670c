"""Reading a checkpoint folder: the official layout of ``wlyu/OpenFaceLift`` and its slimmed form.

Official layout (FaceLift specification, section 2)::

    gslrm/ckpt_*.pt                      dict with "model", beside optimizer state that is never read
    mvdiffusion/pipeckpts/<component>/   a diffusers pipeline folder

The slimmed form is the same tree with ``gslrm/*.safetensors`` in place of the pickle and a
``prompt_embeddings.safetensors`` in place of the text encoder. Only this module knows where files lie.
"""

from __future__ import annotations

import json
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from .errors import CheckpointError

PIPELINE = Path("mvdiffusion", "pipeckpts")
WEIGHT_FILES = ("diffusion_pytorch_model.safetensors", "model.safetensors")
"""Names under which diffusers and transformers save a component's weights."""
PROMPT_FILES = ("prompt_embeddings.safetensors", "clr_embeds.pt")
"""Prompt embeddings beside the models: ours, and the file of the FaceLift code repository."""
PROMPT_KEY = "prompt_embeddings"
TRAINING_PREFIX = "loss_calculator."
"""Keys of the GS-LRM file that only training needs."""
DEFAULT_HEAD_WIDTH = 64
"""GS-LRM's attention head width; the official file does not state it."""

REMEDY = "Delete this file and download the checkpoint again, or choose another checkpoint folder."


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint folder with everything that an inference needs.

    Attributes:
        folder: The folder that holds ``gslrm`` and ``mvdiffusion``.
    """

    folder: Path

    @classmethod
    def open(cls, folder: str | Path) -> Checkpoint:
        """Return the checkpoint of a folder after a look at its files; reads no weights.

        Raises:
            CheckpointError: the folder or one of its files is missing.
        """
        checkpoint = cls(Path(folder))
        if not checkpoint.folder.is_dir():
            raise CheckpointError(
                f"The checkpoint folder {folder} does not exist.",
                "Download the FaceLift weights, or choose the folder where they are.",
                file=str(folder),
            )
        for component in ("unet", "vae", "image_encoder", "image_normalizer"):
            checkpoint.weights_path(component)
        for component in ("unet", "vae", "image_encoder", "scheduler", "image_noising_scheduler", "feature_extractor"):
            checkpoint.config(component)
        checkpoint.gslrm_path()
        if checkpoint.prompt_path() is None:
            checkpoint.weights_path("text_encoder")
        return checkpoint

    def component(self, name: str) -> Path:
        """Return the folder of a pipeline component."""
        return self.folder / PIPELINE / name

    def config(self, component: str) -> dict[str, Any]:
        """Return a component's configuration.

        Raises:
            CheckpointError: the file is missing or not JSON.
        """
        names = {"feature_extractor": "preprocessor_config.json"}
        default = "scheduler_config.json" if component.endswith("scheduler") else "config.json"
        path = self.component(component) / names.get(component, default)
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise self._missing(path) from None
        except (ValueError, OSError) as error:
            raise self._damaged(path, error) from error

    def weights_path(self, component: str) -> Path:
        """Return the weights file of a pipeline component.

        Raises:
            CheckpointError: it is missing.
        """
        paths = [self.component(component) / name for name in WEIGHT_FILES]
        found = [path for path in paths if path.is_file()]
        if not found:
            raise self._missing(paths[0] if component in ("unet", "vae", "image_normalizer") else paths[1])
        return found[0]

    def weights(self, component: str) -> dict[str, torch.Tensor]:
        """Return a pipeline component's state dict, on the CPU, in the file's dtype.

        Raises:
            CheckpointError: the file is missing or damaged.
        """
        return self._read_safetensors(self.weights_path(component))

    def gslrm_path(self) -> Path:
        """Return the GS-LRM file: slimmed if there is one, else the latest training checkpoint.

        Raises:
            CheckpointError: there is none.
        """
        folder = self.folder / "gslrm"
        found = sorted(folder.glob("*.safetensors")) or sorted(folder.glob("ckpt_*.pt"))
        if not found:
            raise self._missing(folder / "ckpt_0000000000021125.pt")
        return found[-1]

    def gslrm_weights(self) -> dict[str, torch.Tensor]:
        """Return GS-LRM's inference state dict, on the CPU.

        A pickle is memory-mapped and opened with ``weights_only``: neither code in it runs nor are
        the optimizer's moments read.

        Raises:
            CheckpointError: the file is missing, damaged or not a FaceLift checkpoint.
        """
        path = self.gslrm_path()
        if path.suffix == ".safetensors":
            return self._read_safetensors(path)
        try:
            content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        except (RuntimeError, pickle.UnpicklingError, EOFError, OSError, ValueError) as error:
            raise self._damaged(path, error) from error
        weights = content.get("model") if isinstance(content, dict) else None
        if not isinstance(weights, dict):
            raise CheckpointError(f"{self.name(path)} holds no FaceLift model.", REMEDY, file=self.name(path))
        return {name: tensor for name, tensor in weights.items() if not name.startswith(TRAINING_PREFIX)}

    def gslrm_config_path(self) -> Path:
        """Return the file that may state what GS-LRM's weights do not show; the official layout has none."""
        return self.folder / "gslrm" / "config.json"

    def gslrm_head_width(self) -> int:
        """Return GS-LRM's attention head width: ``d_head`` of :meth:`gslrm_config_path`, else 64."""
        path = self.gslrm_config_path()
        if not path.is_file():
            return DEFAULT_HEAD_WIDTH
        try:
            return int(json.loads(path.read_text(encoding="utf-8"))["d_head"])
        except (ValueError, KeyError, TypeError) as error:
            raise self._damaged(path, error) from error

    def prompt_path(self) -> Path | None:
        """Return the file of ready prompt embeddings, or None when only the text encoder is here."""
        paths = [self.folder / name for name in PROMPT_FILES]
        return next((path for path in paths if path.is_file()), None)

    def name(self, path: Path) -> str:
        """Return a file's name as errors show it: relative to the checkpoint folder."""
        return path.relative_to(self.folder).as_posix()

    def _read_safetensors(self, path: Path) -> dict[str, torch.Tensor]:
        try:
            return load_file(path)
        except (SafetensorError, OSError, ValueError) as error:
            raise self._damaged(path, error) from error

    def _missing(self, path: Path) -> CheckpointError:
        name = self.name(path)
        return CheckpointError(
            f"The checkpoint folder {self.folder} has no {name}.",
            "Download the checkpoint again (it resumes), or choose another checkpoint folder.",
            file=name,
        )

    def _damaged(self, path: Path, error: Exception) -> CheckpointError:
        name = self.name(path)
        size = path.stat().st_size if path.is_file() else 0
        return CheckpointError(
            f"{name} is damaged or incomplete ({size:,} bytes).", REMEDY, file=name, reason=str(error)[:500]
        )
