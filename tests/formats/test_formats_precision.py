"""Every format gives back what it was given, to its own precision."""

from __future__ import annotations

import io
import math
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core import formats
from core.formats import gltf, spz
from core.formats.axes import Axes, from_ours
from core.formats.ply.compressed import spatial_order
from core.gaussians import Gaussians
from core.splats import spherical_harmonics as harmonics
from tests.helpers.format import angles, assert_near, splats, within_range
from tests.helpers.gaussian import random_gaussians

BYTE = 0.5 / 255
ANGLES = {2: 0.25, 3: 0.005, 4: 0.005}
"""Radians by SPZ version: 8 bits of three values with the fourth derived, 10 bits of the smallest three."""


def _spz(gaussians: Gaussians, version: int) -> bytes:
    stream = io.BytesIO()
    spz.encode(gaussians, stream, version=version)
    return stream.getvalue()


def _read(data: bytes) -> Gaussians:
    """What an SPZ file holds, in its own axes."""
    return from_ours(spz.decode(io.BytesIO(data)).gaussians, Axes.Y_UP)


def _needs(suffix: str) -> None:
    if suffix.startswith(".usd"):
        pytest.importorskip("pxr")


@settings(max_examples=60)
@given(gaussians=splats(degrees=(0,)))
def test_splat(gaussians):
    back = formats.loads(formats.dumps(gaussians, ".splat"), ".splat")
    colors = np.clip(gaussians.colors, 0, 1)
    expected = gaussians.replace(sh=harmonics.from_colors(colors))
    assert_near(expected, back, angle=2 / 128, opacities=BYTE, base=BYTE / harmonics.C0)
    np.testing.assert_array_equal(back.means, gaussians.means)


@settings(max_examples=60)
@given(gaussians=splats(), version=st.sampled_from(spz.VERSIONS))
def test_spz(gaussians, version):
    gaussians = within_range(gaussians)
    gaussians = gaussians.replace(scales=np.clip(gaussians.scales, 4.6e-5, 370))
    back = _read(_spz(gaussians, version))
    assert_near(
        gaussians,
        back,
        # 2^-16, or coarser as far as the farthest position takes bits from the fraction.
        means=max(2.0**-17, np.abs(gaussians.means).max() * 2.0**-23),
        log_scales=1 / 32 + 1e-4,
        angle=ANGLES[version],
        opacities=BYTE,
        base=BYTE / 0.15 + 1e-6,
        higher=1 / 256,
    )
    # What was quantised once stays as it is.
    assert_near(back, _read(_spz(back, version)), angle=ANGLES[version], log_scales=1e-4, base=1e-6)


@settings(max_examples=60)
@given(gaussians=splats(largest=256))
def test_compressed_ply(gaussians):
    gaussians = gaussians.select(spatial_order(gaussians.means))
    back = formats.loads(formats.dumps(gaussians, ".compressed.ply", axes=Axes.Z_UP))
    logs = np.log(gaussians.scales)
    assert_near(
        gaussians.replace(sh=np.concatenate([gaussians.sh[:, :1], np.clip(gaussians.sh[:, 1:], -3.98, 3.98)], axis=1)),
        back,
        # A single chunk: 10 bits at the coarsest between the lowest and the highest value.
        means=np.ptp(gaussians.means, axis=0).max() * (0.5 / 1023 + 1e-6) + 1e-7,
        log_scales=np.ptp(logs, axis=0).max() * 0.5 / 1023 + 1e-5,
        angle=0.005,
        opacities=BYTE,
        base=np.ptp(gaussians.colors, axis=0).max() * BYTE / harmonics.C0 + 1e-6,
        higher=8 / 512 + 1e-5,
    )


def _assert_kept(gaussians: Gaussians, suffix: str) -> None:
    back = formats.loads(formats.dumps(gaussians, suffix), suffix)
    # Rounding of float32 while axes are turned there and back.
    assert_near(gaussians, back, angle=1e-6, higher=3e-6)
    np.testing.assert_array_equal(gaussians.means, back.means)
    np.testing.assert_array_equal(gaussians.opacities, back.opacities)


