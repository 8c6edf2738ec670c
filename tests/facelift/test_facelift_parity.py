"""The engine against tensors that the FaceLift reference computed."""

from __future__ import annotations

# First of all: where torch is absent, it skips the module.
from tests.helpers.facelift import other_checkpoint, torch

# isort: split
import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file, save_file

from core.engines.facelift import models
from core.engines.facelift.acceleration import BASELINE
from core.engines.facelift.checkpoint import Checkpoint
from core.engines.facelift.gslrm import FIELDS
from core.engines.facelift.pipeline import Pipeline
from tests.bench.facelift_random import CONFIGS
from tests.tools.parity import full
from tests.tools.parity.__main__ import compare_record, main
from tests.tools.parity.compare import compare
from tests.tools.parity.facecrop import compare_facecrop
from tests.tools.parity.record import Record, RecordError, records
from tests.tools.parity.stages import run_end_to_end

ROOT = Path(__file__).resolve().parents[2]


def failures(folder: Path) -> list[str]:
    return [row.name for record in records(folder) for row in compare_record(record) if not row.passed]


def run_parity(*arguments: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "tests.tools.parity", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.fixture
def own_record(record_folder: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(record_folder, tmp_path / "record"))


def change_tensor(folder: Path, name: str, change) -> None:
    path = folder / "parity-tiny.safetensors"
    tensors = load_file(path)
    tensors[name] = change(tensors[name]).contiguous()
    save_file(tensors, path)


def test_subset_agrees(record_folder):
    rows = [row for record in records(record_folder) for row in compare_record(record)]
    assert [row.name for row in rows if not row.passed] == []
    compared = {row.name for row in rows}
    assert len(compared) >= 50
    assert {"latents/final", "images/uint8", "gslrm/xyz", "filter/cli_kept of recorded"} <= compared


def test_whole_record_agrees(shared):
    folder = shared / "facelift-parity"
    rows = [row for record in records(folder) for row in compare_record(record)]
    assert [row.name for row in rows if not row.passed] == []
    recorded = set(records(folder)[0].tensors) - {"input/image", "filter/cli_kept", "filter/gradio_kept"}
    assert recorded <= {row.name for row in rows}


def test_face_crops_agree(shared):
    rows = compare_facecrop(shared / "facelift-parity")
    assert len(rows) == 6
    assert all(row.passed for row in rows)


def test_full_size_names_and_shapes_agree(shared):
    rows = full.compare_manifests(shared / "facelift-parity")
    assert len(rows) == 5
    assert all(row.passed for row in rows)


def test_benchmark_measures_the_released_sizes(shared):
    for kind in ("unet", "vae", "image_encoder"):
        manifest = json.loads((shared / f"facelift-parity/manifest-{kind}-full.json").read_text())
        own = {name: list(tensor.shape) for name, tensor in models.build(kind, CONFIGS[kind]).state_dict().items()}
        assert own == {name: entry["shape"] for name, entry in manifest["tensors"].items()}


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("latents/final", lambda t: t * (1 + 1e-4)),
        ("gslrm/rotation", lambda t: t.flip(1)),
        ("vae/image_latents", lambda t: t + 1e-3),
        ("text/input_ids", lambda t: t + 1),
        ("images/uint8", lambda t: t // 2),
        ("filter/cli_kept", lambda t: t[1:]),
        ("cond/prompt_embeds_file", lambda t: t * 1.01),
        ("unet_call/class_labels", lambda t: t[:6]),
    ],
)
def test_a_changed_tensor_is_found(own_record, name, change):
    change_tensor(own_record, name, change)
    assert any(name in failure for failure in failures(own_record))


def test_a_changed_ply_is_found(own_record):
    path = own_record / "parity-tiny.ply"
    content = bytearray(path.read_bytes())
    content[-100] ^= 1
    path.write_bytes(content)
    assert failures(own_record)[0] == "parity-tiny.ply of recorded"
    content[-5] ^= 255
    path.write_bytes(content)
    assert failures(own_record) == ["parity-tiny.ply of recorded", "parity-tiny.ply end to end"]


def test_what_a_record_describes_and_lacks_is_found(own_record):
    path = own_record / "parity-tiny.safetensors"
    tensors = load_file(path)
    del tensors["latents/final"]
    save_file(tensors, path)
    (own_record / "parity-tiny.ply").unlink()
    assert failures(own_record) == ["parity-tiny.ply", "latents/final"]


def test_a_record_without_its_photo_is_unusable(own_record):
    path = own_record / "parity-tiny.safetensors"
    save_file({name: tensor for name, tensor in load_file(path).items() if name != "input/image"}, path)
    with pytest.raises(RecordError, match="has no tensor input/image"):
        failures(own_record)


