"""USD files as other programs lay them out: axes, units, transforms, half precision, several prims."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from core import formats
from core.errors import FormatError
from tests.helpers.format import assert_near
from tests.helpers.gaussian import random_gaussians

pytest.importorskip("pxr")

GAUSSIANS = random_gaussians(6, 1)


def _array(values: np.ndarray) -> str:
    rows = np.atleast_1d(values).tolist()
    return (
        "["
        + ", ".join("(" + ", ".join(map(repr, row)) + ")" if isinstance(row, list) else repr(row) for row in rows)
        + "]"
    )


def _prim(name: str, gaussians=GAUSSIANS, half: str = "", extra: str = "", **without) -> str:
    """A splat prim in USD's text form; ``without`` leaves attributes away."""
    kinds = {"": ("point3f", "quatf", "float3", "float"), "h": ("point3h", "quath", "half3", "half")}[half]
    lines = {
        "positions": f"{kinds[0]}[] positions{half} = {_array(gaussians.means)}",
        "orientations": f"{kinds[1]}[] orientations{half} = {_array(gaussians.rotations)}",
        "scales": f"{kinds[2]}[] scales{half} = {_array(gaussians.scales)}",
        "opacities": f"{kinds[3]}[] opacities{half} = {_array(gaussians.opacities)}",
        "degree": f"uniform int radiance:sphericalHarmonicsDegree = {gaussians.sh_degree}",
        "coefficients": f"{kinds[2]}[] radiance:sphericalHarmonicsCoefficients{half} = "
        + _array(gaussians.sh.reshape(-1, 3)),
    }
    body = "\n".join(line for key, line in lines.items() if key not in without)
    return f'def ParticleField3DGaussianSplat "{name}" {{\n{body}\n{extra}\n}}\n'


def _read(body: str, head: str = 'upAxis = "Z"'):
    return formats.loads(f"#usda 1.0\n(\n{head}\n)\n{body}".encode(), ".usda")


def _code(data: bytes, suffix: str = ".usda") -> str:
    with pytest.raises(FormatError) as caught:
        formats.loads(data, suffix)
    assert caught.value.message.endswith(".") and caught.value.advice.endswith(".")
    return caught.value.code


def test_text_written_by_hand_is_read():
    assert_near(GAUSSIANS, _read(_prim("a")), angle=1e-6)


def test_half_precision_is_read_where_there_is_no_other():
    tolerances = {"means": 2e-3, "log_scales": 2e-3, "angle": 4e-3, "opacities": 1e-3, "base": 2e-3, "higher": 2e-3}
    assert_near(GAUSSIANS, _read(_prim("a", half="h")), **tolerances)
    both = _prim("a", extra="half[] opacitiesh = [0, 0, 0, 0, 0, 0]")
    assert_near(GAUSSIANS, _read(both), angle=1e-6)


def test_axes_and_units_are_converted():
    y_up = _read(_prim("a"), 'upAxis = "Y"')
    x, y, z = GAUSSIANS.means.T
    np.testing.assert_allclose(y_up.means, np.stack([x, -z, y], axis=1), atol=1e-6)
    turn = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    np.testing.assert_allclose(y_up.covariances(), turn @ GAUSSIANS.covariances() @ turn.T, atol=1e-5)
    centimetres = _read(_prim("a"), 'upAxis = "Z"\nmetersPerUnit = 0.01')
    np.testing.assert_allclose(centimetres.means, GAUSSIANS.means / 100, rtol=1e-5)
    np.testing.assert_allclose(centimetres.scales, GAUSSIANS.scales / 100, rtol=1e-5)


def test_transforms_of_parents_place_the_splats():
    body = (
        'def Xform "parent" {\ndouble3 xformOp:translate = (1, 2, 3)\nfloat3 xformOp:scale = (2, 2, 2)\n'
        'uniform token[] xformOpOrder = ["xformOp:translate", "xformOp:scale"]\n'
        + _prim("a", extra='float xformOp:rotateZ = 90\nuniform token[] xformOpOrder = ["xformOp:rotateZ"]')
        + "}\n"
    )
    x, y, z = GAUSSIANS.means.T
    back = _read(body)
    np.testing.assert_allclose(back.means, np.stack([-y, x, z], axis=1) * 2 + [1, 2, 3], atol=1e-5)
    np.testing.assert_allclose(back.scales, GAUSSIANS.scales * 2, rtol=1e-5)


