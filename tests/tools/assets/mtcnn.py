"""Converts MTCNN's three networks from the ``facenet-pytorch`` wheel to one small npz file.

The wheel carries them as files of PyTorch's first serialization format: a few pickles, then
the raw storages. They are read here without PyTorch and without running anything a pickle asks
for beyond a handful of names. :mod:`core.photo.mtcnn` runs the result.
"""

from __future__ import annotations

import io
import pickle
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import as_strided

import core.photo

from .comparison import differences

WHEEL_FOLDER = "facenet_pytorch/data"
FILE_NAME = "mtcnn.npz"
DATA_FOLDER = Path(core.photo.__file__).parent / "data"

NETWORKS = {
    "proposal": ("pnet", ("conv1", "conv2", "conv3"), "conv4_1", "conv4_2"),
    "refinement": ("rnet", ("conv1", "conv2", "conv3", "dense4"), "dense5_1", "dense5_2"),
    "output": ("onet", ("conv1", "conv2", "conv3", "conv4", "dense5"), "dense6_1", "dense6_2"),
}
"""Our name -> (file, hidden layers in order, layer of the probabilities, layer of the box offsets)."""
FLATTENED_SIDES = {"dense4": 3, "dense5": 3}
"""First dense layers -> width and height of the picture that they see flattened."""

LEGACY_HEADER_PICKLES = 3
"""Magic number, protocol version and system facts stand before the state dict."""


def build(wheel: Path) -> dict[str, bytes]:
    """Convert the networks.

    Args:
        wheel: A ``facenet_pytorch`` wheel (made for 2.6.0).

    Returns:
        File name -> file contents; the same wheel gives the same bytes.

    Raises:
        KeyError: the wheel lacks one of the networks or layers.
        pickle.UnpicklingError: a file is of another format.
    """
    arrays = {}
    with zipfile.ZipFile(wheel) as archive:
        for name, (file, hidden, face, box) in NETWORKS.items():
            tensors = _read_legacy_tensors(archive.read(f"{WHEEL_FOLDER}/{file}.pt"))
            for number, layer in enumerate(hidden, 1):
                arrays[f"{name}.layer{number}.weight"] = _as_convolution(tensors[f"{layer}.weight"], layer)
                arrays[f"{name}.layer{number}.bias"] = tensors[f"{layer}.bias"]
                arrays[f"{name}.layer{number}.slope"] = tensors[f"prelu{layer[-1]}.weight"]
            for ours, theirs in {"face": face, "box": box}.items():
                arrays[f"{name}.{ours}.weight"] = _as_convolution(tensors[f"{theirs}.weight"], theirs)
                arrays[f"{name}.{ours}.bias"] = tensors[f"{theirs}.bias"]
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    return {FILE_NAME: buffer.getvalue()}


def check(wheel: Path) -> list[str]:
    """Compare freshly converted networks with the committed ones; see :func:`.comparison.differences`."""
    return differences(build(wheel), DATA_FOLDER, wheel.name)


def _as_convolution(weight: np.ndarray, layer: str) -> np.ndarray:
    """Return a layer's weight as [out, height, width, in].

    A dense layer after a picture is a convolution as large as the picture; the networks flatten
    it in the order width, height, channel.
    """
    if weight.ndim == 4:
        return np.ascontiguousarray(weight.transpose(0, 2, 3, 1))
    side = FLATTENED_SIDES.get(layer, 1)
    return np.ascontiguousarray(weight.reshape(len(weight), side, side, -1).transpose(0, 2, 1, 3))


class _TensorReference:
    """What the pickle says of a tensor: storage key, then offset, shape and strides in elements."""

    def __init__(
        self, storage: str, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_training_state
    ) -> None:
        self.storage, self.offset, self.shape, self.strides = storage, offset, shape, strides

    def of(self, storages: dict[str, np.ndarray]) -> np.ndarray:
        """Return the tensor's values."""
        values = storages[self.storage][self.offset :]
        strides = tuple(values.itemsize * stride for stride in self.strides)
        return np.ascontiguousarray(as_strided(values, self.shape, strides))


PICKLE_NAMES = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _TensorReference,
    ("torch", "FloatStorage"): "float32",
}
"""What a state dict of float32 tensors is made of."""


class _StateUnpickler(pickle.Unpickler):
    """Reads a state dict's structure; refuses every name but those of :data:`PICKLE_NAMES`."""

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in PICKLE_NAMES:
            raise pickle.UnpicklingError(f"a state dict has no use for {module}.{name}")
        return PICKLE_NAMES[module, name]

    def persistent_load(self, reference: tuple) -> str:
        # ("storage", type, key, device, element count, view or None)
        return reference[2]


def _read_legacy_tensors(contents: bytes) -> dict[str, np.ndarray]:
    """Return the float32 tensors of a state dict in PyTorch's first file format."""
    stream = io.BytesIO(contents)
    for _ in range(LEGACY_HEADER_PICKLES):
        _StateUnpickler(stream).load()
    references = _StateUnpickler(stream).load()
    storages = {}
    for key in _StateUnpickler(stream).load():
        count = int.from_bytes(stream.read(8), "little")
        storages[key] = np.frombuffer(stream.read(4 * count), "<f4")
    return {name: reference.of(storages) for name, reference in references.items()}