def test_a_missing_ply_is_compared_by_its_stated_hash(own_record):
    path, facts_path = own_record / "parity-tiny.ply", own_record / "parity-tiny.json"
    facts = json.loads(facts_path.read_text())
    facts["ply"]["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
    facts_path.write_text(json.dumps(facts))
    path.unlink()
    assert failures(own_record) == []
    facts["ply"]["sha256"] = "0" * 64
    facts_path.write_text(json.dumps(facts))
    assert failures(own_record) == ["parity-tiny.ply of recorded"]


def test_filters_without_stated_thresholds_are_the_references(own_record):
    path = own_record / "parity-tiny.json"
    facts = json.loads(path.read_text())
    del facts["filters"]
    path.write_text(json.dumps(facts))
    assert failures(own_record) == []
    change_tensor(own_record, "filter/gradio_kept", lambda t: t[:-9])
    assert failures(own_record) == ["filter/gradio_kept of recorded", "filter/gradio_kept end to end"]


def test_command_tells_by_its_exit_code(own_record, tmp_path, monkeypatch, capsys):
    # One of them as people start it; loading PyTorch takes longer than the comparison.
    good = run_parity(own_record)
    assert good.returncode == 0, good.stdout + good.stderr
    assert "latents/final" in good.stdout
    assert "not compared, the folder has no facecrop.npz" in good.stdout
    change_tensor(own_record, "latents/final", lambda t: t * 1.001)
    monkeypatch.setattr(sys, "argv", ["parity", str(own_record)])
    assert main() == 1
    lines = capsys.readouterr().out.splitlines()
    assert "DIFFERS" in next(line for line in lines if line.startswith("latents/final"))
    monkeypatch.setattr(sys, "argv", ["parity", str(tmp_path / "nowhere")])
    assert main() == 2
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.parametrize(("steps", "guidance", "eta", "seed"), [(7, 1.0, 0.0, 11), (3, 7.5, 0.5, 0), (4, 0.5, 1.0, 2)])
def test_other_sizes_and_settings(tmp_path, checkpoint_folder, steps, guidance, eta, seed):
    """Records of our own, made plainly: nothing in the comparison may be tied to the recorded case."""
    other_checkpoint(checkpoint_folder, tmp_path / "other-weights")
    case = {
        "num_inference_steps": steps,
        "guidance_scale": guidance,
        "eta": eta,
        "generator_seed": seed,
        "gslrm": {"d_head": 12},
    }
    limits = {"opacity_thres": 0.1, "scaling_thres": 0.2, "floater_thres": 0.5, "crop_bbx": [-1, 1, -1, 1, -1, 1]}
    facts = {"checkpoint": "other-weights (random)", "case": case, "filters": {"own": {"thresholds": limits}}}
    path = tmp_path / "parity-other.json"
    path.write_text(json.dumps(facts))
    picture = torch.randint(0, 256, (64, 64, 3), generator=torch.Generator().manual_seed(1)).to(torch.uint8)
    record = Record(path, facts, {"input/image": picture})
    pipeline = Pipeline(Checkpoint.open(tmp_path / "other-weights"), choices=BASELINE, head_width=12)
    own, raw = run_end_to_end(pipeline, record)
    tensors = {name: tensor.clone().contiguous() for name, tensor in own.items()} | {"input/image": picture}
    save_file(tensors, path.with_suffix(".safetensors"))
    assert failures(tmp_path) == []
    assert {f"unet_out/step{steps - 1}", "gslrm/tokens_layer1"} <= set(tensors)
    assert tensors["unet_out/step0"].shape[0] == (6 if guidance == 1.0 else 12)
    assert ("rng/draw2_variance_noise_step0" in tensors) == (eta > 0)
    assert len(raw.xyz) == 3 + 6 * 64 * 64 and set(FIELDS) == {name[6:] for name in tensors if name[6:] in FIELDS}


def test_rounding_is_told_from_mistakes():
    recorded = torch.linspace(-1, 1, 1000)
    assert compare("x", recorded * (1 + 1e-6), recorded).passed
    assert not compare("x", recorded * (1 + 1e-4), recorded).passed
    assert compare("x", recorded * (1 + 1e-4), recorded, alone=recorded).passed
    assert not compare("x", recorded, recorded, alone=recorded * (1 + 1e-4)).passed
    assert not compare("x", torch.full_like(recorded, torch.nan), recorded).passed
    half = recorded.half()
    assert compare("x", torch.nextafter(half, half + 1).where(torch.arange(1000) < 10, half), half).passed
    assert not compare("x", torch.nextafter(half, half + 1), half).passed
    pixels = torch.arange(1000).remainder(200).to(torch.uint8)
    assert compare("x", pixels + (torch.arange(1000) < 1).to(torch.uint8), pixels).passed
    assert not compare("x", pixels + 1, pixels).passed
