"""Closed lids of the astronaut's bound splats: tone and grain of the skin around, lashes along the edge."""

import numpy as np
import pytest
from scipy import ndimage

from core.avatar.base_mesh import BaseMesh
from core.avatar.binding import bind, is_added, rest_mesh
from core.avatar.deformation import deform
from core.avatar.gaps import front_edge, openings
from core.avatar.lid_skin import LidSkin
from core.avatar.patches import LUMA
from core.cameras import Camera
from core.head.model import Region
from core.rasterize import render
from core.splats import attributes as names
from core.splats.parts import Part
from core.splats.spherical_harmonics import from_colors
from tests.helpers.avatar import astronaut_base
from tests.helpers.draft import astronaut_head

EYES = ("eyeBlinkLeft", "eyeBlinkRight")
SIZE, FIELD_OF_VIEW = 300, 15


def middle(base: BaseMesh) -> np.ndarray:
    return base.shown[base.model.in_regions(Region.EYES)].mean(axis=0)


def around_eyes(change):
    """The splats around the eyes, their colours [N, 3] changed by a function of these and of their places in metres."""
    base, whole = astronaut_base(), astronaut_head()[0].gaussians
    near = np.linalg.norm(whole.means - middle(base), axis=1) < 0.12 * base.pose.scale
    some = whole.select(near)
    places = (some.means - middle(base)) @ base.pose.rotation / base.pose.scale
    return some.replace(sh=from_colors(np.clip(change(some.colors, places), 0, 1)))


def blinking(bound):
    """The vertices with both eyes closed, and the splats there."""
    base = astronaut_base()
    expression = base.expression.copy()
    expression[[base.model.expression_names.index(name) for name in EYES]] = 1
    vertices = base.vertices(expression)
    return vertices, deform(bound, rest_mesh(base), vertices, openings(base, vertices))


def picture(splats):
    """A picture [SIZE, SIZE, 3] of the eyes from the front, and its camera."""
    move = np.eye(4)
    move[:3, 3] = middle(astronaut_base())
    camera = Camera.orbit(-90, 0, radius=2.7, fov=FIELD_OF_VIEW, size=SIZE).moved(move)
    return render(splats, camera).image, camera


def lid_and_cheek(vertices, camera):
    """Squares of pixels on a closed lid and under the eye, for each eye."""
    base = astronaut_base()
    for sign in (-1, 1):
        ball = base.model.in_regions(Region.EYES) & (np.sign(base.model.mean[:, 0]) == sign)
        x, y = camera.project(vertices[ball].mean(axis=0)[None])[0][0].astype(int)
        yield np.s_[y - 8 : y + 6, x - 12 : x + 12], np.s_[y + 34 : y + 48, x - 12 : x + 12]


def fine(image):
    """The standard deviation of what is finer than two pixels, against the mean."""
    luma = image @ LUMA
    return (luma - ndimage.gaussian_filter(luma, 2)).std() / luma.mean()


def test_lids_have_the_grain_of_the_photo():
    def grainy(colors, places):
        # One value for each square of 1.2 mm, as grain lies in a photo.
        cells = np.floor(places[:, [0, 2]] / 0.0012).astype(int) % 997
        grain = np.random.default_rng(0).standard_normal((997, 997))[cells[:, 0], cells[:, 1]]
        return 0.6 * colors * (1 + 0.2 * grain)[:, None]

    for change, low, high in ((grainy, 0.6, 1.2), (lambda colors, places: 0 * colors + [0.7, 0.5, 0.4], 0, 0)):
        bound = bind(around_eyes(change), astronaut_base())
        lids = bound.select(is_added(bound) & (bound.parts == Part.SKIN))
        assert len(lids) > 5000
        vertices, closed = blinking(bound)
        # Lashes are a structure of their own.
        image, camera = picture(closed.select(~(is_added(bound) & (bound.parts == Part.EYES))))
        for lid, cheek in lid_and_cheek(vertices, camera):
            assert low * fine(image[cheek]) <= fine(image[lid]) <= high * fine(image[cheek]) + 0.006


