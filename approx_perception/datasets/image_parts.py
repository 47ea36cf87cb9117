"""Size of JPEG, PNG and TIFF images from their parts, of which there may be only so many."""

import re
import struct

from approx_perception.exceptions import InvalidFrameError

__all__ = ["jpeg_size", "png_size", "tiff_size"]

#: Of a file. Cameras write some dozens, PNGs one for each 8 kB of content.
_MOST_PARTS = 50_000
_PNG_BYTES = 8
#: Of a chunk of a PNG beside its content: length, type, checksum.
_CHUNK_BYTES = 12
#: A marker is 0xFF and what tells its kind, with any number of 0xFF before.
_MARKER = re.compile(rb"\xff([^\x00\xff])", re.DOTALL)
#: Start of frame; of the same row, three are tables.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
#: Restarts, and one for arithmetic coding.
_WITHOUT_CONTENT = frozenset({*range(0xD0, 0xD8), 0x01})
_END, _SCAN = 0xD9, 0xDA
#: Up to the width; whatever part it is, more follows.
_FRAME_BYTES = 7
#: struct's letters for the types of whole numbers in a TIFF.
_NUMBERS = {1: "B", 3: "H", 4: "I", 16: "Q"}
_WIDTH, _HEIGHT, _BITS = 256, 257, 258


def jpeg_size(data: bytes) -> tuple[int, int]:
    """Width and height in px, as the first start of frame says.

    Raises
    ------
    InvalidFrameError
        If there is none before the pixels.
    """
    place = 2
    for _ in range(_MOST_PARTS):
        marker = _MARKER.search(data, place)
        kind = marker[1][0] if marker else _END
        place = marker.end() if marker else len(data)
        if kind in _WITHOUT_CONTENT:
            continue
        if kind in (_END, _SCAN) or len(data) < place + _FRAME_BYTES:
            raise InvalidFrameError(
                "the header of a JPEG image cannot be read: it is cut or broken"
            )
        length, _, height, width = struct.unpack_from(">HBHH", data, place)
        if kind in _FRAMES:
            return width, height
        place += max(length, 2)
    raise InvalidFrameError(f"the header of a JPEG image has more than {_MOST_PARTS} parts")


def png_size(data: bytes) -> tuple[int, int]:
    """Width and height in px, as the first chunk says.

    Raises
    ------
    InvalidFrameError
        If that is not the header, or a chunk is beyond the end: OpenCV takes memory for all of it
        first.
    """
    if data[_PNG_BYTES + 4 : _PNG_BYTES + 8] != b"IHDR" or len(data) < _PNG_BYTES + 16:
        raise InvalidFrameError("a PNG image is cut or broken: it does not begin with its header")
    place = _PNG_BYTES
    for _ in range(_MOST_PARTS):
        if place >= len(data):
            break
        length = int.from_bytes(data[place : place + 4], "big")
        if place + _CHUNK_BYTES + length > len(data):
            raise InvalidFrameError(
                f"a PNG image is cut or broken: a part of {length} bytes begins at byte {place} "
                f"of {len(data)}"
            )
        if data[place + 4 : place + 8] == b"IEND":
            break
        place += _CHUNK_BYTES + length
    else:
        raise InvalidFrameError(f"a PNG image has more than {_MOST_PARTS} parts")
    width, height = struct.unpack_from(">II", data, _PNG_BYTES + 8)
    return width, height


def tiff_size(data: bytes) -> tuple[int, int]:
    """Width and height in px, as the first directory says; BigTIFF too.

    Raises
    ------
    InvalidFrameError
        If it does not say them, is not there, or tells of values of more than 16 bits.
    """
    order = "<" if data[:2] == b"II" else ">"
    is_big = 43 in data[2:4]
    count_kind, place_kind = (f"{order}Q", f"{order}Q") if is_big else (f"{order}H", f"{order}I")
    # Of a tag that stands there twice, which no whole file has, the largest.
    largest = {_WIDTH: 0, _HEIGHT: 0, _BITS: 0}
    try:
        (place,) = struct.unpack_from(place_kind, data, 8 if is_big else 4)
        (count,) = struct.unpack_from(count_kind, data, place)
        place += struct.calcsize(count_kind)
        for _ in range(min(count, _MOST_PARTS)):
            tag, kind = struct.unpack_from(f"{order}HH", data, place)
            (values,) = struct.unpack_from(place_kind, data, place + 4)
            place += 4 + struct.calcsize(place_kind)
            if tag in largest:
                number = order + _NUMBERS[kind]
                # What does not fit into the entry is elsewhere.
                is_inside = values * struct.calcsize(number) <= struct.calcsize(place_kind)
                (where,) = (place,) if is_inside else struct.unpack_from(place_kind, data, place)
                largest[tag] = max(largest[tag], *struct.unpack_from(number, data, where))
            place += struct.calcsize(place_kind)
    except (struct.error, KeyError) as error:
        raise InvalidFrameError("the header of a TIFF image cannot be read") from error
    if largest[_BITS] > 16:
        raise InvalidFrameError(
            f"a TIFF image has values of {largest[_BITS]} bits; those of up to 16 are read"
        )
    if not (largest[_WIDTH] and largest[_HEIGHT]):
        raise InvalidFrameError("the header of a TIFF image has no size")
    return largest[_WIDTH], largest[_HEIGHT]
