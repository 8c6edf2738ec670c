"""The setup's last test: a portrait goes through the weights' autoencoder, and comes out as a picture to look at.

The autoencoder is the smallest of the models, but needs what all of them need: the libraries, the
weights in their files, convolutions and attention on the device in the precision of real heads.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from ...progress import Reporter
from ...system.pictures import png_bytes
from . import conditioning, diffusion, features
from .checkpoint import Checkpoint
from .pipeline import Pipeline
from .runner import choose_dtype

PICTURE = Path(__file__).parent / "data" / "portrait.jpg"
"""256 x 256: a whole number of latents, and a second of work for a processor."""


@torch.inference_mode()
def picture_through_weights(folder: Path, device: str, reporter: Reporter) -> bytes:
    """Return what came out of the weights, as a PNG.

    Args:
        folder: The checkpoint folder.
        device: Where the models will run: "cpu", "cuda" or "mps".
        reporter: Carries the cancel flag.

    Raises:
        CheckpointError: a file is missing, damaged or does not fit.
        NotFiniteError: numbers became NaN or infinite on the way.
        Cancelled: cancelled through the reporter.
    """
    place = torch.device(device)
    pipeline = Pipeline(Checkpoint.open(folder), place, choose_dtype("auto", place))
    portrait = np.asarray(Image.open(PICTURE).convert("RGB"))
    with pipeline.resident("vae") as vae:
        latents = conditioning.image_latents(vae, features.vae_pixels(portrait), 1)
        reporter.check()
        (decoded,) = diffusion.decode(vae, latents, None, reporter.check)
    return png_bytes(decoded)
