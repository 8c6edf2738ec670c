"""Kinds of photo files that cameras, scanners and other programs write: huge, cut off, planar, floats, HEIC."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.errors import PhotoError
from core.photo import decode as decode_module
from core.photo import reduction, tiff
from core.photo.decode import decode

SIZE = (120, 80)


def gradients() -> np.ndarray:
    """A picture without two equal pixels nearby, [80, 120, 3] float 0..1."""
    y, x = np.mgrid[0 : SIZE[1], 0 : SIZE[0]]
    return np.dstack([x / (SIZE[0] - 1), y / (SIZE[1] - 1), 0.5 + 0.4 * np.sin(x / 9) * np.cos(y / 7)])


def as_bytes(values: np.ndarray) -> np.ndarray:
    return np.rint(values * 255).astype(np.uint8)


def encoded(picture: Image.Image, format_name: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format_name, **options)
    return buffer.getvalue()


def tiff_of(values: np.ndarray, **options) -> bytes:
    """Write a TIFF with tifffile."""
    tifffile = pytest.importorskip("tifffile")
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, values, metadata=None, **options)
    return buffer.getvalue()


def difference(data: bytes, expected: np.ndarray, name: str = "a.tif") -> float:
    """Largest difference of a decoded file and values 0..1."""
    return float(np.abs(decode(data, name).rgba[..., :3] / 255 - expected).max())


# --- JPEG -----------------------------------------------------------------------------------


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_a_jpeg_without_its_end_marker_is_read(mode, progressive):
    whole = encoded(Image.fromarray(as_bytes(gradients())).convert(mode), "JPEG", progressive=progressive)
    assert whole.endswith(b"\xff\xd9")
    np.testing.assert_array_equal(decode(whole[:-2], "a.jpg").rgba, decode(whole, "a.jpg").rgba)


@pytest.mark.parametrize("missing", [10, 100, 1000])
def test_a_jpeg_without_its_last_pixels_is_refused(missing):
    noise = np.random.default_rng(1).integers(0, 256, (160, 160, 3), np.uint8)
    whole = encoded(Image.fromarray(noise), "JPEG")
    with pytest.raises(PhotoError) as caught:
        decode(whole[:-missing], "a.jpg")
    assert caught.value.code == "damaged-photo"


def test_shared_cases(shared):
    phone = decode((shared / "cases" / "photo-200mp-phone.jpg").read_bytes(), "phone.jpg")
    assert phone.rgba.shape == (3072, 4096, 4)
    assert "200 megapixels" in phone.notes[0]
    cut = (shared / "cases" / "photo-jpeg-without-end-marker.jpg").read_bytes()
    assert decode(cut, "cut.jpg").rgba.shape == (128, 128, 4)
    planar = (shared / "cases" / "photo-tiff-16bit-planar.tif").read_bytes()
    truth = pytest.importorskip("tifffile").imread(io.BytesIO(planar))
    assert difference(planar, np.moveaxis(truth, 0, 2) / 65535) < 1 / 250


# --- little memory --------------------------------------------------------------------------

HUGE = (16000, 12500)
MEASURE = """
import sys, resource
from pathlib import Path
from core.photo.decode import decode
data = Path(sys.argv[1]).read_bytes()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
photo = decode(data, "huge")
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, *photo.rgba.shape, *photo.rgba[0, 0], photo.notes[0])
"""


@pytest.mark.once
@pytest.mark.skipif(sys.platform == "win32", reason="measures with a module that Windows lacks")
@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "TIFF"])
def test_200_megapixels_need_little_memory(tmp_path, format_name):
    """At once they would take 800 MB."""
    picture = Image.new("RGB", HUGE, (200, 120, 40))
    options = {"PNG": {"compress_level": 1}, "TIFF": {"compression": "tiff_lzw"}}.get(format_name, {})
    path = tmp_path / "huge"
    picture.save(path, format_name, **options)
    del picture
    root = Path(__file__).resolve().parents[2]
    result = subprocess.run([sys.executable, "-c", MEASURE, path], cwd=root, capture_output=True, text=True, check=True)
    kilobytes, height, width, _, red, green, blue, alpha, *_note = result.stdout.split()
    assert (int(height), int(width)) == (3200, 4096)
    np.testing.assert_allclose([int(red), int(green), int(blue), int(alpha)], (200, 120, 40, 255), atol=2)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(kilobytes) * unit < 450e6
    assert "200 megapixels" in result.stdout


@pytest.mark.parametrize("factor", [1, 3])
@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P", "I;16"])
def test_a_png_in_bands_is_the_png(mode, factor, monkeypatch):
    monkeypatch.setattr(reduction, "BAND_BYTES", 3000)
    colors = as_bytes(gradients())
    picture = {
        "P": lambda: Image.fromarray(colors).quantize(60),
        "I;16": lambda: Image.fromarray(colors[..., 0].astype(np.uint16) * 257),
        "RGBA": lambda: Image.fromarray(np.dstack([colors, colors[..., 0]])),
    }.get(mode, lambda: Image.fromarray(colors).convert(mode))()
    reduced = reduction.reduced_png(encoded(picture, "PNG"), factor)
    whole = {"P": lambda: picture.convert("RGB"), "I;16": lambda: Image.fromarray(colors[..., 0])}.get(
        mode, lambda: picture
    )()
    # Bands begin at multiples of their own height, so that averages may differ by rounding.
    np.testing.assert_allclose(np.squeeze(reduced), np.asarray(whole.reduce(factor)), atol=0 if factor == 1 else 2)


def test_a_16_bit_rgb_png_in_bands(monkeypatch):
    """Pillow can't write one: the file is put together by hand, with a filter that looks at the row before."""
    monkeypatch.setattr(reduction, "BAND_BYTES", 3000)
    values = np.rint(gradients() * 65535).astype(">u2")
    rows = values.reshape(SIZE[1], -1).view(np.uint8)
    above = np.vstack([np.zeros_like(rows[:1]), rows[:-1]])
    filtered = b"".join(b"\2" + row.tobytes() for row in rows - above)
    header = struct.pack(">IIBBBBB", *SIZE, 16, 2, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(filtered)), (b"IEND", b""))
    data = reduction.SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks
    )
    assert np.abs(reduction.reduced_png(data, 1) / 255 - gradients()).max() < 1 / 250
    with pytest.raises(EOFError):
        reduction.reduced_png(data[: len(data) // 2], 1)


def test_a_transparent_png_in_bands_keeps_its_holes(monkeypatch):
    monkeypatch.setattr(decode_module, "LARGE_PIXELS", 1000)
    monkeypatch.setattr(reduction, "BAND_BYTES", 3000)
    picture = Image.fromarray(as_bytes(gradients())).quantize(16)
    whole = picture.convert("RGBA")
    data = encoded(picture, "PNG", transparency=picture.getpixel((3, 3)))
    photo = decode(data, "a.png")
    assert photo.has_alpha
    np.testing.assert_array_equal(photo.rgba[..., 3] == 0, np.asarray(picture) == picture.getpixel((3, 3)))
    opaque = photo.rgba[..., 3] == 255
    np.testing.assert_array_equal(photo.rgba[opaque], np.asarray(whole)[opaque])


# --- TIFF -----------------------------------------------------------------------------------


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("tile", [None, (32, 32)])
@pytest.mark.parametrize("planar", ["contig", "separate"])
@pytest.mark.parametrize("kind", ["uint8", "uint16", "uint32", "int16", "float16", "float32", "float64"])
def test_every_layout_of_a_tiff(kind, planar, tile, compression):
    truth = gradients()
    top = 1 if kind.startswith("float") else np.iinfo(kind).max
    values = (truth * top).astype(kind) if top == 1 else np.rint(truth * top).astype(kind)
    values = values if planar == "contig" else np.moveaxis(values, 2, 0)
    for byteorder in "<>":
        data = tiff_of(
            values, photometric="rgb", planarconfig=planar, tile=tile, compression=compression, byteorder=byteorder
        )
        assert difference(data, truth) < 1 / 200


@pytest.mark.parametrize("kind", ["uint16", "uint32"])
def test_a_tiff_of_differences(kind):
    values = np.rint(gradients() * np.iinfo(kind).max).astype(kind)
    planar = tiff_of(
        np.moveaxis(values, 2, 0), photometric="rgb", planarconfig="separate", compression="zlib", predictor=True
    )
    assert difference(planar, gradients()) < 1 / 250


@pytest.mark.parametrize("options", [{"compression": "tiff_lzw"}, {"compression": "tiff_adobe_deflate"}])
def test_floats_as_differences(options):
    """Pillow's libtiff writes the floating-point predictor."""
    grey = gradients()[..., 2].astype(np.float32)
    data = encoded(Image.fromarray(grey), "TIFF", tiffinfo={tiff.PREDICTOR: 3}, **options)
    assert difference(data, grey[..., None]) < 1 / 250


@pytest.mark.parametrize("rows", [1, 7, 80])
def test_strips_are_taken_band_by_band(rows, monkeypatch):
    monkeypatch.setattr(tiff, "BAND_BYTES", 5000)
    values = gradients().astype(np.float32)
    for compression in (None, "zlib"):
        data = tiff_of(values, photometric="rgb", rowsperstrip=rows, compression=compression)
        assert difference(data, gradients()) < 1 / 250
        separate = tiff_of(
            np.moveaxis(values, 2, 0),
            photometric="rgb",
            planarconfig="separate",
            rowsperstrip=rows,
            compression=compression,
        )
        assert difference(separate, gradients()) < 1 / 250


def test_bigtiff_with_alpha_and_orientation():
    alpha = np.tile(np.linspace(0, 1, SIZE[0]), (SIZE[1], 1))
    values = np.dstack([gradients(), alpha]).astype(np.float32)
    tags = [(tiff.ORIENTATION, "H", 1, 6, True)]
    data = tiff_of(values, photometric="rgb", bigtiff=True, extrasamples=["unassalpha"], extratags=tags)
    photo = decode(data, "a.tif")
    assert photo.has_alpha
    expected = np.rot90(values, -1)
    np.testing.assert_allclose(photo.rgba / 255, expected, atol=1 / 250)


def test_light_beyond_white_is_brought_in():
    """High-range pictures are linear: a grey of 0.18 is 118 in sRGB, and a lamp of 40 still tells bright from white."""
    light = np.full((80, 120, 3), 0.18, np.float32)
    light[:10, :10] = 40
    light[:10, 10:20] = 2
    light[70:] = np.nan
    photo = decode(tiff_of(light, photometric="rgb"), "hdr.tif")
    np.testing.assert_allclose(photo.rgba[40, 60, :3], 118, atol=2)
    assert photo.rgba[5, 5, 0] > photo.rgba[5, 15, 0] > 225
    assert "beyond white" in photo.notes[0]
    dim = decode(tiff_of(light * 1000, photometric="rgb"), "units.tif")
    assert 90 < dim.rgba[40, 60, 0] < 200, "other units of light are exposed"


def test_uncommon_tiffs_say_what_they_are():
    values = np.zeros((80, 120, 3), np.uint16)
    lab = tiff_of(np.moveaxis(values, 2, 0), photometric="rgb", planarconfig="separate")
    lab = lab.replace(struct.pack("<HHII", 262, 3, 1, 2), struct.pack("<HHII", 262, 3, 1, 32845))
    raw = tiff_of(as_bytes(gradients()), photometric="rgb", extratags=[(tiff.DNG_VERSION, "B", 4, (1, 4, 0, 0), True)])
    with pytest.raises(PhotoError, match="camera raw") as caught:
        decode(raw, "a.dng")
    assert caught.value.code == "unsupported-format"
    with pytest.raises(PhotoError) as caught:
        decode(lab, "a.tif")
    assert caught.value.code in ("unsupported-format", "not-an-image")


def test_damaged_tiffs_never_escape_as_another_error():
    generator = np.random.default_rng(3)
    originals = [
        tiff_of(gradients().astype(np.float32), photometric="rgb", compression="zlib"),
        tiff_of(np.rint(np.moveaxis(gradients(), 2, 0) * 65535).astype(np.uint16), photometric="rgb"),
    ]
    for original in originals:
        for _ in range(60):
            data = bytearray(original)
            for position in generator.integers(0, 330, 5):
                data[position] = generator.integers(0, 256)
            try:
                assert decode(bytes(data), "a.tif").rgba.dtype == np.uint8
            except PhotoError as error:
                assert error.advice
        with pytest.raises(PhotoError):
            decode(original[: len(original) // 3], "a.tif")


# --- HEIC -----------------------------------------------------------------------------------


def heic_of(picture: Image.Image, **options) -> bytes:
    """Write a HEIC file with pillow-heif, which has an encoder; our reader's package has none."""
    writer = pytest.importorskip("pillow_heif")
    buffer = io.BytesIO()
    writer.from_pillow(picture).save(buffer, quality=95, chroma=444, **options)
    return buffer.getvalue()


def test_heic_is_read():
    truth = as_bytes(gradients())
    photo = decode(heic_of(Image.fromarray(truth)), "IMG_0001.HEIC")
    assert not photo.has_alpha
    assert np.abs(photo.rgba[..., :3].astype(int) - truth).mean() < 3


def test_a_turned_heic_is_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    truth = as_bytes(gradients())
    photo = decode(heic_of(Image.fromarray(truth), exif=exif.tobytes()), "IMG_0002.HEIC")
    assert np.abs(photo.rgba[..., :3].astype(int) - np.rot90(truth, -1)).mean() < 3


def test_a_damaged_heic_is_told():
    data = heic_of(Image.fromarray(as_bytes(gradients())))
    with pytest.raises(PhotoError):
        decode(data[: len(data) // 2], "a.heic")
