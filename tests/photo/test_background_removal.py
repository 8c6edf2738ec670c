"""Removing the background with and without rembg."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core.photo import background_removal
from core.photo.background_removal import remove_background
from core.photo.prepare import find_faces
from tests.helpers.photo import astronaut


@pytest.fixture
def picture() -> np.ndarray:
    rgb = np.zeros((60, 80, 3), np.uint8)
    rgb[10:50, 20:60] = (250, 120, 30)
    return rgb


@pytest.fixture
def rembg_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """An empty place for rembg's networks."""
    pytest.importorskip("rembg")
    pytest.importorskip("onnxruntime")
    for name in ("U2NET_HOME", "REMBG_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    background_removal._session.cache_clear()
    yield tmp_path
    background_removal._session.cache_clear()


def save_network(path: Path) -> None:
    """Write a network of rembg's interface that takes the red channel for the mask."""
    onnx = pytest.importorskip("onnx")
    helper, floats = onnx.helper, onnx.TensorProto.FLOAT
    weight = helper.make_tensor("weight", floats, (1, 3, 1, 1), [1.0, 0.0, 0.0])
    graph = helper.make_graph(
        [helper.make_node("Conv", ["picture", "weight"], ["mask"])],
        "red",
        [helper.make_tensor_value_info("picture", floats, (1, 3, 320, 320))],
        [helper.make_tensor_value_info("mask", floats, (1, 1, 320, 320))],
        [weight],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, str(path))


@pytest.mark.parametrize("place", ["rembg/models/u2net/u2net.onnx", ".u2net/u2net.onnx"])
def test_rembg_is_used_where_its_network_is(rembg_home, picture, place):
    save_network(rembg_home / place)
    rgba, notes = remove_background(picture, None)
    assert rgba.shape == (60, 80, 4)
    assert rgba[30, 40, 3] > 240
    assert rgba[2, 2, 3] == 0
    assert "rembg" in notes[0]


def test_rembg_never_fetches_its_network(rembg_home, picture):
    assert "not on this computer" in background_removal.rembg_missing()
    remove_background(picture, None)
    assert not list(rembg_home.rglob("*"))


def test_damaged_network_falls_back_with_a_note(rembg_home):
    path = rembg_home / ".u2net" / "u2net.onnx"
    path.parent.mkdir()
    path.write_bytes(b"no network")
    rgb = astronaut()
    rgba, notes = remove_background(rgb, find_faces(rgb)[0][1])
    assert 0.1 < (rgba[..., 3] > 128).mean() < 0.9
    assert "rembg failed" in notes[0]


def test_rembg_cannot_end_the_program(monkeypatch, picture):
    def leave(_rgb):
        raise SystemExit(1)

    monkeypatch.setattr(background_removal, "rembg_missing", lambda: None)
    monkeypatch.setattr(background_removal, "_with_rembg", leave)
    rgba, _ = remove_background(picture, None)
    assert rgba.shape == (60, 80, 4)


def test_built_in_matte_is_used_elsewhere(monkeypatch):
    monkeypatch.setattr(background_removal, "rembg_missing", lambda: "rembg is not installed")
    rgb = astronaut()
    rgba, notes = remove_background(rgb, find_faces(rgb)[0][1])
    np.testing.assert_array_equal(rgba[..., :3], rgb)
    assert rgba[130, 225, 3] == 255, "the face"
    assert 0.1 < (rgba[..., 3] > 128).mean() < 0.9
    assert "built-in" in notes[0]


def test_background_stays_without_a_face(monkeypatch, picture):
    monkeypatch.setattr(background_removal, "rembg_missing", lambda: "rembg is not installed")
    rgba, notes = remove_background(picture, None)
    assert (rgba[..., 3] == 255).all()
    assert "background stays" in notes[0]
