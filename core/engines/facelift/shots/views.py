"""Real photos as views: seen as the rig's cameras see, in the place of a generated view or beside all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ....cameras import RIG_HALF_WIDTH, RIG_SIZE, Camera, six_view_rig
from ....geometry.vectors import unit
from ....photo.alignment import Alignment
from ....photo.sampling import sample_perspective
from ..pictures import over_white, resized

LARGEST_ANGLE = 35.0
"""Degrees between a photo's direction and a generated view's up to which the photo takes its place."""
STEEPEST = 89.0
"""Degrees above or below the head up to which a camera can stand upright."""


@dataclass(frozen=True, eq=False)
class RealView:
    """A photo as a view of the reconstruction.

    Attributes:
        picture: [S, S, 3] uint8, the person over white.
        camera: Sees it, in the rig's frame; it looks at the origin, upright, and shows as much there as the rig's.
    """

    picture: np.ndarray
    camera: Camera

    def resized(self, size: int) -> RealView:
        """Return it with pictures of other pixels."""
        return RealView(resized(self.picture, size), self.camera.resized(size))


def real_view(camera: Camera, alignment: Alignment, rgba: np.ndarray) -> RealView:
    """Return a photo as a view.

    The person goes over white before anything is resampled (FaceLift specification, section 3). Turning and zooming a
    camera where it stands changes pictures by a homography: nothing is stretched, whatever the depth.

    Args:
        camera: Sees the photo's crop, in the rig's frame.
        alignment: How the photo's pixels map to the crop's.
        rgba: [H, W, 4] uint8, the photo with the person's matte as straight alpha.
    """
    view = aimed(camera)
    crop = intrinsics(camera) @ camera.c2w[:3, :3].T @ view.c2w[:3, :3] @ np.linalg.inv(intrinsics(view))
    (scale_x, scale_y), (left, top) = alignment.scale, alignment.offset
    to_photo = np.array([[1 / scale_x, 0, -left / scale_x], [0, 1 / scale_y, -top / scale_y], [0, 0, 1]]) @ crop
    return RealView(sample_perspective(over_white(rgba), to_photo, view.width, 255), view)


def aimed(camera: Camera) -> Camera:
    """Return the camera at the same place that looks at the origin as the rig's do: upright, and as much around it."""
    x, y, z = camera.position
    radius = float(np.linalg.norm(camera.position))
    elevation = float(np.clip(np.degrees(np.arctan2(z, np.hypot(x, y))), -STEEPEST, STEEPEST))
    fov = float(np.degrees(2 * np.arctan(RIG_HALF_WIDTH / radius)))
    return Camera.orbit(float(np.degrees(np.arctan2(y, x))), elevation, radius, fov, RIG_SIZE)


def intrinsics(camera: Camera) -> np.ndarray:
    """Return the matrix [3, 3] from directions in the camera's axes to pixels."""
    return np.array([[camera.fx, 0, camera.cx], [0, camera.fy, camera.cy], [0, 0, 1]])


def replaced_views(cameras: Sequence[Camera]) -> list[int | None]:
    """Return which generated view each photo takes the place of, None where it comes beside them.

    It is the one nearest to the photo's direction; of several photos near one view, the nearest takes it. The front
    view stays: it is the portrait.
    """
    between = angles(cameras, six_view_rig())
    taken: dict[int, int] = {}
    for photo in np.argsort(between.min(axis=1), kind="stable").tolist():
        view = int(between[photo].argmin())
        if view and view not in taken and between[photo, view] <= LARGEST_ANGLE:
            taken[view] = photo
    views = {photo: view for view, photo in taken.items()}
    return [views.get(photo) for photo in range(len(cameras))]


def angles(cameras: Sequence[Camera], others: Sequence[Camera]) -> np.ndarray:
    """Return the degrees [N, M] between the directions in which cameras stand, as seen from the origin."""
    first, second = (unit(np.stack([one.position for one in each])) for each in (cameras, others))
    return np.degrees(np.arccos(np.clip(first @ second.T, -1, 1)))


@dataclass(frozen=True, eq=False)
class Arrangement:
    """What the reconstruction is to see.

    Attributes:
        views: [V, S, S, 3] uint8: the rig's, photos among them, then photos beside them, the most telling first.
        cameras: One for each.
        replaced: Which of the rig's views each photo took the place of, None where it comes beside them.
        beside: Numbers of the photos beside the rig's views, in the order of ``views``.
    """

    views: np.ndarray
    cameras: tuple[Camera, ...]
    replaced: tuple[int | None, ...] = ()
    beside: tuple[int, ...] = ()

    def first(self, count: int) -> Arrangement:
        """Return the first so many views; the rig's six are always among them."""
        count = max(count, len(self.views) - len(self.beside))
        kept = self.beside[: count - (len(self.views) - len(self.beside))]
        return Arrangement(self.views[:count], self.cameras[:count], self.replaced, kept)

    @property
    def left_out(self) -> tuple[int, ...]:
        """Numbers of the photos that are none of the views."""
        return tuple(photo for photo, view in enumerate(self.replaced) if view is None and photo not in self.beside)


def arranged(generated: np.ndarray, photos: Sequence[RealView]) -> Arrangement:
    """Return the generated views [6, S, S, 3] uint8 and real photos as the reconstruction is to see them."""
    size = generated.shape[1]
    views, cameras = list(generated), list(six_view_rig(size))
    if not photos:
        return Arrangement(generated, tuple(cameras))
    photos = [photo.resized(size) for photo in photos]
    replaced = replaced_views([photo.camera for photo in photos])
    for photo, view in zip(photos, replaced, strict=True):
        if view is not None:
            views[view], cameras[view] = photo.picture, photo.camera
    beside = [number for number, view in enumerate(replaced) if view is None]
    if beside:
        # What no other view shows tells most.
        nearest = angles([photos[number].camera for number in beside], cameras).min(axis=1)
        beside = [beside[place] for place in np.argsort(-nearest, kind="stable")]
    views += [photos[number].picture for number in beside]
    cameras += [photos[number].camera for number in beside]
    return Arrangement(np.stack(views), tuple(cameras), tuple(replaced), tuple(beside))
