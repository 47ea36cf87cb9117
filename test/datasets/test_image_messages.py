"""Colour patches in every encoding come back as they were; what is no picture is refused."""

import resource
import struct
import warnings
import zlib
from io import BytesIO
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from PIL import Image

from approx_perception.datasets.encodings import ENCODINGS
from approx_perception.datasets.image_header import size_in_header
from approx_perception.datasets.image_messages import ImageDecoder
from approx_perception.exceptions import InvalidFrameError, UnknownEncodingError

PATCH = 16
#: B, G, R. Patches are flat and even in size: mosaics and chroma sampling keep their insides.
COLOURS = np.array(
    [
        [[200, 120, 40], [30, 60, 200], [40, 180, 60]],
        [[128, 128, 128], [220, 210, 60], [60, 200, 220]],
    ],
    np.uint8,
)
IMAGE = COLOURS.repeat(PATCH, axis=0).repeat(PATCH, axis=1)
HEIGHT, WIDTH = IMAGE.shape[:2]
GREY = cv2.cvtColor(IMAGE, cv2.COLOR_BGR2GRAY)
PATTERNS = ("rggb", "bggr", "gbrg", "grbg")


def mosaic(pattern):
    channel = {"b": 0, "g": 1, "r": 2}
    result = np.zeros((HEIGHT, WIDTH), np.uint8)
    for (y, x), letter in zip([(0, 0), (0, 1), (1, 0), (1, 1)], pattern, strict=True):
        result[y::2, x::2] = IMAGE[y::2, x::2, channel[letter]]
    return result


