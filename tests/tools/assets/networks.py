"""Converts MediaPipe's face and person networks from the ``mediapipe`` wheel to small npz files.

The wheel carries them as TensorFlow Lite flatbuffers with float16 weights, but for the iris network, whose float32 ones
are rounded. Of the attention mesh the irises are left out, and what it found of lips and eyes close up replaces the
mesh's own points (Grishchenko et al. 2020). Each becomes one npz with two arrays: ``graph``, the UTF-8 bytes of a JSON
object, and ``weights``, all constants in one float16 vector. The JSON object has

* ``input`` and ``outputs``: the input's tensor number and the outputs' numbers by name,
* ``input_shape``: [height, width, channels]; the batch dimension is dropped everywhere,
* ``constants``: tensor number -> [offset in ``weights``, shape],
* ``operations``: in order of execution, each ``{"op", "in", "out", ...attributes}``.

:mod:`core.photo.network` runs the result. Only this module needs the ``tflite`` package.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import tflite
from flatbuffers import flexbuffers

import core.photo

from .comparison import differences

SOURCES = {
    "attention_mesh": "mediapipe/modules/face_landmark/face_landmark_with_attention.tflite",
    "face_detection": "mediapipe/modules/face_detection/face_detection_short_range.tflite",
    "face_landmarks": "mediapipe/modules/face_landmark/face_landmark.tflite",
    "iris_landmarks": "mediapipe/modules/iris_landmark/iris_landmark.tflite",
    "person_segmentation": "mediapipe/modules/selfie_segmentation/selfie_segmentation.tflite",
}
"""Name of the converted network -> its file inside the wheel."""

REFINED = {"attention_mesh": ("output_mesh_identity", ("output_lips", "output_left_eye", "output_right_eye"))}
"""Networks that see parts of their mesh again close up: the mesh's output, and those of the parts."""
SCORES = {"attention_mesh": "conv_faceflag"}
"""Their output that says whether there is a face."""
MESH = "mesh"
"""Name of the output that is put together of them."""

DATA_FOLDER = Path(core.photo.__file__).parent / "data"
NPZ_TIMESTAMP = (1980, 1, 1, 0, 0, 0)
"""Fixed, so that the same networks give the same bytes."""

ACTIVATIONS = {
    tflite.ActivationFunctionType.NONE: None,
    tflite.ActivationFunctionType.RELU: "relu",
    tflite.ActivationFunctionType.RELU6: "relu6",
}
TENSOR_TYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
}
OPERATOR_NAMES = {value: name for name, value in vars(tflite.BuiltinOperator).items() if not name.startswith("_")}


def build(wheel: Path) -> dict[str, bytes]:
    """Convert every network of :data:`SOURCES`.

    Args:
        wheel: A ``mediapipe`` wheel (made for 0.10.21).

    Returns:
        File name -> file contents; the same wheel gives the same bytes.

    Raises:
        KeyError: the wheel lacks one of the networks.
        ValueError: a network uses an operation that is not supported.
    """
    with zipfile.ZipFile(wheel) as archive:
        return {f"{name}.npz": _to_npz(*_convert(name, archive.read(path))) for name, path in SOURCES.items()}


def check(wheel: Path) -> list[str]:
    """Compare freshly converted networks with the committed ones; see :func:`.comparison.differences`."""
    return differences(build(wheel), DATA_FOLDER, wheel.name)


