"""The draft engine's input: an aligned photo with landmarks and the head fitted to it."""

from __future__ import annotations

from collections.abc import Set
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np
from PIL import Image, ImageDraw
from scipy import ndimage

from ...cameras import RIG_SIZE, Camera
from ...colors import rgb_to_lab
from ...head.fitting import HeadFit
from ...head.mesh_raster import MeshMaps, rasterize_mesh
from ...head.model import HeadModel, Region
from ...photo.landmarks import BROW_TOPS, BROWS, CHIN, EYE_OUTLINES, FACE_OVAL, MOUTH_OUTLINE
from .fields import nearest_fill, nearest_place, rim_distance

HEAD_REGIONS = (Region.FACE, Region.SCALP, Region.EARS, Region.EYES, Region.LIPS, Region.TEETH, Region.MOUTH)
"""Everything but the sockets: teeth and mouth close what an open mouth leaves open."""
BODY_REGIONS = (Region.NECK, Region.TORSO)
EAR_MARGIN, EAR_IN_FACE = 5, 4
"""Pixels around the fitted ears in which the photo may show its own, and by which these reach over the face's edge."""
EAR_REACH = 14
"""Pixels around the fitted ears in which skin may be the photo's ear: fits miss ears by as much."""
LOBE = 90
"""Percentile of an ear's rows at which it ends: below that is its lobe's tip."""
CHIN_TOP, MOUTH_MARGIN = -0.22, 0.04
"""Face heights from the chin up to which it reaches, and around the mouth that do not belong to it."""
OF_OUTLINE = {"mask", "inwards", "nearest_person", "face_height", "face_oval", "chin_frame"}
"""What follows from matte and landmarks alone."""
OF_COLORS = {"lab"}
"""What follows from the colours."""
BESIDE_HEAD = 2.0
"""Pixels off the fitted head from which a pixel is none of it: it is as exact."""


