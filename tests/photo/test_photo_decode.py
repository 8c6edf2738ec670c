"""Photos as people have them."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageCms, features

from core.errors import PhotoError
from core.photo import decode as decode_module
from core.photo.decode import MAX_SIDE, decode, from_array

WIDTH, HEIGHT = 96, 64
COLORS = {"red": (220, 40, 30), "green": (30, 200, 60)}


def two_halves() -> Image.Image:
    """A picture that is red on top and green below."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), COLORS["red"])
    picture.paste(COLORS["green"], (0, HEIGHT // 2, WIDTH, HEIGHT))
    return picture


def encoded(picture: Image.Image, format_name: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format_name, **options)
    return buffer.getvalue()


def code_of(data: bytes, name: str = "photo.jpg") -> str:
    with pytest.raises(PhotoError) as caught:
        decode(data, name)
    assert caught.value.message.endswith(".")
    assert caught.value.advice.endswith(".")
    return caught.value.code


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation_is_undone(orientation):
    upright = two_halves()
    stored = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }.get(orientation, [])
    picture = upright
    for step in stored:
        picture = picture.transpose(step)
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = decode(encoded(picture, "JPEG", quality=95, exif=exif), "folder/photo.jpg")
    assert photo.rgba.shape == (HEIGHT, WIDTH, 4)
    assert photo.name == "photo.jpg"
    np.testing.assert_allclose(photo.rgba[8, 48, :3], COLORS["red"], atol=6)
    np.testing.assert_allclose(photo.rgba[56, 48, :3], COLORS["green"], atol=6)


def test_cmyk_jpeg_becomes_rgb():
    photo = decode(encoded(two_halves().convert("CMYK"), "JPEG", quality=95), "print.jpg")
    np.testing.assert_allclose(photo.rgba[8, 48], (*COLORS["red"], 255), atol=8)


def test_embedded_profile_is_applied():
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    lab = ImageCms.profileToProfile(two_halves(), ImageCms.createProfile("sRGB"), profile, outputMode="LAB")
    data = encoded(lab, "TIFF", icc_profile=profile.tobytes())
    np.testing.assert_allclose(decode(data, "lab.tif").rgba[8, 48, :3], COLORS["red"], atol=6)


def test_broken_profile_is_ignored():
    data = encoded(two_halves(), "PNG", icc_profile=b"this is no colour profile")
    np.testing.assert_array_equal(decode(data, "a.png").rgba[8, 48, :3], COLORS["red"])


def test_alpha_is_kept_straight():
    picture = two_halves().convert("RGBA")
    picture.putalpha(Image.linear_gradient("L").resize((WIDTH, HEIGHT)))
    photo = decode(encoded(picture, "PNG"), "a.png")
    assert photo.has_alpha
    np.testing.assert_array_equal(photo.rgba, np.asarray(picture))


def test_grey_with_alpha():
    photo = decode(encoded(Image.new("LA", (WIDTH, HEIGHT), (77, 128)), "PNG"), "a.png")
    np.testing.assert_array_equal(photo.rgba[0, 0], (77, 77, 77, 128))


def test_palette_with_a_transparent_colour():
    picture = two_halves().quantize(8)
    green = picture.getpixel((0, HEIGHT - 1))
    photo = decode(encoded(picture, "PNG", transparency=green), "a.png")
    assert photo.has_alpha
    assert photo.rgba[8, 8, 3] == 255
    assert photo.rgba[-1, 8, 3] == 0
    np.testing.assert_allclose(photo.rgba[8, 8, :3], COLORS["red"], atol=8)


def test_palette_without_transparency_is_opaque():
    assert not decode(encoded(two_halves().quantize(8), "GIF"), "a.gif").has_alpha


def test_16_bit_grey_png():
    values = np.linspace(0, 65535, WIDTH * HEIGHT).reshape(HEIGHT, WIDTH).astype(np.uint16)
    photo = decode(encoded(Image.fromarray(values), "PNG"), "a.png")
    np.testing.assert_allclose(photo.rgba[..., 0], values / 257, atol=1)
    assert not photo.has_alpha


def test_16_bit_rgb_png():
    """Pillow can't write one: the file is put together by hand."""
    values = np.zeros((HEIGHT, WIDTH, 3), ">u2")
    values[...] = np.array(COLORS["red"]) * 257

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.tobytes() for row in values)
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 16, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    np.testing.assert_allclose(decode(data, "a.png").rgba[8, 8, :3], COLORS["red"], atol=1)


