"""Make ``subset.tar.xz`` from a full folder of recorded tensors: ``python make.py FOLDER``.

The subset has the same form, so that the same comparison runs on it, and every weight that an inference
reads, bit by bit; it leaves out large tensors, all but some Gaussians, and the optimizer's state.
"""

from __future__ import annotations

import io
import json
import lzma
import sys
import tarfile
from pathlib import Path

import torch
from safetensors.torch import load_file, save

TARGET = Path(__file__).with_name("subset.tar.xz")
GAUSSIANS = 512
LARGEST_TENSOR = 10_000
"""Values of a tensor from which it is left out."""
LARGE_BUT_KEPT = ("input/image", "images/uint8", "text/last_hidden_state", "unet_out/step4", "cond/prompt_embeds_file")
LEFT_OUT = (
    "rng/draw1",
    "rng/draw2",
    "rng/draw3",
    "rng/draw4",
    "rng/draw5",
    "rng/draw6",
    "unet_call/encoder",
    "cond/prompt_embeds",
)
PER_GAUSSIAN = ("xyz", "features", "scaling", "rotation", "opacity")
# Four-byte floats compress best when the coder knows which byte of four it looks at.
FILTERS = [{"id": lzma.FILTER_LZMA2, "preset": 9, "lc": 0, "lp": 2, "pb": 2}]


def chosen_tensors(tensors: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Return the tensors of the subset: an even sample of the Gaussians, and what is small."""
    total = tensors["gslrm/xyz"].shape[1]
    # Half of the sample survives the filters.
    kept = tensors["filter/cli_kept"].long()
    index = torch.cat(
        [torch.arange(GAUSSIANS // 2) * (total // (GAUSSIANS // 2)), kept[:: len(kept) // (GAUSSIANS // 2)]]
    )
    index = index.unique()
    chosen = {"sample/gaussians": index.int()}
    for name, tensor in tensors.items():
        if name.removeprefix("gslrm/") in PER_GAUSSIAN:
            chosen[name] = tensor[:, index]
        elif name.startswith("filter/"):
            chosen[name] = tensor[torch.isin(tensor.long(), index)]
        elif name in LARGE_BUT_KEPT or (tensor.numel() <= LARGEST_TENSOR and not name.startswith(LEFT_OUT)):
            chosen[name] = tensor
    return {name: tensor.contiguous() for name, tensor in chosen.items()}


def chosen_ply(content: bytes, kept: torch.Tensor, wanted: torch.Tensor) -> bytes:
    """Return a PLY file with only the wanted of the kept Gaussians."""
    end = content.index(b"end_header\n") + len(b"end_header\n")
    header, body = content[:end], content[end:]
    stride = len(body) // len(kept)
    rows = torch.isin(kept.long(), wanted.long()).nonzero()[:, 0].tolist()
    header = header.replace(f"element vertex {len(kept)}".encode(), f"element vertex {len(rows)}".encode())
    return header + b"".join(body[row * stride : (row + 1) * stride] for row in rows)


def slim_gslrm(path: Path) -> bytes:
    """Return the training checkpoint without optimizer; some training-only tensors stay, loaders have to drop them."""
    model = torch.load(path, map_location="cpu", weights_only=True)["model"]
    model = {name: tensor.clone() for name, tensor in model.items() if tensor.numel() < 1000 or "loss_" not in name}
    stream = io.BytesIO()
    torch.save({"model": model}, stream)
    return stream.getvalue()


def main(source: Path) -> None:
    """Write the archive."""
    facts = json.loads((source / "parity-tiny.json").read_text())
    tensors = load_file(source / "parity-tiny.safetensors")
    chosen = chosen_tensors(tensors)
    ply = chosen_ply((source / "parity-tiny.ply").read_bytes(), tensors["filter/cli_kept"], chosen["filter/cli_kept"])
    facts["tensors"] = {name: entry for name, entry in facts["tensors"].items() if name in chosen}
    facts["ply"] = {"file": "parity-tiny.ply"}
    files = {
        "parity-tiny.json": json.dumps(facts).encode(),
        "parity-tiny.safetensors": save(chosen),
        "parity-tiny.ply": ply,
    }
    checkpoint = source / "openfacelift-tiny"
    for path in sorted(path for path in checkpoint.rglob("*") if path.is_file()):
        content = slim_gslrm(path) if path.suffix == ".pt" else path.read_bytes()
        files[path.relative_to(source).as_posix()] = content
    with (
        lzma.open(TARGET, "wb", format=lzma.FORMAT_XZ, filters=FILTERS) as stream,
        tarfile.open(fileobj=stream, mode="w") as tar,
    ):
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    print(f"{TARGET.name}: {TARGET.stat().st_size:,} bytes, {len(chosen)} tensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