@dataclass(frozen=True, eq=False)
class FittedPortrait:
    """An aligned photo, what was found in it, and the head fitted to it.

    The frame is the photo's: the world as seen through :func:`core.cameras.front_camera` with the
    photo's lens, before the head's own rotation is undone.

    Attributes:
        rgb: [512, 512, 3] float32, 0..1, foreground colours free of the background.
        alpha: [512, 512] float32, 0..1, the matte.
        landmarks: [L, 3] float32 face landmarks in pixels of the aligned photo.
        fit: The head model fitted to the landmarks.
        fine: [1024, 1024, 3] float32, the same colours at twice the resolution; None where they are not wanted,
            or the photo has no more.
    """

    rgb: np.ndarray
    alpha: np.ndarray
    landmarks: np.ndarray
    fit: HeadFit
    fine: np.ndarray | None = None

    def with_vertices(self, vertices: np.ndarray) -> FittedPortrait:
        """Return the portrait with the head's vertices [V, 3] moved."""
        other = replace(self, fit=replace(self.fit, vertices=vertices.astype(np.float32)))
        return self._tell(other, {name for name in self.__dict__ if name in OF_OUTLINE})

    def with_colors(self, rgb: np.ndarray) -> FittedPortrait:
        """Return the portrait with other colours [512, 512, 3]."""
        other = replace(self, rgb=rgb.astype(np.float32))
        # What was found out about shape and matte holds for other colours, too.
        return self._tell(other, self.__dict__.keys() - {field.name for field in fields(self)} - OF_COLORS)

    def _tell(self, other: FittedPortrait, names: Set[str]) -> FittedPortrait:
        """Return another portrait that knows of this one what holds for both."""
        other.__dict__.update({name: self.__dict__[name] for name in names})
        return other

    @property
    def camera(self) -> Camera:
        """The camera of the aligned photo."""
        return self.fit.camera

    @property
    def model(self) -> HeadModel:
        """The head model."""
        return self.fit.model

    @property
    def vertices(self) -> np.ndarray:
        """[V, 3] float32 vertices of the fitted head in the photo's frame."""
        return self.fit.vertices

    @cached_property
    def mask(self) -> np.ndarray:
        """[512, 512] bool: the person."""
        return self.alpha > 0.5

    @cached_property
    def inwards(self) -> np.ndarray:
        """[512, 512] pixels from the person's outline, 0 outside; the picture's own border is none."""
        return rim_distance(self.mask)

    @cached_property
    def nearest_person(self) -> tuple[np.ndarray, ...]:
        """Row and column [512, 512] of the person's pixel nearest to each pixel."""
        return nearest_place(self.mask)

    @cached_property
    def lab(self) -> np.ndarray:
        """[512, 512, 3] CIE L*a*b* of the colours."""
        return rgb_to_lab(self.rgb)

    @property
    def chin_row(self) -> float:
        """Row of the chin's lowest landmark."""
        return float(self.landmarks[CHIN, 1])

    @cached_property
    def face_height(self) -> float:
        """Pixels from the eyebrows to the chin: the unit of distances in the picture."""
        return self.chin_row - float(self.landmarks[list(BROW_TOPS), 1].mean())

    def polygon(self, indices: tuple[int, ...]) -> np.ndarray:
        """Return a mask [512, 512] of the polygon through some landmarks."""
        canvas = Image.new("L", (RIG_SIZE, RIG_SIZE))
        # ImageDraw counts pixel centres at integers, landmarks at half integers.
        points = [(float(x), float(y)) for x, y in self.landmarks[list(indices), :2] - 0.5]
        ImageDraw.Draw(canvas).polygon(points, fill=1)
        return np.asarray(canvas).astype(bool)

    @cached_property
    def face_oval(self) -> np.ndarray:
        """[512, 512] bool: inside the face's outline."""
        return self.polygon(FACE_OVAL)

    @cached_property
    def around_ears(self) -> np.ndarray:
        """[512, 512] bool: on the fitted ears and close around them, where the photo may show its own; not the face."""
        ears = ndimage.binary_dilation(self.region_map == Region.EARS, iterations=EAR_MARGIN)
        return ears & ~ndimage.binary_erosion(self.face_oval, iterations=EAR_IN_FACE)

    @cached_property
    def chin_frame(self) -> tuple[np.ndarray, np.ndarray]:
        """Rows below the chin [512, 1] and columns from it [1, 512], in face heights."""
        rows, columns = np.mgrid[: self.mask.shape[0], : self.mask.shape[1]].astype(np.float32)
        chin_column = float(self.landmarks[CHIN, 0])
        return (rows - self.chin_row) / self.face_height, np.abs(columns - chin_column) / self.face_height

    @cached_property
    def ear_pixels(self) -> tuple[np.ndarray, np.ndarray]:
        """Pixels and depths [E, 3] of the fitted ears' vertices: the ear at the left of the picture, and the other."""
        pixels, depths = self.camera.project(self.vertices.astype(np.float64))
        ears, right = self.model.in_regions(Region.EARS), self.model.mean[:, 0] < 0
        sides = [np.column_stack([pixels, depths])[ears & side] for side in (right, ~right)]
        first, second = sorted(sides, key=lambda ear: float(ear[:, 0].mean()))
        return first, second

    def between_ears(self, values: tuple[float, float]) -> np.ndarray:
        """Return values [512] of the picture's columns: those of the ears at left and right, and between these two."""
        columns = np.arange(self.mask.shape[1]) + 0.5
        return np.interp(columns, [ear[:, 0].mean() for ear in self.ear_pixels], values)

    @cached_property
    def ear_lobes(self) -> np.ndarray:
        """[512] how far below the chin the fitted ears end, in face heights: less than 0; one end higher if tilted."""
        left, right = (np.percentile(ear[:, 1], LOBE) for ear in self.ear_pixels)
        return (self.between_ears((left, right)) - self.chin_row) / self.face_height

    @cached_property
    def hidden_ears(self) -> tuple[bool, bool]:
        """Whether the head itself hides the person's right and left ear from the photo: it is turned."""
        right, left = (not ear.any() for ear in self.ear_maps)
        return right, left

    @property
    def at_left(self) -> np.ndarray:
        """[512] bool: the picture's columns at the left of the head's middle, where the person's right side shows."""
        middle = self.camera.project(self.fit.pose.translation[None])[0][0, 0]
        return np.arange(self.mask.shape[1]) < middle

    @property
    def hides_ear(self) -> np.ndarray:
        """[512] bool: the picture's columns on the side of a hidden ear, from the head's middle on."""
        return np.where(self.at_left, *self.hidden_ears)

    @cached_property
    def ear_places(self) -> np.ndarray:
        """[512, 512] bool: where the photo's ears may be: around the fitted ones, cheeks before them or not."""
        ears = rasterize_mesh(self.camera, self.vertices, self.triangles((Region.EARS,))).mask
        return ndimage.binary_dilation(ears, iterations=EAR_REACH)

    @cached_property
    def off_head(self) -> np.ndarray:
        """[512, 512] pixels from the fitted head; 0 on it."""
        return ndimage.distance_transform_edt(self.region_map < 0)

    @cached_property
    def facing_map(self) -> np.ndarray:
        """[512, 512] cosine between the fitted head's normals and the rays."""
        return self.on_mesh(self.facing(self.vertices, self.fit.normals))

    def on_mesh(self, values: np.ndarray) -> np.ndarray:
        """Return values of the fitted head's vertices [V, ...] as the photo sees them, [512, 512, ...]."""
        return self.mesh_maps.interpolate(self.outer_triangles, values)

    @cached_property
    def beside_jaw(self) -> np.ndarray:
        """[512, 512] bool: off the fitted head, lower than its ears and none of them: there the nape's hair shows."""
        return (self.off_head > BESIDE_HEAD) & (self.chin_frame[0] > self.ear_lobes) & ~self.ear_places

    @cached_property
    def chin_places(self) -> np.ndarray:
        """[512, 512] bool: chin and lower cheeks without the mouth: beard, where there is one."""
        inner = ndimage.binary_erosion(self.face_oval, iterations=4)
        return inner & (self.chin_frame[0] > CHIN_TOP) & ~self.features(MOUTH_MARGIN)

    def features(self, margin: float) -> np.ndarray:
        """Return eyes, eyebrows and mouth with a margin in face heights, [512, 512] bool."""
        features = np.zeros_like(self.mask)
        for outline in (*EYE_OUTLINES, *BROWS, MOUTH_OUTLINE):
            features |= self.polygon(outline)
        return ndimage.binary_dilation(features, iterations=max(1, int(margin * self.face_height)))

    def facing(self, positions: np.ndarray, normals: np.ndarray) -> np.ndarray:
        """Return the cosines [N] between unit normals [N, 3] and the rays from positions [N, 3] to the camera."""
        return self.camera.facing(positions, normals)

    def triangles(self, regions: tuple[Region, ...]) -> np.ndarray:
        """Return the triangles [T, 3] that lie in some regions with all their corners."""
        inside = self.model.in_regions(*regions)[self.model.triangles].all(1)
        return self.model.triangles[inside]

    @cached_property
    def outer_triangles(self) -> np.ndarray:
        """[T, 3] the triangles that may be seen from outside: all but the sockets."""
        return self.triangles((*HEAD_REGIONS, *BODY_REGIONS))

    @cached_property
    def mesh_maps(self) -> MeshMaps:
        """What the photo's camera sees of the fitted head, at full resolution."""
        return rasterize_mesh(self.camera, self.vertices, self.outer_triangles)

    @cached_property
    def region_map(self) -> np.ndarray:
        """[512, 512] int8: the mesh region under each pixel, -1 where there is none."""
        maps = self.mesh_maps
        corner = self.outer_triangles[np.maximum(maps.triangles, 0), 0]
        return np.where(maps.mask, self.model.regions[corner], -1).astype(np.int8)

    @cached_property
    def nearest_region(self) -> np.ndarray:
        """[512, 512] int8: the mesh region nearest to each pixel."""
        return nearest_fill(self.region_map, self.region_map >= 0)

    @property
    def on_torso(self) -> np.ndarray:
        """[512, 512] bool: on the fitted shoulders, beside a head or not, or nearer to them than to the head."""
        return self.nearest_region == Region.TORSO

    @cached_property
    def ear_maps(self) -> tuple[np.ndarray, np.ndarray]:
        """Two masks [512, 512] bool: the person's right and left ear as far as the photo can show them."""
        ears = (self.region_map == Region.EARS) & self.mask
        return ears & self.at_left, ears & ~self.at_left