@settings(max_examples=40)
@given(gaussians=splats(), suffix=st.sampled_from((".glb", ".gltf")))
def test_gltf_keeps_everything(gaussians, suffix):
    _assert_kept(gaussians, suffix)


@settings(max_examples=12)
@given(gaussians=splats(), suffix=st.sampled_from((".usda", ".usdc", ".usdz", ".usd")))
def test_usd_keeps_everything(gaussians, suffix):
    _needs(suffix)
    _assert_kept(gaussians, suffix)


@pytest.mark.parametrize("suffix", (".ply", ".glb", ".gltf", ".usda", ".usdc", ".usdz"))
def test_parts_and_extra_columns_are_kept(suffix):
    _needs(suffix)
    gaussians = random_gaussians(
        9,
        1,
        parts=np.arange(9) % 8,
        extras={
            "heat": np.arange(9, dtype=np.uint8),
            "Mixed_Case": np.linspace(-3, 4, 9, dtype=np.float32),
            "signed": np.arange(-4, 5, dtype=np.int16),
        },
    )
    back = formats.loads(formats.dumps(gaussians, suffix), suffix)
    np.testing.assert_array_equal(back.parts, gaussians.parts)
    assert set(back.extras) == set(gaussians.extras)
    for name, column in gaussians.extras.items():
        np.testing.assert_array_equal(back.extras[name], column)


@pytest.mark.parametrize("suffix", (".glb", ".gltf", ".usda", ".usdc", ".usdz"))
def test_columns_of_several_values_and_odd_names_are_kept_as_far_as_possible(suffix):
    _needs(suffix)
    extras = {
        "vector": np.arange(12, dtype=np.float32).reshape(4, 3),
        "wide": np.arange(24, dtype=np.float32).reshape(4, 6),
        "odd name:1": np.arange(4, dtype=np.float32),
        "odd name.1": np.arange(4, dtype=np.float32) + 10,
        "1st": np.array([True, False, True, True]),
        "long": np.arange(4, dtype=np.int64),
        "part": np.full(4, 3.0, np.float32),
    }
    back = formats.loads(formats.dumps(random_gaussians(4, extras=extras), suffix), suffix)
    np.testing.assert_array_equal(back.extras["vector"], extras["vector"])
    wide = back.extras.get("wide")
    wide = np.stack([back.extras[f"wide_{i}"] for i in range(6)], axis=1) if wide is None else wide
    np.testing.assert_array_equal(wide, extras["wide"])
    odd = [np.asarray(column) for name, column in back.extras.items() if name.startswith("odd")]
    assert sorted(column[0] for column in odd) == [0, 10]
    assert any(np.array_equal(column, extras["1st"]) for column in back.extras.values() if column.ndim == 1)
    np.testing.assert_array_equal(back.extras["long"], extras["long"])


@pytest.mark.parametrize("suffix", (".glb", ".usdc"))
def test_columns_that_are_no_numbers_are_refused(suffix):
    _needs(suffix)
    with pytest.raises(ValueError, match="label"):
        formats.dumps(random_gaussians(2, extras={"label": np.array(["a", "b"])}), suffix)


