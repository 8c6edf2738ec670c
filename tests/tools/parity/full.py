"""The full-size models: names and shapes on the meta device, and numbers with weights made by name.

The recipes (``unet-full-recipe.json``, ``gslrm-full-recipe.json``) state how every weight is drawn,
what goes in, and samples of what comes out of the reference.
"""

from __future__ import annotations

import gc
import json
import re
import time
import zlib
from collections.abc import Mapping
from pathlib import Path

import torch

from core.cameras import six_view_rig
from core.engines.facelift import acceleration, models, rays
from core.engines.facelift.acceleration import Acceleration
from core.engines.facelift.gslrm import GSLRM, GSLRMConfig

from .compare import Row, print_table
from .record import RecordError

COMPONENTS = ("unet", "vae", "image_encoder", "text_encoder")
VALUE_TOLERANCE = 2e-4
"""Of the larger of a value and its tensor's spread; the recipes recommend it for rounding."""
VIEWS = 6


def compare_full(folder: Path) -> bool:
    """Print the comparison of the full-size models of a folder; return whether all agreed.

    Raises:
        RecordError: the folder says nothing of full-size models.
    """
    manifests = compare_manifests(folder)
    if not manifests:
        raise RecordError(f"{folder} has no manifests of full-size models")
    print("\nFull-size state dicts")
    agreed = print_table(manifests)
    for file, run in (("unet-full-recipe.json", run_unet), ("gslrm-full-recipe.json", run_gslrm)):
        if (folder / file).is_file():
            print(f"\n{file}")
            agreed &= print_table(run(folder, json.loads((folder / file).read_text(encoding="utf-8"))))
            gc.collect()
    return agreed


def compare_manifests(folder: Path) -> list[Row]:
    """Compare names and shapes of every model with its manifest, on the meta device."""
    rows = []
    for kind in (*COMPONENTS, "gslrm"):
        path = folder / f"manifest-{kind}-full.json"
        if not path.is_file():
            continue
        wanted = {
            name: tuple(entry["shape"])
            for name, entry in json.loads(path.read_text(encoding="utf-8"))["tensors"].items()
        }
        own = {name: tuple(tensor.shape) for name, tensor in empty_model(folder, kind, wanted).state_dict().items()}
        renamed = {models.current_name(name, own): shape for name, shape in wanted.items()}
        different = sorted(name for name in renamed.keys() | own.keys() if renamed.get(name) != own.get(name))
        remark = f"{len(wanted)} tensors" if not different else f"{len(different)} differ, first {different[0]}"
        rows.append(Row(path.name, None, not different, remark))
    return rows


def empty_model(folder: Path, kind: str, shapes: Mapping[str, tuple[int, ...]]) -> torch.nn.Module:
    """Return a full-size model on the meta device."""
    if kind == "gslrm":
        with torch.device("meta"):
            weights = {name: torch.empty(shape) for name, shape in shapes.items()}
            return GSLRM(GSLRMConfig.of_weights(weights, head_width=64))
    config = json.loads((folder / "configs-full" / kind / "config.json").read_text(encoding="utf-8"))
    return models.build(kind, config)


def drawn(name: str, shape: tuple[int, ...], uniform: bool = False) -> torch.Tensor:
    """Return the tensor of a name: its own generator, seeded with the name's CRC-32."""
    generator = torch.Generator("cpu").manual_seed(zlib.crc32(name.encode("utf-8")))
    return (torch.rand if uniform else torch.randn)(shape, generator=generator, dtype=torch.float32)


def stated_shape(text: str) -> tuple[int, ...]:
    """Return the shape in a recipe's sentence, "torch.randn((6,8,16,16)) from ...".

    Raises:
        RecordError: the sentence states none.
    """
    match = re.search(r"\(\(([\d, ]+)\)", text)
    if match is None:
        raise RecordError(f"a recipe states no shape: {text!r}")
    return tuple(int(number) for number in match[1].split(","))


def weight(name: str, shape: tuple[int, ...]) -> torch.Tensor:
    """Return a parameter as the recipes state it: scaled by its fan-in, biases small, norms about 1."""
    values = drawn(name, shape)
    if len(shape) >= 2:
        return values / torch.tensor(shape[1:]).prod().sqrt()
    return 0.1 * values if name.endswith("bias") else 1 + 0.1 * values