def semi_planar(order):
    """Y, then the chroma of every second row and column side by side."""
    i420 = cv2.cvtColor(IMAGE, cv2.COLOR_BGR2YUV_I420)
    u, v = i420[HEIGHT:].reshape(2, HEIGHT // 2, WIDTH // 2)
    pairs = np.stack([u, v] if order == "uv" else [v, u], axis=-1)
    return np.vstack([i420[:HEIGHT], pairs.reshape(HEIGHT // 2, WIDTH)])


def nv24():
    half = semi_planar("uv")[HEIGHT:].reshape(HEIGHT // 2, WIDTH // 2, 2)
    return np.vstack([
        semi_planar("uv")[:HEIGHT], half.repeat(2, 0).repeat(2, 1).reshape(-1, WIDTH)
    ])  # fmt: skip


UYVY = cv2.cvtColor(IMAGE, cv2.COLOR_BGR2YUV_UYVY)
YUYV = cv2.cvtColor(IMAGE, cv2.COLOR_BGR2YUV_YUY2)
BGRA = cv2.cvtColor(IMAGE, cv2.COLOR_BGR2BGRA)
EIGHT_BITS = {
    "bgr8": IMAGE, "rgb8": IMAGE[..., ::-1], "mono8": GREY,
    "bgra8": BGRA, "rgba8": cv2.cvtColor(IMAGE, cv2.COLOR_BGR2RGBA),
    "8UC1": GREY, "8UC3": IMAGE, "8UC4": BGRA,
    **{f"bayer_{pattern}8": mosaic(pattern) for pattern in PATTERNS},
}  # fmt: skip
YUV = {
    "yuv422": UYVY, "uyvy": UYVY, "yuv422_yuy2": YUYV, "yuyv": YUYV,
    "nv12": semi_planar("uv"), "nv21": semi_planar("vu"), "nv24": nv24(),
}  # fmt: skip


def sixteen_bits(eight):
    return f"16{eight[1:]}" if eight.startswith("8") else f"{eight[:-1]}16"


#: 12 bits in 16: the brightest is above 2^11.
DATA = {
    **EIGHT_BITS,
    **YUV,
    **{sixteen_bits(name): pixels.astype(np.uint16) << 4 for name, pixels in EIGHT_BITS.items()},
}


def message(encoding="bgr8", padding=0, is_bigendian=0, pixels=None, **changes):
    pixels = np.ascontiguousarray(DATA.get(encoding, IMAGE) if pixels is None else pixels)
    if is_bigendian:
        pixels = pixels.astype(pixels.dtype.newbyteorder(">"))
    rows = pixels.reshape(pixels.shape[0], -1).view(np.uint8)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=7)
    fields = {
        "encoding": encoding, "width": WIDTH, "height": HEIGHT, "step": rows.shape[1],
        "is_bigendian": is_bigendian, "data": rows.tobytes(),
    }  # fmt: skip
    return SimpleNamespace(**{**fields, **changes})


def compressed(text, data):
    return SimpleNamespace(format=text, data=data)


def encoded(ending, image=IMAGE):
    return cv2.imencode(ending, image)[1].tobytes()


def insides(image):
    """What is in the middle of each patch."""
    patches = image.reshape(2, PATCH, 3, PATCH, 3)[:, 4:-4, :, 4:-4]
    return patches.mean(axis=(1, 3))


def assert_shows(image, colours, tolerance=3):
    assert image.shape == (HEIGHT, WIDTH, 3)
    assert image.dtype == np.uint8
    np.testing.assert_allclose(insides(image), colours, atol=tolerance)


GREYS = insides(cv2.cvtColor(GREY, cv2.COLOR_GRAY2BGR))


def test_every_encoding_is_tested():
    assert set(DATA) == set(ENCODINGS)


@pytest.mark.parametrize("padding", [0, 13])
@pytest.mark.parametrize("encoding", ENCODINGS)
def test_encodings(encoding, padding):
    if encoding == "nv24" and padding:
        pytest.skip("nv24 is read without padding")
    is_grey = encoding in ("mono8", "8UC1", "mono16", "16UC1")
    image = ImageDecoder().raw(message(encoding, padding))
    assert_shows(image, GREYS if is_grey else COLOURS)


@pytest.mark.parametrize("encoding", [name for name in ENCODINGS if "16" in name])
def test_big_endian(encoding):
    little, big = (ImageDecoder().raw(message(encoding, is_bigendian=end)) for end in (0, 1))
    np.testing.assert_array_equal(little, big)


@pytest.mark.parametrize("bits", [8, 10, 12, 14, 16])
def test_each_depth_of_sensors_fills_the_range(bits):
    pixels = np.full((HEIGHT, WIDTH), 0, np.uint16)
    pixels[0, 0] = (1 << bits) - 1
    pixels[1, 1] = 1 << (bits - 1)
    image = ImageDecoder().raw(message("mono16", pixels=pixels))
    assert image[0, 0].tolist() == [255] * 3
    assert image[1, 1].tolist() == [128] * 3


def test_the_scale_of_a_stream_does_not_flicker():
    bright, dark = (np.full((HEIGHT, WIDTH), value, np.uint16) for value in (4000, 90))
    decoder = ImageDecoder()
    seen = [decoder.raw(message("16UC1", pixels=p))[0, 0, 0] for p in (dark, bright, dark, bright)]
    assert seen == [90, 250, 5, 250]


@pytest.mark.parametrize("opacity", [0, 255, 4095, 65535])
@pytest.mark.parametrize("encoding", ["bgra16", "rgba16", "16UC4"])
def test_opacity_tells_no_depth(encoding, opacity):
    pixels = np.full((HEIGHT, WIDTH, 4), 2000, np.uint16)
    pixels[..., 3] = opacity
    pixels[0] = 4000
    assert ImageDecoder().raw(message(encoding, pixels=pixels))[5, 5].tolist() == [125] * 3


@pytest.mark.parametrize("hot", [60_000, 65_535])
@pytest.mark.parametrize("encoding", ["mono16", "16UC1", "bgr16", "bayer_rggb16"])
def test_a_hot_pixel_does_not_darken_a_stream(encoding, hot):
    channels = ENCODINGS[encoding].channels
    pixels = np.full((HEIGHT, WIDTH, channels), 2000, np.uint16)
    decoder = ImageDecoder()
    pixels[3, 3] = hot
    image = decoder.raw(message(encoding, pixels=pixels))
    assert image[20, 20].tolist() == [125] * 3
    assert image[3, 3].max() == 255


@pytest.mark.parametrize("share", [0.3, 1.0])
def test_pixels_without_a_value_tell_no_depth(share):
    pixels = np.full((HEIGHT, WIDTH), 2000, np.uint16)
    pixels[: round(HEIGHT * share)] = 65_535
    image = ImageDecoder().raw(message("16UC1", pixels=pixels))
    assert image[0, 0].tolist() == [255] * 3
    assert image[-1, -1].tolist() == [125 if share < 1 else 255] * 3


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"encoding": "32FC1"}, "encoding '32FC1' is not supported; publish 'bgr8'"),
        ({"encoding": ""}, "encoding '' is not supported"),
        ({"encoding": "x" * 5_000_000}, "encoding 'xxx.*x\\.\\.\\. is not supported"),
        ({"width": 0}, "image is empty: width 0, height 32"),
        ({"height": 0}, "image is empty"),
        ({"data": b"\0" * 99}, "truncated: 99 bytes, expected 4608"),
        ({"data": b""}, "truncated: 0 bytes"),
        ({"step": 3}, "step is 3 bytes, but a row of 48 px"),
        ({"encoding": "nv12", "height": 31}, "even width and height, this one 48x31"),
        ({"encoding": "nv21", "data": bytes(WIDTH * HEIGHT)}, "truncated: 1536 bytes, .*48 rows"),
        ({"encoding": "nv24", "step": 64}, "nv24 is read without padding"),
        ({"encoding": "mono16", "step": 48}, "row of 48 px in mono16 has 96"),
        ({"width": 8001, "height": 8000}, "8001x8000 px, more than max_image_px allows .64000000"),
    ],
)
def test_bad_messages_are_refused_in_a_sentence(changes, text):
    with pytest.raises(InvalidFrameError, match=text) as error:
        ImageDecoder().raw(message(**changes))
    assert len(str(error.value)) < 800


