"""The base mesh's texture: how it looks from the front, and what baking takes. On draft heads, the engine's own fit."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image

from core.avatar.base_mesh import BaseMesh
from core.avatar.texture.bake import SIZE, bake_texture
from core.avatar.texture.views import View, normalized
from core.engines.draft.engine import DraftEngine
from core.gaussians import Gaussians, concatenate
from core.progress import Reporter
from tests.bench.draft_subjects import photos
from tests.bench.report import Measurement, peak_memory_mb, print_table
from tests.helpers.texture import draw, front_quality

MANY = 2_000_000
ANGLES = (0, 45, 90, 180)
TILE = 360


def main() -> None:
    """Measure and print; with ``many`` two million splats; with a path, save a picture of the first subject there."""
    if len(sys.argv) > 1:
        _many() if sys.argv[1] == "many" else _picture(Path(sys.argv[1]))
        return
    for subject in photos():
        result = DraftEngine().generate(subject.capture, subject.settings, Reporter())
        gaussians, base = result.gaussians, BaseMesh.from_shape(result.shape)
        wall, processor = time.perf_counter(), time.process_time()
        texture = bake_texture(gaussians, base)
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
        quality = front_quality(gaussians, base, texture, result.photo_camera)
        print_table(
            f"Texture of {SIZE}, {subject.name}, {len(gaussians):,} splats",
            [
                Measurement("front inside the face oval, where no hair was left out", quality.bare, "dB", ">= 28"),
                Measurement("share of the oval that this is", 100 * quality.bare_share, "%"),
                Measurement("front, without hair parts", quality.without_hair_parts, "dB"),
                Measurement("front, whole oval", quality.whole, "dB"),
                Measurement("bake", wall, "s", "< 7"),
                Measurement("bake, processor time", processor, "s"),
            ],
        )


def _many() -> None:
    """What two million splats take: the first head several times, each copy fainter and moved a little."""
    gaussians, base = _first()
    copies = -(-MANY // len(gaussians))
    rng = np.random.default_rng(1)
    thin = gaussians.replace(opacities=1 - (1 - np.minimum(gaussians.opacities, 0.99)) ** (2 / copies))
    moved = [
        thin.replace(means=thin.means + rng.normal(0, 3e-3, thin.means.shape).astype(np.float32)) for _ in range(copies)
    ]
    many = concatenate(moved).select(np.arange(MANY))
    before = peak_memory_mb()
    wall, processor = time.perf_counter(), time.process_time()
    bake_texture(many, base)
    print_table(
        f"Texture of {MANY:,} splats",
        [
            Measurement("bake", time.perf_counter() - wall, "s"),
            Measurement("bake, processor time", time.process_time() - processor, "s"),
            Measurement("peak memory over the splats'", peak_memory_mb() - before, "MB"),
        ],
    )


def _first() -> tuple[Gaussians, BaseMesh]:
    """Return the first subject's head and base mesh."""
    subject = next(photos())
    result = DraftEngine().generate(subject.capture, subject.settings, Reporter())
    return result.gaussians, BaseMesh.from_shape(result.shape)


def _picture(path: Path) -> None:
    """Save the texture, the textured mesh turned, and the splats beside it."""
    gaussians, base = _first()
    texture = bake_texture(gaussians, base)
    near, _ = normalized(base)
    turned = [draw(near, texture.image, View(angle, 0, TILE, TILE).camera(near)) for angle in ANGLES]
    flat = Image.fromarray(texture.image).resize((TILE, TILE), Image.Resampling.LANCZOS)
    row = np.concatenate([np.asarray(flat) / 255, *turned], axis=1)
    Image.fromarray((np.clip(row, 0, 1) * 255).astype(np.uint8)).save(path)


if __name__ == "__main__":
    main()
