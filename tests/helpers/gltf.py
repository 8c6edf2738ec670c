"""glTF files that exports made, through pygltflib."""

import numpy as np

COMPONENTS = {5121: np.uint8, 5123: np.uint16, 5125: np.uint32, 5126: np.float32}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


def accessor(document, index):
    """Return an accessor's numbers [N, C], sparse ones too."""
    found = document.accessors[index]
    width = WIDTHS[found.type]

    def read(view, offset, count, kind, columns):
        view = document.bufferViews[view]
        start = (view.byteOffset or 0) + (offset or 0)
        return np.frombuffer(document.binary_blob(), kind, count * columns, start).reshape(count, columns)

    kind = COMPONENTS[found.componentType]
    values = np.zeros((found.count, width), kind)
    if found.bufferView is not None:
        values = read(found.bufferView, found.byteOffset, found.count, kind, width).copy()
    if found.sparse is not None:
        sparse = found.sparse
        rows = read(
            sparse.indices.bufferView,
            sparse.indices.byteOffset,
            sparse.count,
            COMPONENTS[sparse.indices.componentType],
            1,
        )[:, 0]
        values[rows] = read(sparse.values.bufferView, sparse.values.byteOffset, sparse.count, kind, width)
    return values


def world_matrices(document):
    """Return the [4, 4] matrix of each node of the scene."""
    from scipy.spatial.transform import Rotation

    found, waiting = {}, [(root, np.eye(4)) for root in document.scenes[document.scene].nodes]
    while waiting:
        number, above = waiting.pop()
        node, local = document.nodes[number], np.eye(4)
        local[:3, :3] = Rotation.from_quat(node.rotation or [0, 0, 0, 1]).as_matrix() * (node.scale or [1, 1, 1])
        local[:3, 3] = node.translation or [0, 0, 0]
        found[number] = above @ local
        waiting += [(child, found[number]) for child in node.children or ()]
    return found