def fill(model: torch.nn.Module, recipe: Mapping) -> list[Row]:
    """Give an empty model the recipe's weights; return rows that check the drawing itself."""
    weights = {name: weight(name, tuple(tensor.shape)) for name, tensor in model.state_dict().items()}
    models.load_strictly(model, weights, "the recipe", None)
    rows = []
    for name, check in recipe["weights_check"].items():
        own = weights[name].double()
        scale = max(1.0, check["sumsq_float64"] ** 0.5)
        error = max(
            abs(own.sum().item() - check["sum_float64"]) / scale,
            abs((own**2).sum().item() / check["sumsq_float64"] - 1),
        )
        rows.append(Row(f"weights {name}", error, error < VALUE_TOLERANCE))
    return rows


class Samples:
    """Compares tensors with a recipe's statistics and values as they come.

    Args:
        recipe: Has "outputs" and "intermediate".
    """

    def __init__(self, recipe: Mapping) -> None:
        self.wanted = {**recipe.get("intermediate", {}), **recipe["outputs"]}
        self.rows: list[Row] = []

    def __call__(self, name: str, tensor: torch.Tensor) -> None:
        """Compare a tensor, if the recipe has it."""
        if name not in self.wanted:
            return
        wanted, own = self.wanted[name], tensor.detach().double()
        if list(own.shape) != wanted["shape"]:
            self.rows.append(Row(name, None, False, f"shape {tuple(own.shape)}, recorded {wanted['shape']}"))
            return
        values = torch.tensor(wanted["values"], dtype=torch.float64)
        difference = (own.flatten()[torch.tensor(wanted["indices"])] - values).abs()
        excess = (difference / values.abs().clamp(min=wanted["std"])).max().item()
        moments = max(abs(own.mean().item() - wanted["mean"]), abs(own.std(correction=0).item() - wanted["std"]))
        passed = excess <= VALUE_TOLERANCE and moments <= VALUE_TOLERANCE * wanted["std"]
        relative = (difference.norm() / values.norm()).item()
        self.rows.append(Row(name, relative, passed, f"{len(values)} values, largest {excess:.1e} of value or spread"))

    def missing(self) -> list[Row]:
        """Return rows of what never came."""
        seen = {row.name for row in self.rows}
        return [Row(name, None, False, "was not computed") for name in self.wanted if name not in seen]


def print_times(weights: float, forward: float) -> None:
    """Print the seconds of a full-size run."""
    print(f"weights {weights:.1f} s, forward pass {forward:.1f} s, {torch.get_num_threads()} threads")


@torch.inference_mode()
def run_unet(folder: Path, recipe: Mapping) -> list[Row]:
    """Run the full-size UNet of a recipe."""
    start = time.perf_counter()
    unet = empty_model(folder, "unet", {})
    rows = fill(unet, recipe)
    acceleration.prepare_unet(unet, VIEWS, Acceleration(fused_projections=False))
    samples = Samples(recipe)
    modules = dict(unet.named_modules())
    for name in samples.wanted:
        if name in modules:

            def keep(_: object, __: object, output: object, name: str = name) -> None:
                samples(name, output[0] if isinstance(output, tuple) else output)

            modules[name].register_forward_hook(keep)
    names = ("sample", "encoder_hidden_states", "class_labels")
    inputs = {name: drawn(f"input.{name}", stated_shape(recipe["input"][name])) for name in names}
    made = time.perf_counter()
    output = unet(timestep=torch.tensor(recipe["input"]["timestep"]), return_dict=False, **inputs)[0]
    samples("output", output)
    print_times(made - start, time.perf_counter() - made)
    return rows + samples.rows + samples.missing()


@torch.inference_mode()
def run_gslrm(folder: Path, recipe: Mapping) -> list[Row]:
    """Run the full-size GS-LRM of a recipe, with the recorded cameras."""
    start = time.perf_counter()
    manifest = json.loads((folder / "manifest-gslrm-full.json").read_text(encoding="utf-8"))
    model = empty_model(folder, "gslrm", {name: tuple(e["shape"]) for name, e in manifest["tensors"].items()})
    rows = fill(model, recipe)
    pictures = drawn("input.image", stated_shape(recipe["input"]["image"]), uniform=True)[0]
    c2w, intrinsics = rays.camera_tensors(six_view_rig(pictures.shape[-1]))
    samples = Samples(recipe)
    made = time.perf_counter()
    model(pictures, c2w, intrinsics, observe=samples)
    print_times(made - start, time.perf_counter() - made)
    return rows + samples.rows + samples.missing()
