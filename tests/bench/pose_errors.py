"""How far cameras that were found around a head are from where they stood.

Found cameras are those of crops, in the frame of a fitted head of an unknown size; true ones are those of whole photos,
in the truth's own. Both frames are laid over each other by the portrait: its camera sees the head in one place of its
picture. Along that camera's rays the head's size stays open (a near small head looks like a far large one): it is
taken as it fits all other photos best. What is left over is told in the photos, where it matters: by how much places
of the true head are missed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import least_squares
from scipy.spatial.transform import Rotation

from core.cameras import Camera
from core.photo.alignment import Alignment

HEAD_HEIGHT = 1.15
"""World units from chin to crown of the true heads, whose middle is the origin."""
HEAD_EXTENT = (0.4, 0.5, HEAD_HEIGHT / 2)
"""Half of what they measure along x, y and z."""
PORTRAIT_WEIGHT = 30.0
"""By which the portrait's picture counts more than the others' where both frames are laid over each other."""


@dataclass(frozen=True, eq=False)
class SeenHead:
    """A photo: the camera found, and the true one, both of the same crop; the rotation [3, 3] that is to be found."""

    found: Camera
    true: Camera
    true_rotation: np.ndarray

    @classmethod
    def of(cls, found: Camera, true: Camera, alignment: Alignment) -> SeenHead:
        """Return a photo by the true camera of the whole of it.

        What is found looks at the crop's middle: the true rotation is that of a camera that does, too. Where in its
        photo a head lies does not count as a turn.
        """
        (across, down), (right, below) = alignment.scale, alignment.offset
        middle = (true.cx * across + right, true.cy * down + below)
        size = (found.width, found.height)
        cropped = Camera(*size, true.fx * across, true.fy * down, *middle, true.c2w)
        ahead = np.array([(found.cx - cropped.cx) / cropped.fx, (found.cy - cropped.cy) / cropped.fy, 1.0])
        return cls(found, cropped, true.c2w[:3, :3] @ _towards(ahead))


@dataclass(frozen=True)
class PoseError:
    """By how much a photo is placed wrongly.

    Attributes:
        turn: Degrees between the found and the true rotation against the portrait.
        places: Root mean square distance in the picture of places all over the head from where they are truly seen,
            in percent of the head's height there.
        centre: The same of the head's middle alone.
        size: Percent by which the head is seen too large.
        lens: Percent by which the found focal length is too long: with the right size, the camera is too far away by
            as much.
    """

    turn: float
    places: float
    centre: float
    size: float
    lens: float


def pose_errors(portrait: SeenHead, others: list[SeenHead]) -> list[PoseError]:
    """Return the error of each of the other photos."""
    matrix = _common_frame(portrait, others)
    return [_error(portrait, each, matrix) for each in others]


def turn_error(portrait: SeenHead, seen: SeenHead) -> float:
    """Return by how many degrees a camera is turned wrongly against the portrait's."""
    own = seen.found.c2w[:3, :3].T @ portrait.found.c2w[:3, :3]
    other = seen.true_rotation.T @ portrait.true_rotation
    return float(np.degrees(np.linalg.norm(Rotation.from_matrix(own @ other.T).as_rotvec())))


def _towards(ahead: np.ndarray) -> np.ndarray:
    """Return the rotation [3, 3] that takes the z axis into a direction by the shortest way."""
    ahead = ahead / np.linalg.norm(ahead)
    axis = np.cross([0.0, 0.0, 1.0], ahead)
    sine = float(np.linalg.norm(axis))
    return Rotation.from_rotvec(axis / max(sine, 1e-12) * np.arcsin(min(sine, 1.0))).as_matrix()


def _places() -> np.ndarray:
    """Return places all over a true head [26, 3]: where rays to the corners of a grid leave an ellipsoid."""
    grid = np.stack(np.meshgrid(*[(-1.0, 0.0, 1.0)] * 3), axis=-1).reshape(-1, 3)
    grid = grid[grid.any(1)]
    return grid / np.linalg.norm(grid, axis=1, keepdims=True) * HEAD_EXTENT


def _common_frame(portrait: SeenHead, others: list[SeenHead]) -> np.ndarray:
    """Return the similarity [4, 4] from the true frame to the found one."""
    # The start: both portraits' cameras lie in one place, the head is seen as large.
    ratio = _depth(portrait.true) / portrait.true.fx * portrait.found.fx / _depth(portrait.found)
    turn = Rotation.from_matrix(portrait.found.c2w[:3, :3] @ portrait.true.c2w[:3, :3].T)

    def residuals(values: np.ndarray) -> np.ndarray:
        matrix = _similarity(values)
        missed = [_missed(each, matrix) for each in (portrait, *others)]
        return np.concatenate([PORTRAIT_WEIGHT * missed[0].ravel(), *(each.ravel() for each in missed[1:])])

    start = np.concatenate([turn.as_rotvec(), np.zeros(3), [-np.log(ratio)]])
    return _similarity(least_squares(residuals, start, x_scale=[0.1] * 3 + [0.1] * 3 + [0.1]).x)


def _similarity(values: np.ndarray) -> np.ndarray:
    matrix = np.eye(4)
    matrix[:3, :3] = np.exp(values[6]) * Rotation.from_rotvec(values[:3]).as_matrix()
    matrix[:3, 3] = values[3:6]
    return matrix


def _depth(camera: Camera) -> float:
    """Return the distance of the origin along a camera's axis."""
    return float(camera.to_camera(np.zeros((1, 3)))[0, 2])


def _missed(seen: SeenHead, matrix: np.ndarray) -> np.ndarray:
    """Return by how many pixels places of the true head are missed, [26, 2]."""
    places = _places()
    return seen.found.project(places @ matrix[:3, :3].T + matrix[:3, 3])[0] - seen.true.project(places)[0]


def _error(portrait: SeenHead, seen: SeenHead, matrix: np.ndarray) -> PoseError:
    height = HEAD_HEIGHT * seen.true.fy / _depth(seen.true)
    missed = _missed(seen, matrix)
    seen_places = seen.true.project(_places())[0]
    around = seen_places - seen_places.mean(0)
    centred = missed - missed.mean(0)
    middle = seen.found.project(matrix[None, :3, 3])[0] - seen.true.project(np.zeros((1, 3)))[0]
    return PoseError(
        turn=turn_error(portrait, seen),
        places=float(100 * np.sqrt((missed**2).sum(1).mean()) / height),
        centre=float(100 * np.linalg.norm(middle) / height),
        size=float(100 * (centred * around).sum() / (around**2).sum()),
        lens=float(100 * (seen.found.fx / seen.true.fx - 1)),
    )