def test_an_unknown_encoding_is_told_from_other_errors():
    with pytest.raises(UnknownEncodingError):
        ImageDecoder().raw(message("32FC3"))


def test_yuv_image_of_one_pixel_is_refused():
    tiny = SimpleNamespace(encoding="yuv422", width=1, height=1, step=2, data=b"ab")
    with pytest.raises(InvalidFrameError, match="cannot convert a 1x1 image"):
        ImageDecoder().raw(tiny)


@pytest.mark.parametrize(
    "ending", [".png", ".jpg", ".webp", ".tif", ".bmp", ".ppm", ".jp2", ".gif", ".ras"]
)
def test_compressed_formats(ending):
    image = ImageDecoder().compressed(compressed(ending, encoded(ending)))
    assert_shows(image, COLOURS, tolerance=8)


@pytest.mark.parametrize("ending", [".png", ".tif", ".pgm", ".jp2"])
def test_12_bits_in_a_compressed_image_are_no_night(ending):
    decoder = ImageDecoder()
    for kind in ("mono16", "16UC1", "mono12"):
        image = decoder.compressed(
            compressed(f"{kind}; png compressed ", encoded(ending, DATA["mono16"]))
        )
        assert_shows(image, GREYS)
    assert_shows(ImageDecoder().file(encoded(ending, DATA["mono16"])), GREYS)


def test_16_bit_colours_in_a_compressed_image():
    data = encoded(".png", DATA["bgr16"])
    assert_shows(
        ImageDecoder().compressed(compressed("rgb16; png compressed bgr16", data)), COLOURS
    )


@pytest.mark.parametrize("codec", ["jpeg", "png"])
@pytest.mark.parametrize("depth", [8, 16])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_compressed_mosaic_has_colours(pattern, depth, codec):
    name = f"bayer_{pattern}{depth}"
    pixels = DATA[f"bayer_{pattern}8"] if codec == "jpeg" else DATA[name]
    quality = [cv2.IMWRITE_JPEG_QUALITY, 100] if codec == "jpeg" else []
    data = cv2.imencode(f".{codec}", pixels, quality)[1].tobytes()
    for text in (f"{name}; {codec} compressed ", f"{name};{codec} compressed {name}", name):
        assert_shows(ImageDecoder().compressed(compressed(text, data)), COLOURS, tolerance=6)