def test_all_prims_are_read_and_inactive_ones_left_out():
    inactive = _prim("c").replace('"c" {', '"c" (active = false) {')
    assert len(_read(_prim("a") + _prim("b", random_gaussians(3)) + inactive)) == 9


def test_absent_and_short_columns_get_the_schemas_defaults():
    bare = _read(_prim("a", orientations=0, scales=0, opacities=0, degree=0, coefficients=0))
    assert (bare.rotations == [1, 0, 0, 0]).all() and (bare.scales == 1).all() and (bare.opacities == 1).all()
    np.testing.assert_allclose(bare.colors, 0.5)
    short = _read(_prim("a", opacities=0, extra="float[] opacities = [0.5, 0.5]"))
    assert (short.opacities == 1).all()
    long = _read(_prim("a", opacities=0, extra="float[] opacities = [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 7]"))
    assert (long.opacities == 0.5).all()


def test_primvars_become_parts_and_extra_columns():
    extra = (
        "int[] primvars:part = [1, 2, 3, 4, 5, 99]\n"
        'float[] primvars:heat = [1, 2, 3, 4, 5, 6] (interpolation = "vertex")\n'
        'string[] primvars:label = ["a", "b", "c", "d", "e", "f"]\n'
        "float3[] primvars:flow = " + _array(np.arange(18.0).reshape(6, 3)) + "\nfloat[] primvars:few = [1, 2]\n"
    )
    back = _read(_prim("a", extra=extra))
    assert back.parts.tolist() == [1, 2, 3, 4, 5, 0]
    assert set(back.extras) == {"heat", "flow"}
    assert back.extras["flow"].tolist() == np.arange(18.0).reshape(6, 3).tolist()


def test_other_files_are_named():
    assert _code(b"") == _code(b"ply\n") == "usd-header"
    assert _code(b"#usda 1.0\ndef {") == "usd-damaged"
    assert _code(b'#usda 1.0\ndef Sphere "a" {}\n') == "usd-not-splats"
    bad = _prim("a", random_gaussians(6).replace(means=np.full((6, 3), np.inf)))
    assert _code(f"#usda 1.0\n{bad}".encode()) == "usd-not-finite"
    flat = _prim("a", extra='float3 xformOp:scale = (0, 1, 1)\nuniform token[] xformOpOrder = ["xformOp:scale"]')
    assert _code(f"#usda 1.0\n{flat}".encode()) == "usd-damaged"


def test_cut_files_are_named():
    for suffix in (".usdc", ".usdz"):
        data = formats.dumps(GAUSSIANS, suffix)
        for share in (0.3, 0.6):
            assert _code(data[: int(share * len(data))], suffix) in ("usd-damaged", "usd-not-splats", "usd-header")


def test_references_cannot_multiply_the_splats():
    positions = _array(np.zeros((20_000, 3), int)).replace(" ", "")
    field = f'def ParticleField3DGaussianSplat "a" {{\npoint3f[] positions = {positions}\n}}\n'
    references = "".join(f'def "r{i}" (references = </a>) {{}}\n' for i in range(400))
    assert _code(f"#usda 1.0\n{field}{references}".encode()) == "usd-too-large"


@pytest.mark.parametrize("suffix", (".usda", ".usdc", ".usdz"))
def test_damaged_files_end_in_format_errors(suffix):
    """Some of these make Pixar's reader crash or take all memory: it must not happen in this process."""
    good = formats.dumps(random_gaussians(5, 1), suffix)
    generator = np.random.default_rng(1)
    for _ in range(8):
        data = np.frombuffer(good, np.uint8).copy()
        data[generator.integers(len(data), size=3)] = generator.choice([0, 255, 77], 3)
        try:
            back = formats.loads(data.tobytes(), suffix)
        except FormatError as error:
            assert error.code != FormatError.code
        else:
            assert np.isfinite(back.means).all()


def test_no_file_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    formats.loads(formats.dumps(GAUSSIANS, ".usdz"), ".usdz")
    _code(b"#usda 1.0\ndef {")
    assert not list(Path(tmp_path).iterdir())