@pytest.mark.parametrize("decode_own", (lambda g: _read(_spz(g, 4)), None))
def test_the_face_looks_to_minus_y_here_and_to_plus_z_there(decode_own):
    """Positions, ellipsoids and the colours seen from every side turn together."""
    gaussians = within_range(random_gaussians(30, 3, size=0.1))
    if decode_own is None:
        own = gltf.decode(io.BytesIO(formats.dumps(gaussians, ".glb"))).gaussians
    else:
        own = _read(formats.dumps(gaussians, ".spz", version=4))
    there = np.array([[1, 0, 0], [0, 0, 1], [0, -1, 0]])
    np.testing.assert_allclose(own.means, gaussians.means @ there.T, atol=1e-5)
    np.testing.assert_array_equal(there @ [0, -1, 0], [0, 0, 1])
    covariances = there @ gaussians.covariances() @ there.T
    sizes = np.linalg.norm(covariances, axis=(1, 2))
    assert (np.linalg.norm(own.covariances() - covariances, axis=(1, 2)) / sizes).max() < 0.08
    directions = np.random.default_rng(0).normal(size=(30, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    here = harmonics.evaluate(gaussians.sh, directions)
    np.testing.assert_allclose(harmonics.evaluate(own.sh, directions @ there.T), here, atol=0.15)


def test_the_chunks_of_compressed_files_are_neighbours():
    gaussians = random_gaussians(2000, 1)
    data = formats.dumps(gaussians, ".compressed.ply", axes=Axes.Z_UP)
    assert b"element chunk 8\n" in data
    back = formats.loads(data)
    ordered = gaussians.select(spatial_order(gaussians.means))
    errors = np.abs(back.means - ordered.means).max(axis=0)
    assert (errors < np.ptp(gaussians.means, axis=0) * 0.5 / 1023 * 0.8).all()


def test_positions_of_spz_use_the_bits_that_there_are():
    for reach, bits in ((0.3, 16), (100, 16), (200, 15), (2000, 12), (5e6, 0)):
        gaussians = random_gaussians(2).replace(means=[[0, 0, 0], [reach, -reach, reach / 3]])
        data = _spz(gaussians, 4)
        assert struct.unpack_from("<B", data, 13)[0] == bits
        assert np.abs(_read(data).means - gaussians.means).max() <= max(0.5 * 2.0**-bits, reach * 2e-7)
    far = _read(_spz(random_gaussians(1).replace(means=[[9e9, -9e9, 1.0]]), 3))
    np.testing.assert_array_equal(far.means, [[2**23 - 1, 1 - 2**23, 1]])


def test_no_splats():
    empty = random_gaussians(0, 1)
    for suffix in (".ply", ".compressed.ply", ".spz"):
        assert len(formats.loads(formats.dumps(empty, suffix), suffix)) == 0
    for version in spz.VERSIONS:
        assert len(_read(_spz(empty, version))) == 0
    with pytest.raises(formats.FormatError) as caught:
        formats.dumps(empty, ".glb")
    assert caught.value.code == "gltf-empty"


def test_options_are_described_and_wrong_ones_are_refused():
    (version,) = formats.format_of("head.SPZ").options
    assert version.default == 3 and {value for value, _ in version.choices} == set(spz.VERSIONS)
    sizes = {value: len(formats.dumps(random_gaussians(300), ".spz", version=value)) for value, _ in version.choices}
    assert sizes[2] < sizes[3]
    with pytest.raises(ValueError, match="7"):
        formats.dumps(random_gaussians(1), ".spz", version=7)


def test_suffixes_name_their_formats():
    assert formats.format_of("a.b.compressed.PLY").id == "compressed-ply"
    assert formats.format_of("compressed.ply").id == "ply"
    assert formats.format_of(".glb").label == "glTF Binary"
    assert len(set(formats.readable_suffixes())) == len(formats.readable_suffixes())
    assert set(formats.writable_suffixes()) <= set(formats.readable_suffixes())
    assert len({item.id for item in formats.FORMATS}) == len(formats.FORMATS)


def test_rotations_are_compared_well():
    """The comparison of rotations itself: q and -q are equal, a known angle is found."""
    half = math.radians(10) / 2
    a = random_gaussians(2).replace(rotations=[[1, 0, 0, 0], [-1, 0, 0, 0]])
    b = a.replace(rotations=[[math.cos(half), math.sin(half), 0, 0], [1, 0, 0, 0]])
    np.testing.assert_allclose(np.degrees(angles(a, b)), [10, 0], atol=1e-3)