@pytest.mark.parametrize("target", ["bgr8", "rgb8", "bgr16"])
def test_one_channel_that_is_named_colours_is_still_a_mosaic(target):
    data = encoded(".png", DATA["bayer_rggb8"])
    text = f"bayer_rggb8; png compressed {target}"
    assert_shows(ImageDecoder().compressed(compressed(text, data)), COLOURS, tolerance=6)


def test_what_the_publisher_made_of_a_mosaic_is_left_as_it_is():
    colours = compressed("bayer_rggb8; png compressed bgr8", encoded(".png"))
    grey = compressed("bayer_rggb8; png compressed mono8", encoded(".png", GREY))
    assert_shows(ImageDecoder().compressed(colours), COLOURS)
    assert_shows(ImageDecoder().compressed(grey), GREYS)


@pytest.mark.parametrize("text", ["16UC1; compressedDepth", "32FC1; compressedDepth png"])
def test_distances_are_no_picture(text):
    data = bytes(12) + encoded(".png", DATA["mono16"])
    with pytest.raises(InvalidFrameError, match="holds distances and no picture; subscribe to"):
        ImageDecoder().compressed(compressed(text, data))


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "0 bytes are no image of a known format"),
        (b"no image", "8 bytes are no image of a known format .JPEG, PNG, WEBP, .*format 'jpeg'"),
        (encoded(".png")[:20], "a PNG image is cut or broken"),
        (encoded(".png")[:60], "a PNG image is cut or broken: a part of"),
        (encoded(".jpg")[:150], "JPEG image cannot be read"),
        (encoded(".tif", IMAGE.astype(np.float32)), "TIFF"),
    ],
)
def test_broken_compressed_images_are_refused(data, text):
    with pytest.raises(InvalidFrameError, match=text):
        ImageDecoder().compressed(compressed("jpeg", data))


def png_header(width, height):
    def chunk(kind, content):
        crc = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + crc

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"x")


def replaced(ending, mark, offset, size):
    """A small image with another size in its header."""
    data = bytearray(encoded(ending))
    place = data.index(mark) + offset
    data[place : place + len(size)] = size
    return bytes(data)


BOMBS = {
    "jpg": replaced(".jpg", b"\xff\xc0", 5, struct.pack(">HH", 32000, 32000)),
    "png": png_header(32000, 32000),
    "webp": replaced(".webp", b"VP8L", 9, struct.pack("<I", 16382 | 16382 << 14)),
    "webp_extended": b"RIFF\x1e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\xfe\x3f\0\xfe\x3f\0",
    "bmp": replaced(".bmp", b"BM", 18, struct.pack("<ii", 32000, -32000)),
    "tif": replaced(
        ".tif", struct.pack("<HHII", 256, 3, 1, WIDTH), 2, struct.pack("<HII", 4, 1, 9_000_000)
    ),
    "ppm": b"P6\n32000 32000\n255\n" + bytes(99),
    "jp2": replaced(".jp2", b"ihdr", 4, struct.pack(">II", 32000, 32000)),
    "gif": replaced(".gif", b"GIF8", 6, struct.pack("<HH", 32000, 32000)),
    "ras": replaced(".ras", b"\x59\xa6\x6a\x95", 4, struct.pack(">II", 32000, 32000)),
}  # fmt: skip


@pytest.mark.parametrize("kind", BOMBS)
def test_a_header_that_tells_of_gigabytes_is_refused_before_they_are_taken(kind):
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(InvalidFrameError, match=r"px, more than max_image_px"):
            ImageDecoder().compressed(compressed("jpeg", BOMBS[kind]))
    taken_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    assert taken_kb < 50_000


def test_a_part_that_tells_of_gigabytes_is_refused_too():
    data = replaced(".png", b"IDAT", -4, struct.pack(">I", 2_000_000_000))
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(InvalidFrameError, match="cut or broken: a part of 2000000000 bytes"):
        ImageDecoder().compressed(compressed("png", data))
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb < 50_000


