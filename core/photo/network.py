"""Runs the converted networks of ``core/photo/data`` with numpy alone."""

from __future__ import annotations

import json
from collections import Counter
from functools import cache
from pathlib import Path

import numpy as np

from .operations import OPERATIONS

DATA_FOLDER = Path(__file__).resolve().parent / "data"


class Network:
    """A feed-forward network; see :mod:`tests.tools.assets.networks` for the file's form.

    Args:
        path: An npz file made by ``tests/tools/assets/networks.py``.

    Attributes:
        input_shape: (height, width, channels) of the input.
    """

    def __init__(self, path: Path) -> None:
        with np.load(path, allow_pickle=False) as data:
            graph = json.loads(data["graph"].tobytes())
            weights = data["weights"].astype(np.float32)
        self.input_shape: tuple[int, int, int] = tuple(graph["input_shape"])
        self._input: int = graph["input"]
        self._outputs: dict[str, int] = graph["outputs"]
        self._constants = {
            int(number): weights[offset : offset + int(np.prod(shape))].reshape(shape)
            for number, (offset, shape) in graph["constants"].items()
        }
        self._operations = []
        for operation in graph["operations"]:
            attributes = {key: value for key, value in operation.items() if key not in ("op", "in", "out")}
            self._operations.append((OPERATIONS[operation["op"]], operation["in"], operation["out"], attributes))

    def __call__(self, image: np.ndarray) -> dict[str, np.ndarray]:
        """Run the network.

        Args:
            image: Float array of :attr:`input_shape`, in the value range the network was trained for.

        Returns:
            Output arrays by name, float32, without batch dimension.

        Raises:
            ValueError: ``image`` has another shape.
        """
        if image.shape != self.input_shape:
            raise ValueError(f"the network wants {self.input_shape}, got {image.shape}")
        values = {**self._constants, self._input: np.ascontiguousarray(image, np.float32)}
        waiting = Counter(number for _, inputs, _, _ in self._operations for number in inputs)
        keep = {*self._constants, *self._outputs.values()}
        for function, inputs, output, attributes in self._operations:
            values[output] = function(*(values[number] for number in inputs), **attributes)
            for number in inputs:
                waiting[number] -= 1
                if not waiting[number] and number not in keep:
                    # Intermediate pictures are large: drop each after its last use.
                    del values[number]
        return {name: values[number] for name, number in self._outputs.items()}


@cache
def load_network(name: str) -> Network:
    """Return a committed network by its file name without suffix; loaded once.

    ``load_network.cache_clear()`` frees the weights' memory.
    """
    return Network(DATA_FOLDER / f"{name}.npz")