def test_animation_gives_its_first_frame():
    frames = [Image.new("RGB", (WIDTH, HEIGHT), color) for color in COLORS.values()]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    np.testing.assert_allclose(decode(data, "a.gif").rgba[8, 8, :3], COLORS["red"], atol=8)


def test_100_megapixels_are_scaled_down():
    data = encoded(Image.new("RGB", (12000, 8400), COLORS["green"]), "JPEG")
    photo = decode(data, "huge.jpg")
    assert max(photo.rgba.shape) <= MAX_SIDE
    assert photo.rgba.shape[1] / photo.rgba.shape[0] == pytest.approx(12000 / 8400, rel=1e-3)
    assert "101 megapixels" in photo.notes[0]


def test_decompression_bomb_is_refused():
    data = bytearray(encoded(two_halves(), "PNG"))
    data[16:24] = struct.pack(">II", 60000, 60000)
    data[29:33] = struct.pack(">I", zlib.crc32(bytes(data[12:29])))
    assert code_of(bytes(data)) == "photo-too-large"


def test_empty_file():
    assert code_of(b"") == "empty-file"


def test_text_named_jpg():
    assert code_of(b"Dear diary, today I took no photo.\n" * 9) == "not-an-image"


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("format_name", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_truncated_files(format_name, share):
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    data = encoded(Image.fromarray(noise), format_name)
    assert code_of(data[: int(len(data) * share)]) in ("damaged-photo", "not-an-image")


def test_random_damage_never_escapes_as_another_error():
    generator = np.random.default_rng(7)
    for format_name in ("JPEG", "PNG", "TIFF", "GIF", "BMP"):
        original = encoded(two_halves(), format_name)
        for _ in range(40):
            data = bytearray(original)
            for position in generator.integers(0, min(len(data), 400), 6):
                data[position] = generator.integers(0, 256)
            try:
                assert decode(bytes(data), "a").rgba.dtype == np.uint8
            except PhotoError as error:
                assert error.advice


def test_heic_is_named():
    data = struct.pack(">I", 24) + b"ftypheic" + b"\0" * 60
    with pytest.raises(PhotoError, match="HEIC") as caught:
        decode(data, "IMG_1.HEIC")
    assert caught.value.code == "unsupported-format"


def test_avif_is_read_or_named():
    if features.check("avif"):
        photo = decode(encoded(two_halves(), "AVIF", quality=90), "a.avif")
        np.testing.assert_allclose(photo.rgba[8, 48, :3], COLORS["red"], atol=12)
    else:
        assert code_of(struct.pack(">I", 24) + b"ftypavif" + b"\0" * 60) == "unsupported-format"


def test_tiny_picture():
    assert code_of(encoded(Image.new("RGB", (8, 8)), "PNG")) == "photo-too-small"


def test_hash_is_of_the_original_bytes():
    data = encoded(two_halves(), "PNG")
    assert decode(data, "a.png").sha256 == decode_module.hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("kind", ["grey", "rgb", "rgba", "float"])
def test_from_array(kind):
    pixels = np.asarray(two_halves().convert({"grey": "L", "rgba": "RGBA"}.get(kind, "RGB")))
    photo = from_array(pixels / 255 if kind == "float" else pixels, "image")
    np.testing.assert_array_equal(photo.rgba, np.asarray(Image.fromarray(pixels).convert("RGBA")))


@pytest.mark.parametrize("pixels", [np.zeros((40, 40, 2), np.uint8), np.zeros(9), np.zeros((40, 40, 3), np.int64)])
def test_from_array_refuses_what_is_no_picture(pixels):
    with pytest.raises(PhotoError):
        from_array(pixels)


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "RGBA", "I;16", "CMYK"])
def test_every_mode_can_be_scaled_down(mode):
    if mode == "I;16":
        picture = Image.fromarray(np.full((40, 5000), 40000, np.uint16))
    else:
        picture = Image.new("RGB", (5000, 40), COLORS["red"]).convert(mode)
    photo = decode(encoded(picture, "TIFF" if mode == "CMYK" else "PNG"), "wide")
    assert photo.rgba.shape == (33, MAX_SIDE, 4)
    expected = {"I;16": (156,) * 3, "L": (93,) * 3, "LA": (93,) * 3}.get(mode, COLORS["red"])
    if mode != "1":
        np.testing.assert_allclose(photo.rgba[16, 100, :3], expected, atol=16)