def test_opencv_writes_nothing_of_its_own_about_broken_images(capfd):
    decoder = ImageDecoder()
    for ending in (".jp2", ".gif", ".bmp", ".tif", ".ppm", ".ras"):
        data = encoded(ending)
        with pytest.raises(InvalidFrameError):
            decoder.file(data[: len(data) * 3 // 4])
    assert capfd.readouterr() == ("", "")


JPEG, PNG = encoded(".jpg"), encoded(".png")
PARTS = 200_000
#: Headers that take seconds to walk through, one part after the other.
ENDLESS = {
    "jpg": JPEG[:2] + b"\xff\xe5\x00\x02" * PARTS + JPEG[2:],
    "png": PNG[:33] + (b"\0\0\0\0teSt" + struct.pack(">I", zlib.crc32(b"teSt"))) * PARTS + PNG[33:],
    "gif": b"GIF89a\x20\0\x20\0\0\0\0" + b"\x21\xfe" + b"\x01a" * PARTS + b"\0\x3b",
    "ppm": b"P6\n#" + b"a" * 20 * PARTS + b"\n2 2\n255\n" + bytes(12),
    "jp2": encoded(".jp2")[:12] + b"\0\0\0\x08free" * PARTS + encoded(".jp2")[12:],
}  # fmt: skip


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_header_of_very_many_parts_is_refused(kind):
    with pytest.raises(InvalidFrameError, match=r"header|more than 50000 parts"):
        size_in_header(ENDLESS[kind])


@pytest.mark.parametrize(
    "filling", [b"\xff" * 2_000_000, b"\xff\xe1\xff\xff" + bytes(65533), b"\xff\xd0" * 300]
)
def test_what_stands_before_the_size_of_a_jpeg(filling):
    data = JPEG[:2] + filling + JPEG[2:]
    assert size_in_header(data) == (WIDTH, HEIGHT)
    assert_shows(ImageDecoder().file(data), COLOURS, tolerance=8)


def by_pillow(image, kind, **options):
    content = BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK", "1", "P", "I;16"])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"big_tiff": True}])
def test_sizes_of_what_another_library_writes(mode, kind, options):
    try:
        data = by_pillow(Image.new(mode, (70, 30)), kind, **options)
    except OSError:
        pytest.skip(f"{kind} has no {mode}")
    assert size_in_header(data) == (70, 30)


def test_a_tiff_of_the_other_byte_order():
    entries = [(256, 3, 70), (257, 3, 30), (258, 3, 8)]
    tags = b"".join(struct.pack(">HHIHH", tag, kind, 1, value, 0) for tag, kind, value in entries)
    assert size_in_header(b"MM\0*" + struct.pack(">IH", 8, 3) + tags) == (70, 30)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_a_tiff_of_wide_values_is_refused_before_it_is_decoded(kind):
    bits = np.dtype(kind).itemsize * 8
    with pytest.raises(InvalidFrameError, match=f"values of {bits} bits; those of up to 16"):
        size_in_header(encoded(".tif", IMAGE.astype(kind)))


@pytest.mark.parametrize("ending", [".jpg", ".png", ".tif"])
def test_a_header_cut_anywhere_is_refused_in_a_sentence(ending):
    data = encoded(ending)
    # The directory of a TIFF is where its header says.
    (directory,) = struct.unpack_from("<I", data, 4)
    for length in range(3, directory + 2 if ending == ".tif" else 33):
        with pytest.raises(InvalidFrameError):
            size_in_header(data[:length])


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".tif", ".bmp", ".ppm", ".jp2"])
def test_the_limit_is_honoured_to_the_pixel(ending):
    data, size_px = encoded(ending), WIDTH * HEIGHT
    assert size_in_header(data) == (WIDTH, HEIGHT)
    assert ImageDecoder(size_px).file(data).shape == IMAGE.shape
    with pytest.raises(InvalidFrameError, match=f"48x32 px, .* .{size_px - 1}"):
        ImageDecoder(size_px - 1).file(data)
    with pytest.raises(InvalidFrameError, match="48x32 px"):
        ImageDecoder(size_px - 1).raw(message())