@pytest.mark.parametrize("shade", [0.25, 1.0])
def test_lids_have_the_tone_of_the_light_and_of_a_photo_without_colour(shade):
    """One side of the face in shadow; black and white."""

    def lit(colors, places):
        grey = np.repeat((colors @ LUMA)[:, None], 3, axis=1)
        return grey * np.where(places[:, :1] > 0, shade, 1)

    bound = bind(around_eyes(lit), astronaut_base())
    added = bound.select(is_added(bound) & np.isin(bound.parts, (Part.SKIN, Part.EYES)))
    assert np.ptp(added.colors, axis=1).max() < 0.01
    vertices, closed = blinking(bound)
    image, camera = picture(closed)
    means = [[image[square].mean() for square in squares] for squares in lid_and_cheek(vertices, camera)]
    for lid, cheek in means:
        assert 0.7 < lid / cheek < 1.1
    assert means[1][0] / means[0][0] == pytest.approx(shade, rel=0.2)


@pytest.mark.parametrize("eye", [0, 1])
def test_lashes_hang_from_the_closed_lids_edge(eye):
    base = astronaut_base()
    bound = bind(around_eyes(lambda colors, places: colors), base)
    vertices, closed = blinking(bound)
    lashes = is_added(bound) & (bound.parts == Part.EYES) & (bound.extras[names.BIND_OPENING][:, 1 + eye] > 0)
    lids = is_added(bound) & (bound.parts == Part.SKIN) & (bound.extras[names.BIND_OPENING][:, 1 + eye] > 0)
    assert lashes.sum() > 100 and (closed.opacities[lashes] > 0.1).all()
    assert (bound.colors[lashes] @ LUMA).max() < 0.6 * (bound.colors[lids] @ LUMA).mean()
    # They are thin, and lie before the edge and below it, as it is when the eye is closed.
    scales = np.sort(closed.scales[lashes], axis=1) / base.pose.scale
    assert (scales[:, 2] > 2 * scales[:, 1]).mean() > 0.9 and scales[:, 1].max() < 0.0003
    edge = vertices[front_edge(base.model, EYES[eye])]
    places, edge = (
        (points - middle(base)) @ base.pose.rotation / base.pose.scale for points in (closed.means[lashes], edge)
    )
    apart = np.linalg.norm(places[:, None] - edge, axis=2).min(axis=1)
    assert apart.max() < 0.009 and places[:, 2].mean() < edge[:, 2].mean() - 0.001
    assert places[:, 1].mean() < edge[:, 1].mean()


def test_an_eye_without_skin_around_gets_no_lid():
    assert not LidSkin(np.full((1, 2), 0.05), np.ones((1, 3)), np.zeros((4, 2))).seen
    base = astronaut_base()
    hair = around_eyes(lambda colors, places: colors)
    bound = bind(hair.replace(parts=np.full(len(hair), Part.HAIR, np.int8)), base)
    assert not (is_added(bound) & (bound.parts != Part.MOUTH)).any()
    assert (bound.extras[names.BIND_OPENING][:, 1:] == 0).all()


def test_the_plainest_skin_gives_its_grain():
    """Half of the skin has stripes as wide as brows: the grain is the other half's."""
    places = np.stack(np.meshgrid(*[np.arange(-0.06, 0.06, 0.0005)] * 2, indexing="ij"), axis=2).reshape(-1, 2)
    places = places[np.abs(places).max(axis=1) > 0.012]
    random = np.random.default_rng(2)
    striped = (places[:, 1] > 0) * 0.25 * np.sign(np.sin(places[:, 1] * 2 * np.pi / 0.012))
    noise = 0.04 * random.choice([-1, 1], len(places))
    colors = np.repeat((0.6 * (1 + striped + noise))[:, None], 3, axis=1)
    lid = np.stack(np.meshgrid(np.arange(-0.012, 0.012, 0.0006), np.arange(-0.008, 0.006, 0.0006)), axis=2)
    found = LidSkin(places, colors, lid.reshape(-1, 2)).colors()[:, 0]
    assert np.percentile(np.abs(found / found.mean() - 1), 95) < 0.12
    assert 0.02 < found.std() / found.mean() < 0.07
