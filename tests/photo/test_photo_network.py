"""The numpy network runner against LiteRT, and the converter against the committed files."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.photo import operations
from core.photo.network import DATA_FOLDER, load_network
from tests.helpers.photo import astronaut

NETWORKS = ("attention_mesh", "face_detection", "face_landmarks", "iris_landmarks", "person_segmentation")
IN_LITERT = NETWORKS[1:]
"""The attention mesh has operations of MediaPipe's own."""
RECORDED = Path(__file__).resolve().parents[1] / "data" / "attention-mesh.npz"
SOURCES = Path(__file__).resolve().parents[2] / "build" / "sources"
TOLERANCES = {
    **{"regressors": 2e-3, "classificators": 2e-3, "conv2d_21": 2e-3, "conv2d_31": 1e-3, "activation_10": 1e-3},
    **{"output_iris": 2e-2, "output_eyes_contours_and_brows": 2e-2},
}
"""Regressors, logits and landmarks are in pixels or of that size (up to about 200). The iris network's weights are
rounded to float16, which moves its points by up to about a hundredth of a pixel of 64."""


@pytest.fixture(scope="module")
def wheel() -> Path:
    """The networks' source, as ``python build.py assets`` downloads it; skip where it was not."""
    found = sorted(SOURCES.glob("mediapipe-0.10.21*.whl"))
    if not found:
        pytest.skip("mediapipe-0.10.21 is not in build/sources; 'python build.py assets' downloads it")
    return found[0]


def test_networks_are_small():
    sizes = [(DATA_FOLDER / f"{name}.npz").stat().st_size for name in NETWORKS]
    assert sum(sizes) < 5_000_000


def test_attention_mesh_agrees_with_mediapipe():
    recorded = np.load(RECORDED)
    network = load_network("attention_mesh")
    for picture, expected in zip(recorded["pictures"], recorded["landmarks"], strict=True):
        found = network(picture / np.float32(255))
        np.testing.assert_allclose(found["mesh"], expected[:468], atol=2e-3, rtol=0)
        assert found["conv_faceflag"] > 5


def test_parts_beyond_a_picture_s_border_are_empty():
    picture = np.ones((8, 8, 2), np.float32)
    beside = np.eye(4, dtype=np.float32)
    beside[0, 3] = 5
    drawn = operations.sample(picture, beside, size=(8, 8))
    np.testing.assert_array_equal(drawn[:, :3], 1)
    np.testing.assert_array_equal(drawn[:, 3:], 0)


@pytest.mark.parametrize("name", IN_LITERT)
def test_network_agrees_with_litert(name, wheel):
    interpreter_module = pytest.importorskip("ai_edge_litert.interpreter")
    networks = pytest.importorskip("tests.tools.assets.networks")
    with zipfile.ZipFile(wheel) as archive:
        model = archive.read(networks.SOURCES[name])
    network = load_network(name)
    height, width, _ = network.input_shape
    face = Image.fromarray(astronaut()).crop((120, 20, 340, 240)).resize((width, height))
    picture = np.asarray(face, np.float32) / 255
    if name == "face_detection":
        picture = picture * 2 - 1
    interpreter = interpreter_module.Interpreter(model_content=model, num_threads=1)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], picture[None])
    interpreter.invoke()
    ours = network(picture)
    for output in interpreter.get_output_details():
        expected = interpreter.get_tensor(output["index"])[0]
        np.testing.assert_allclose(ours[output["name"]], expected, atol=TOLERANCES[output["name"]], rtol=0)


def test_conversion_reproduces_the_committed_files(wheel):
    networks = pytest.importorskip("tests.tools.assets.networks")
    assert networks.check(wheel) == []


def test_wrong_input_shape_is_refused():
    with pytest.raises(ValueError, match="wants"):
        load_network("face_detection")(np.zeros((64, 64, 3), np.float32))


@pytest.mark.parametrize(
    ("kernel", "stride", "padding"), [(1, 1, None), (1, 2, None), (3, 2, [0, 1, 0, 1]), (5, 1, [2, 2, 2, 2])]
)
def test_convolutions_agree_with_direct_sums(kernel, stride, padding):
    generator = np.random.default_rng(0)
    picture = generator.normal(size=(12, 15, 4)).astype(np.float32)
    weight = generator.normal(size=(6, kernel, kernel, 4)).astype(np.float32)
    bias = generator.normal(size=6).astype(np.float32)
    options = {"stride": [stride, stride], "padding": padding}
    padded = np.pad(picture, ((0, 0), (0, 0), (0, 0)) if padding is None else (padding[:2], padding[2:], (0, 0)))
    rows = (padded.shape[0] - kernel) // stride + 1
    columns = (padded.shape[1] - kernel) // stride + 1
    windows = np.array(
        [
            [padded[y * stride : y * stride + kernel, x * stride : x * stride + kernel] for x in range(columns)]
            for y in range(rows)
        ]
    )
    expected = np.einsum("yxijc,oijc->yxo", windows, weight) + bias
    np.testing.assert_allclose(operations.conv(picture, weight, bias, **options), expected, atol=1e-4)
    expected = np.einsum("yxijc,ijc->yxc", windows, weight[0]) + bias[:4]
    np.testing.assert_allclose(operations.depthwise(picture, weight[:1], bias[:4], **options), expected, atol=1e-4)


def test_sigmoid_does_not_overflow():
    values = operations.sigmoid(np.array([-1e4, 0, 1e4], np.float32))
    np.testing.assert_allclose(values, [0, 0.5, 1])


@pytest.mark.parametrize("kernel", [1, 3])
def test_several_arrays_are_convolved_as_each_alone(kernel):
    generator = np.random.default_rng(0)
    arrays = generator.normal(size=(2, 3, 9, 8, 4)).astype(np.float32)
    weight, bias = (generator.normal(size=shape).astype(np.float32) for shape in ((5, kernel, kernel, 4), (5,)))
    together = operations.conv(arrays, weight, bias, stride=(2, 1))
    alone = [operations.conv(array, weight, bias, stride=(2, 1)) for array in arrays.reshape(6, 9, 8, 4)]
    np.testing.assert_allclose(together.reshape(6, *alone[0].shape), alone, rtol=1e-5, atol=1e-5)
