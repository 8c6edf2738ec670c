"""One photo through the models on a device, with progress, previews and a second try when memory runs out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from ...errors import EngineUnavailable
from ...gaussians import Gaussians
from ...progress import Reporter
from ...system.pictures import png_bytes
from . import acceleration, convert, filters, memory
from .checkpoint import Checkpoint
from .diffusion import Guidance
from .gslrm import RawGaussians
from .pictures import resized
from .pipeline import MODELS, Pipeline, Sampling
from .preparation import view_sheet
from .settings import FaceLiftSettings
from .shots.views import Arrangement, RealView, arranged

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
LOADING, VIEWS, GAUSSIANS = "Loading the models", "Generating six views", "Building the head"
LOADING_SHARE, VIEWS_SHARE, GAUSSIANS_SHARE = 8, 74, 10


@dataclass(frozen=True, eq=False)
class Outcome:
    """What the models made of a photo.

    Attributes:
        seen: The views that GS-LRM saw, with their cameras.
        raw: All Gaussians of GS-LRM.
        kept: [M] indices that the filters keep.
        notes: Sentences for the user.
    """

    seen: Arrangement
    raw: RawGaussians
    kept: torch.Tensor
    notes: tuple[str, ...] = ()

    def gaussians(self) -> Gaussians:
        """Return the kept Gaussians, activated, in the common frame."""
        return convert.to_gaussians(self.raw, self.kept)


def choose_device(name: str) -> torch.device:
    """Return the device of a setting.

    Raises:
        EngineUnavailable: this machine does not have it.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if name == "auto":
        return torch.device(next(kind for kind, there in present.items() if there))
    if not present[name]:
        raise EngineUnavailable(f"This computer has no {name} device.", "Choose the device auto or cpu.")
    return torch.device(name)


def choose_dtype(name: str, device: torch.device) -> torch.dtype:
    """Return the precision of a setting: by default float16 on CUDA, float32 elsewhere."""
    return DTYPES[("float16" if device.type == "cuda" else "float32") if name == "auto" else name]


class Runner:
    """Keeps the loaded models between photos.

    Attributes:
        pipeline: The models.
        frugal: Memory ran out once: one model at a time from then on, and one half of guidance.

    Args:
        folder: The checkpoint folder.
        settings: Device, precision and memory mode of the models.

    Raises:
        CheckpointError: a file is missing.
        EngineUnavailable: the device does not exist.
    """

    def __init__(self, folder: Path, settings: FaceLiftSettings) -> None:
        device = choose_device(settings.device)
        self.frugal = False
        self.pipeline = Pipeline(
            Checkpoint.open(folder),
            device,
            choose_dtype(settings.dtype, device),
            acceleration.MODES[settings.acceleration],
            low_memory=settings.low_memory,
            vae_dtype=torch.float32 if settings.vae_float32 else None,
        )

    @property
    def facts(self) -> dict[str, str]:
        """Facts of the models for a recipe."""
        pipeline = self.pipeline
        return {
            "gslrm": pipeline.checkpoint.gslrm_path().name,
            "device": pipeline.device.type,
            "dtype": str(pipeline.dtype).removeprefix("torch."),
            "torch": torch.__version__,
        }

    def unload(self) -> None:
        """Free the models' memory."""
        self.pipeline.unload()

    @property
    def where(self) -> str:
        """Whose memory the models take, in words."""
        return memory.place_of(self.pipeline.device)

    def run(
        self,
        picture: np.ndarray,
        settings: FaceLiftSettings,
        reporter: Reporter,
        photos: Sequence[RealView] = (),
    ) -> Outcome:
        """Make a head of a conditioning picture [512, 512, 3] uint8.

        When memory runs out, everything is tried once more with one model at a time and the two
        halves of guidance one after the other; the same seed gives the same head up to rounding.
        Photos for which there is no memory beside the generated views are left out.

        Args:
            picture: The portrait.
            settings: The engine's.
            reporter: Receives the stages.
            photos: Further photos as views, in the rig's frame.

        Raises:
            CheckpointError: a file is damaged or does not fit.
            NotFiniteError: a model returned NaN or infinity.
            OutOfMemoryError: memory ran out, in low-memory mode too.
            Cancelled: cancelled through the reporter.
        """
        try:
            return self._run(picture, settings, reporter, photos)
        except Exception as error:
            if not memory.is_out_of_memory(error):
                raise
            if self.frugal:
                self.unload()
                raise memory.out_of_memory(error, self.pipeline.device) from error
        # Outside of the handler: the error's traceback would keep the tensors alive.
        self.unload()
        self.pipeline.low_memory = self.frugal = True
        try:
            outcome = self._run(picture, settings, reporter, photos)
        except Exception as error:
            self.unload()
            if memory.is_out_of_memory(error):
                raise memory.out_of_memory(error, self.pipeline.device) from error
            raise
        return replace(outcome, notes=("Memory ran out; the head was made in low-memory mode.",))

    def _run(
        self, picture: np.ndarray, settings: FaceLiftSettings, reporter: Reporter, photos: Sequence[RealView]
    ) -> Outcome:
        pipeline = self.pipeline
        loading, viewing, reconstructing = reporter.parts(LOADING_SHARE, VIEWS_SHARE, GAUSSIANS_SHARE)
        loading.stage(LOADING, len(MODELS))
        pipeline.load(reporter.step)
        slices = -(-pipeline.views // (pipeline.choices.vae_slice or pipeline.views))
        viewing.stage(VIEWS, settings.solver_steps + slices)
        sampling = Sampling(
            steps=settings.solver_steps,
            guidance=Guidance(
                settings.guidance, settings.guidance_begin, settings.guidance_end, sequential=self.frugal
            ),
            eta=settings.eta,
            seed=settings.seed,
            fast=settings.preset == "fast",
        )
        views = pipeline.generate_views(resized(picture, pipeline.picture_size), sampling, reporter.step)
        seen = arranged(views, photos)
        reporter.preview("views", png_bytes(view_sheet(seen.views)))
        reconstructing.stage(GAUSSIANS)
        seen, raw = self._reconstructed(seen, reporter)
        return Outcome(seen, raw, filters.kept_indices(raw, filters.PRESETS[settings.filter]))

    def _reconstructed(self, seen: Arrangement, reporter: Reporter) -> tuple[Arrangement, RawGaussians]:
        """Return the views that there was memory for, and their Gaussians.

        With one model at a time, views beside the rig's are given up one by one while memory runs out.
        """
        if seen.beside:
            seen = seen.first(self.pipeline.most_views(seen.views.shape[1], len(seen.views)))
        while True:
            try:
                return seen, self.pipeline.reconstruct(seen.views, reporter.check, cameras=seen.cameras)
            except Exception as error:
                if not (self.frugal and seen.beside and memory.is_out_of_memory(error)):
                    raise
            seen = seen.first(len(seen.views) - 1)
