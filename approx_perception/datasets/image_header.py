"""Size of an encoded image from its header: a few bytes may tell of gigabytes to decode."""

from io import BytesIO

from PIL import Image

from approx_perception.datasets.image_parts import jpeg_size, png_size, tiff_size
from approx_perception.exceptions import InvalidFrameError, reason_of

__all__ = ["IMAGE_ENDINGS", "MAX_IMAGE_PX", "MAX_IMAGE_PX_RANGE", "check_size", "size_in_header"]

#: 64 megapixels; no camera of a robot has more, and decoding takes 200 MB.
MAX_IMAGE_PX = 64_000_000
#: What users may set.
MAX_IMAGE_PX_RANGE = (1024, 150_000_000)
#: What OpenCV decodes and Pillow knows the header of, by Pillow's names, and how files are called.
_FORMATS = {
    "JPEG": ("jpg", "jpeg", "jpe"),
    "PNG": ("png",),
    "WEBP": ("webp",),
    "TIFF": ("tif", "tiff"),
    "BMP": ("bmp", "dib"),
    "PPM": ("ppm", "pgm", "pbm", "pnm"),
    "JPEG2000": ("jp2",),
    "GIF": ("gif",),
    "AVIF": ("avif",),
    "SUN": ("ras", "sr"),
}
IMAGE_ENDINGS = tuple(f".{ending}" for endings in _FORMATS.values() for ending in endings)
_MAGIC_BYTES = 16
#: Pillow walks through the parts of a file in Python, for seconds where there are millions: these
#: we walk through ourselves, and of others it gets the beginning.
_OWN = {b"\xff\xd8\xff": jpeg_size, b"\x89PNG\r\n\x1a\n": png_size,
        **dict.fromkeys((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"), tiff_size)}  # fmt: skip
_LONGEST_HEADER_BYTES = 65_536
#: Pillow gives these to a library, which wants all of it.
_WHOLE = ("WEBP", "AVIF")


def check_size(width: int, height: int, max_image_px: int) -> None:
    """Refuse an image that is too large.

    Raises
    ------
    InvalidFrameError
        Naming its size and the limit.
    """
    if width * height > max_image_px:
        raise InvalidFrameError(
            f"the image has {width}x{height} px, more than max_image_px allows ({max_image_px})"
        )


def size_in_header(data: bytes) -> tuple[int, int]:
    """Width and height of an encoded image in px, without decoding it.

    Raises
    ------
    InvalidFrameError
        If it is of no format that is read, or its header is broken.
    """
    for beginning, size in _OWN.items():
        if data.startswith(beginning):
            return size(data)
    # Not Image.open: it has a limit of its own, which is the whole process's.
    Image.init()
    for name in _FORMATS:
        factory, accepts = Image.OPEN.get(name, (None, None))
        if factory is None or accepts is None or not accepts(data[:_MAGIC_BYTES]):
            continue
        try:
            header = data if name in _WHOLE else data[:_LONGEST_HEADER_BYTES]
            return factory(BytesIO(header), b"").size
        except Image.DecompressionBombError as error:
            # Of WebP; it has no size by then.
            raise InvalidFrameError(
                f"a {name} image has too many px, more than max_image_px allows: {error}"
            ) from error
        except Exception as error:  # Pillow lets errors of its parsers through
            raise InvalidFrameError(
                f"the header of a {name} image cannot be read: {reason_of(error)}"
            ) from error
    raise InvalidFrameError(
        f"{len(data)} bytes are no image of a known format ({', '.join(_FORMATS)})"
    )