def _to_npz(graph: dict, weights: np.ndarray) -> bytes:
    """Pack a graph; stored rather than deflated, as zlib versions give different bytes."""
    text = json.dumps(graph, separators=(",", ":"), sort_keys=True).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, array in {"graph": np.frombuffer(text, np.uint8), "weights": weights}.items():
            member = io.BytesIO()
            np.lib.format.write_array(member, array, version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy", NPZ_TIMESTAMP), member.getvalue())
    return buffer.getvalue()


def _convert(network: str, flatbuffer: bytes) -> tuple[dict, np.ndarray]:
    """Return the JSON graph and the float16 weights of one TensorFlow Lite model."""
    model = tflite.Model.GetRootAs(flatbuffer, 0)
    source = _Source(model)
    operations = [source.operation(index) for index in range(source.graph.OperatorsLength())]
    operations = [operation for operation in operations if operation is not None]
    outputs = {source.name(int(number)): int(number) for number in source.graph.OutputsAsNumpy()}
    if network in REFINED:
        refinement = _refinement(operations, outputs, *REFINED[network])
        operations.append(refinement)
        outputs = {MESH: refinement["out"], SCORES[network]: outputs[SCORES[network]]}
    operations = _needed(operations, outputs.values())
    used = sorted({number for operation in operations for number in operation["in"] if number in source.constants})
    constants, weights, offset = {}, [], 0
    for number in used:
        values = source.constants[number]
        constants[str(number)] = [offset, list(values.shape)]
        weights.append(values.astype(np.float16).ravel())
        offset += values.size
    input_number = int(source.graph.Inputs(0))
    graph = {
        "input": input_number,
        "input_shape": source.shape(input_number),
        "outputs": outputs,
        "constants": constants,
        "operations": operations,
    }
    return graph, np.concatenate(weights)


def _needed(operations: list[dict], outputs: Iterable[int]) -> list[dict]:
    """Return the operations on which the outputs depend."""
    wanted, kept = set(outputs), []
    for operation in reversed(operations):
        if operation["out"] in wanted:
            wanted.update(operation["in"])
            kept.append(operation)
    return kept[::-1]


def _refinement(operations: list[dict], outputs: dict[str, int], mesh: str, parts: Sequence[str]) -> dict:
    """Return the operation that puts parts seen close up into their mesh: each holds the points it was cut around."""
    points = []
    for part in parts:
        (region,) = [each for each in _needed(operations, [outputs[part]]) if each["op"] == "region"]
        points.append(region["points"])
    numbers = [outputs[name] for name in (mesh, *parts)]
    return {"op": "refine", "in": numbers, "out": 1 + max(each["out"] for each in operations), "points": points}


class _Source:
    """The first subgraph of a TensorFlow Lite model, read operation by operation."""

    def __init__(self, model: tflite.Model) -> None:
        self.model = model
        self.graph = model.Subgraphs(0)
        self.constants = {}
        for number in range(self.graph.TensorsLength()):
            tensor = self.graph.Tensors(number)
            data = model.Buffers(tensor.Buffer()).DataAsNumpy()
            if isinstance(data, np.ndarray) and data.size:
                values = np.frombuffer(data.tobytes(), TENSOR_TYPES[tensor.Type()])
                self.constants[number] = values.reshape(self._full_shape(number))

    def _full_shape(self, number: int) -> list[int]:
        tensor = self.graph.Tensors(number)
        return [int(tensor.Shape(axis)) for axis in range(tensor.ShapeLength())]

    def shape(self, number: int) -> list[int]:
        """Return a tensor's shape without the batch dimension."""
        return self._full_shape(number)[1:]

    def name(self, number: int) -> str:
        """Return a tensor's name."""
        return self.graph.Tensors(number).Name().decode()

    def operation(self, index: int) -> dict | None:
        """Return operation ``index`` in the form of the module's docstring, None if it is not needed at run time."""
        operator = self.graph.Operators(index)
        code = self.model.OperatorCodes(operator.OpcodeIndex())
        name = OPERATOR_NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        if name == "CUSTOM":
            name = code.CustomCode().decode()
        inputs = [int(number) for number in operator.InputsAsNumpy()]
        outputs = [int(number) for number in operator.OutputsAsNumpy()]
        if name == "DEQUANTIZE":
            # float16 -> float32 of a weight: the runner widens all weights when it loads them.
            self.constants[outputs[0]] = self.constants[inputs[0]]
            return None
        converter = getattr(self, f"_{name.lower()}", None)
        if converter is None:
            raise ValueError(f"operation {name} is not supported")
        operation = {"in": inputs, "out": outputs[0], **converter(operator, inputs, outputs[0])}
        return {key: value for key, value in operation.items() if value is not None}

    def _padding(self, options, source: int, target: int, size: tuple[int, int]) -> list[int] | None:
        """Return explicit [top, bottom, left, right] for TensorFlow's SAME padding, None for VALID."""
        if options.Padding() == tflite.Padding.VALID:
            return None
        padding = []
        for axis, (length, stride) in enumerate(zip(size, (options.StrideH(), options.StrideW()), strict=True)):
            total = (self.shape(target)[axis] - 1) * stride + length - self.shape(source)[axis]
            padding += [max(total, 0) // 2, max(total, 0) - max(total, 0) // 2]
        return padding if any(padding) else None

    def _convolution(self, op: str, options_class, operator, inputs, output) -> dict:
        options = _options(operator, options_class)
        if options.DilationHFactor() != 1 or options.DilationWFactor() != 1:
            raise ValueError("dilated convolutions are not supported")
        size = self._full_shape(inputs[1])[1:3]
        return {
            "op": op,
            "stride": [options.StrideH(), options.StrideW()],
            "padding": self._padding(options, inputs[0], output, size),
            "activation": ACTIVATIONS[options.FusedActivationFunction()],
        }

    def _conv_2d(self, operator, inputs, output) -> dict:
        return self._convolution("conv", tflite.Conv2DOptions, operator, inputs, output)

    def _depthwise_conv_2d(self, operator, inputs, output) -> dict:
        return self._convolution("depthwise", tflite.DepthwiseConv2DOptions, operator, inputs, output)

    def _convolution2dtransposebias(self, operator, inputs, output) -> dict:
        height, width = self.shape(inputs[0])[:2]
        if self._full_shape(inputs[1])[1:3] != [2, 2] or self.shape(output)[:2] != [2 * height, 2 * width]:
            raise ValueError("only transposed convolutions of size 2 and stride 2 are supported")
        return {"op": "upsample_conv"}

    def _max_pool_2d(self, operator, inputs, output) -> dict:
        options = _options(operator, tflite.Pool2DOptions)
        size = (options.FilterHeight(), options.FilterWidth())
        if (options.StrideH(), options.StrideW()) != size or self._padding(options, inputs[0], output, size):
            raise ValueError("only max pooling in whole tiles is supported")
        return {"op": "max_pool", "size": list(size)}

    def _average_pool_2d(self, operator, inputs, output) -> dict:
        if self.shape(output)[:2] != [1, 1]:
            raise ValueError("only global average pooling is supported")
        return {"op": "global_mean"}

    def _pad(self, operator, inputs, output) -> dict:
        return {"op": "pad", "in": inputs[:1], "amounts": self.constants[inputs[1]][1:].tolist()}

    def _resize_bilinear(self, operator, inputs, output) -> dict:
        if not _options(operator, tflite.ResizeBilinearOptions).HalfPixelCenters():
            raise ValueError("only resizing with half-pixel centres is supported")
        return {"op": "resize", "in": inputs[:1], "size": self.shape(output)[:2]}

    def _reshape(self, operator, inputs, output) -> dict:
        return {"op": "reshape", "in": inputs[:1], "shape": self.shape(output)}

    def _concatenation(self, operator, inputs, output) -> dict:
        return {"op": "concatenate", "axis": _options(operator, tflite.ConcatenationOptions).Axis() - 1}

    def _add(self, operator, inputs, output) -> dict:
        activation = ACTIVATIONS[_options(operator, tflite.AddOptions).FusedActivationFunction()]
        return {"op": "add", "activation": activation}

    def _mul(self, operator, inputs, output) -> dict:
        activation = ACTIVATIONS[_options(operator, tflite.MulOptions).FusedActivationFunction()]
        return {"op": "multiply", "activation": activation}

    def _relu(self, operator, inputs, output) -> dict:
        return {"op": "relu"}

    def _prelu(self, operator, inputs, output) -> dict:
        return {"op": "prelu"}

    def _hard_swish(self, operator, inputs, output) -> dict:
        return {"op": "hard_swish"}

    def _strided_slice(self, operator, inputs, output) -> dict:
        if self.shape(output) != self.shape(inputs[0]):
            raise ValueError("only slices of everything are supported")
        return {"op": "reshape", "in": inputs[:1], "shape": self.shape(output)}

    def _landmarks2transformmatrix(self, operator, inputs, output) -> dict:
        options = _custom_options(operator)
        if options["target_rotation_radians"] != 0 or options["scale_x"] != options["scale_y"]:
            raise ValueError("only upright regions with one margin are supported")
        return {
            "op": "region",
            "points": options["subset_idxs"],
            "across": [options["left_rotation_idx"], options["right_rotation_idx"]],
            "margin": options["scale_x"],
            "size": [options["output_height"], options["output_width"]],
        }

    def _transformtensorbilinear(self, operator, inputs, output) -> dict:
        return {"op": "sample", "size": self.shape(output)[:2]}

    def _transformlandmarks(self, operator, inputs, output) -> dict:
        return {"op": "transform"}

    def _logistic(self, operator, inputs, output) -> dict:
        return {"op": "sigmoid"}


def _custom_options(operator: tflite.Operator) -> dict:
    """Return the options of one of MediaPipe's own operations."""
    return flexbuffers.Loads(operator.CustomOptionsAsNumpy().tobytes())


def _options(operator: tflite.Operator, options_class):
    """Return an operator's options as ``options_class``."""
    options = options_class()
    table = operator.BuiltinOptions()
    options.Init(table.Bytes, table.Pos)
    return options
