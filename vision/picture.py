"""Load a picture that anyone may have made: its size is read from the header before a pixel is decoded."""

import struct
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.uint8]

MOST_PIXELS = 50_000_000
MOST_BYTES = 200_000_000
FORMATS = "PNG, JPEG, BMP, TIFF and WebP"


class ImageError(ValueError):
    """A picture, or the list of its slots, that cannot be read; the message says which file and why."""


def load_image(path: Path | str) -> Image:
    """The picture as (h, w, 3) uint8 BGR: 16-bit is scaled to 8, grey repeated, alpha dropped."""
    where = Path(path)
    try:
        size = where.stat().st_size
        if size > MOST_BYTES:
            raise ImageError(
                f"{where}: {size / 1e6:.0f} MB is more than the {MOST_BYTES / 1e6:.0f} MB read at most"
            )
        data = where.read_bytes()
    except OSError as error:
        raise ImageError(f"{where}: cannot be opened: {error.strerror or error}") from error
    try:
        return decode_image(data)
    except ImageError as error:
        raise ImageError(f"{where}: {error}") from error


def decode_image(data: bytes) -> Image:
    """A picture from the bytes of its file. Raises ImageError."""
    if not data:
        raise ImageError("the file is empty")
    width, height = header_size(data)
    if width <= 0 or height <= 0:
        raise ImageError(f"its header says {width} x {height} pixels")
    if width * height > MOST_PIXELS:
        raise ImageError(
            f"{width} x {height} pixels are more than the {MOST_PIXELS / 1e6:.0f} million read at most"
        )
    if data.startswith(b"\xff\xd8") and b"\xff\xd9" not in data[-4096:]:
        raise ImageError("the JPEG is cut off: it has no end")
    if data.startswith(b"\x89PNG") and b"IEND" not in data[-64:]:
        raise ImageError("the PNG is cut off: it has no end")
    try:
        image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise ImageError("the file is damaged and cannot be decoded") from error
    if image is None:
        raise ImageError("the file is damaged and cannot be decoded")
    return np.ascontiguousarray(image, dtype=np.uint8)


def header_size(data: bytes) -> tuple[int, int]:
    """Width and height that the header announces. Raises ImageError for another format or a cut header."""
    try:
        if data.startswith(b"\x89PNG\r\n\x1a\n"):
            width, height = struct.unpack(">II", data[16:24])
        elif data.startswith(b"\xff\xd8"):
            width, height = _jpeg(data)
        elif data.startswith(b"BM"):
            width, height = struct.unpack("<ii", data[18:26])
            height = abs(height)
        elif data[:4] in (b"II*\0", b"MM\0*"):
            width, height = _tiff(data, "<" if data[:2] == b"II" else ">")
        elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
            width, height = _webp(data)
        else:
            raise ImageError(f"not a picture of a kind that is read here ({FORMATS})")
    except (struct.error, IndexError) as error:
        raise ImageError("the file is cut off inside its header") from error
    return int(width), int(height)


def _jpeg(data: bytes) -> tuple[int, int]:
    at = 2
    while True:
        while data[at] != 0xFF:
            at += 1
        while data[at] == 0xFF:
            at += 1
        marker = data[at]
        at += 1
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            height, width = struct.unpack(">HH", data[at + 3 : at + 7])
            return width, height
        if marker not in (0x01, *range(0xD0, 0xD9)):
            (length,) = struct.unpack(">H", data[at : at + 2])
            at += max(2, length)


def _tiff(data: bytes, order: str) -> tuple[int, int]:
    (first,) = struct.unpack(order + "I", data[4:8])
    (count,) = struct.unpack(order + "H", data[first : first + 2])
    sizes = {256: 0, 257: 0}
    for entry in range(min(count, 512)):
        at = first + 2 + 12 * entry
        tag, kind = struct.unpack(order + "HH", data[at : at + 4])
        if tag in sizes:
            (sizes[tag],) = struct.unpack(
                order + ("H" if kind == 3 else "I"), data[at + 8 : at + (10 if kind == 3 else 12)]
            )
    return sizes[256], sizes[257]


def _webp(data: bytes) -> tuple[int, int]:
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        (bits,) = struct.unpack("<I", data[21:25])
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack("<HH", data[26:30])
    return width & 0x3FFF, height & 0x3FFF
