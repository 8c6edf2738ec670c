"""A folder of recorded tensors: what was run, and what came out."""

from __future__ import annotations

import json
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open

from core.engines.facelift.checkpoint import Checkpoint
from core.engines.facelift.diffusion import Guidance
from core.engines.facelift.filters import PRESETS, FilterPreset
from core.engines.facelift.gslrm import FIELDS, RawGaussians
from core.engines.facelift.pipeline import Sampling

SAMPLE = "sample/gaussians"
"""A record may keep some Gaussians only; this tensor [M] has their indices."""


class RecordError(Exception):
    """A folder does not hold what a comparison needs."""


@dataclass(frozen=True, eq=False)
class Record:
    """One recorded run.

    Attributes:
        path: The JSON file that describes it.
        facts: Its content.
        tensors: All recorded tensors by name.
    """

    path: Path
    facts: Mapping
    tensors: Mapping[str, torch.Tensor]

    @classmethod
    def read(cls, path: Path) -> Record:
        """Return the record of a JSON file and the safetensors file of the same name.

        Raises:
            RecordError: a file is missing or damaged.
        """
        try:
            facts = json.loads(path.read_text(encoding="utf-8"))
            with safe_open(path.with_suffix(".safetensors"), "pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}
        except Exception as error:  # safetensors has no common base class for its errors
            raise RecordError(f"{path.name} or its tensors cannot be read: {error}") from error
        return cls(path, facts, tensors)

    def __contains__(self, name: str) -> bool:
        return name in self.tensors

    def __getitem__(self, name: str) -> torch.Tensor:
        """Return a recorded tensor.

        Raises:
            RecordError: it was not recorded.
        """
        if name not in self.tensors:
            raise RecordError(f"{self.path.with_suffix('.safetensors').name} has no tensor {name}")
        return self.tensors[name]

    def lost(self) -> list[str]:
        """Return the names of tensors that the JSON file describes and the safetensors file lacks."""
        return sorted(set(self.facts.get("tensors", {})) - set(self.tensors))

    def has(self, *names: str) -> bool:
        """Return whether all these tensors were recorded."""
        return all(name in self.tensors for name in names)

    def checkpoint(self) -> Checkpoint:
        """Return the checkpoint that the record names, beside it.

        Raises:
            RecordError: the record names none.
            CheckpointError: the folder is incomplete.
        """
        words = str(self.facts.get("checkpoint", "")).split()
        if not words:
            raise RecordError(f"{self.path.name} names no checkpoint")
        return Checkpoint.open(self.path.parent / words[0])

    def setting(self, *names: str) -> object:
        """Return the first of these settings that the case or the call states.

        Raises:
            RecordError: none of them is there.
        """
        for section in ("case", "pipeline_call"):
            for name in names:
                if name in self.facts.get(section, {}):
                    return self.facts[section][name]
        raise RecordError(f"{self.path.name} does not state {names[0]}")

    def sampling(self) -> Sampling:
        """Return the recorded run's sampling."""
        return Sampling(
            steps=int(self.setting("num_inference_steps")),
            guidance=Guidance(float(self.setting("guidance_scale"))),
            eta=float(self.setting("eta")),
            seed=int(self.setting("generator_seed", "seed")),
        )

    def head_width(self) -> int | None:
        """Return GS-LRM's attention head width, or None where the record leaves it to the checkpoint.

        It is the one size that neither the weights' shapes nor the official layout tell.
        """
        return stated_anywhere(self.facts, "d_head")

    def filters(self) -> dict[str, FilterPreset]:
        """Return the recorded filters by name: with their own thresholds, else those of the reference's programs."""
        presets = {"cli": PRESETS["commandline"], "gradio": PRESETS["gradio"]}
        for name, entry in self.facts.get("filters", {}).items():
            limits = entry["thresholds"]
            bounds = limits["crop_bbx"]
            presets[name] = FilterPreset(
                limits["opacity_thres"], limits["scaling_thres"], limits["floater_thres"], (bounds[::2], bounds[1::2])
            )
        return presets

    def gaussians(self) -> RawGaussians | None:
        """Return the recorded Gaussians, or None where they were not recorded."""
        if not self.has(*(f"gslrm/{name}" for name in FIELDS)):
            return None
        return RawGaussians(**{name: self[f"gslrm/{name}"].flatten(0, -2) for name in FIELDS})

    def prompts(self) -> torch.Tensor | None:
        """Return the prompt embeddings that the recorded run was given, or None."""
        for name in ("cond/prompt_embeds_file", "cond/prompt_embeds"):
            if name in self:
                return self[name]
        files = sorted(self.path.parent.glob("clr_embeds*.pt"))
        # A folder with several records names each one's file as the record: parity-x.json, clr_embeds-x.pt.
        own = [path for path in files if path.stem.partition("-")[2] == self.path.stem.partition("-")[2]]
        return torch.load((own or files)[0], weights_only=True) if files else None

    def ply_path(self) -> Path | None:
        """Return where the recorded PLY file should be; None where the record has none."""
        path = self.path.parent / self.facts.get("ply", {}).get("file", self.path.with_suffix(".ply").name)
        return path if path.is_file() or "ply" in self.facts else None


def stated_anywhere(facts: object, name: str) -> object | None:
    """Return the first value of a name in nested JSON objects, or None."""
    if not isinstance(facts, Mapping):
        return None
    if name in facts:
        return facts[name]
    found = (stated_anywhere(value, name) for value in facts.values())
    return next((value for value in found if value is not None), None)


def records(folder: Path) -> list[Record]:
    """Return the records of a folder, sorted by name.

    Raises:
        RecordError: there is none.
    """
    paths = sorted(path for path in folder.glob("*.json") if path.with_suffix(".safetensors").is_file())
    if not paths:
        raise RecordError(f"{folder} holds no record: a JSON file and a safetensors file of the same name")
    return [Record.read(path) for path in paths]


@contextmanager
def opened(path: Path) -> Iterator[Path]:
    """Have the folder at a path, or of a tar archive at it, unpacked for the time being.

    Raises:
        RecordError: there is neither.
    """
    if path.is_dir():
        yield path
        return
    if not path.is_file() or not tarfile.is_tarfile(path):
        raise RecordError(f"{path} is neither a folder nor a tar archive")
    with tempfile.TemporaryDirectory(prefix="facelift-parity-") as folder, tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
        yield Path(folder)
