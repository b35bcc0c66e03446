"""PNG files with 16 bits per channel, which Pillow reads as 8: greyscale or colour, with or without alpha (ISO 15948).

A row's filter predicts its bytes from the pixel to the left (a), above (b) and above to the left (c). All three are
known once a pixel's antidiagonal is reached, so that whole antidiagonals are reconstructed at once. An interlaced file
holds seven reduced images (Adam7).

torchvision.io reads such files too, but a malformed file crashes the process, and uploads are untrusted.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
COLOUR_TYPES = {1: 0, 2: 4, 3: 2, 4: 6}  # channels -> PNG's number
CHANNELS = {number: channels for channels, number in COLOUR_TYPES.items()}
SUB, UP, AVERAGE, PAETH = 1, 2, 3, 4
ROWS = 256  # written at once
WHOLE = ((0, 0, 1, 1),)  # first column, first row, columns to the next, rows to the next
ADAM7 = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2),
)  # fmt: skip


@dataclass(frozen=True)
class Header:
    """The first chunk."""

    width: int
    height: int
    depth: int
    channels: int  # 0: a palette
    interlaced: bool


def header(content: bytes) -> Header:
    """Parses a PNG file's first 29 bytes; raises ValueError for another file."""
    if content[:8] != SIGNATURE or content[12:16] != b"IHDR" or len(content) < 29:
        raise ValueError("no PNG file")
    width, height, depth, colours, _, _, interlaced = struct.unpack(">IIBBBBB", content[16:29])
    return Header(width, height, depth, CHANNELS.get(colours, 0), bool(interlaced))


def decoded(content: bytes) -> np.ndarray:
    """Decodes a file to uint16 (H, W, C). Raises ValueError or zlib.error if it is damaged or does not have 16 bits."""
    head = header(content)
    if head.depth != 16 or not head.channels:
        raise ValueError("only PNG files of 16 bits can be read so deep")
    array = np.empty((head.height, head.width, head.channels), np.uint16)
    parts = [array[top::down, left::across] for left, top, across, down in (ADAM7 if head.interlaced else WHOLE)]
    parts = [part for part in parts if part.size]
    whole = sum(part.shape[0] + 2 * part.size for part in parts)  # bytes: each row has its filter before it
    unpacker, packed = zlib.decompressobj(), bytearray()
    for chunk_body in _parts(content):
        packed += unpacker.decompress(chunk_body, whole - len(packed) + 1)
    if len(packed) != whole:
        raise ValueError("cut off")
    start = 0
    for part in parts:
        height, width, channels = part.shape
        lines = np.frombuffer(packed, np.uint8, height + 2 * part.size, start).reshape(height, -1)
        start += lines.size
        steps = lines[:, 1:].reshape(height, width, 2 * channels)
        part[:] = _restored(steps, lines[:, 0]).view(">u2")  # (h, w, 2C) -> (h, w, C)
    return array


def _parts(content: bytes) -> Iterator[bytes]:
    """The IDAT chunks."""
    place = 8
    while place < len(content):
        length, kind = struct.unpack(">I4s", content[place : place + 8])
        body, check = content[place + 8 : place + 8 + length], content[place + 8 + length : place + 12 + length]
        if len(check) < 4 or struct.unpack(">I", check)[0] != zlib.crc32(kind + body):
            raise ValueError("cut off or altered")
        if kind == b"IDAT":
            yield body
        if kind == b"IEND":
            return
        place += 12 + length
    raise ValueError("cut off")


def _restored(steps: np.ndarray, filters: np.ndarray) -> np.ndarray:
    """Reconstructs the bytes of pixels (H, W, B) antidiagonal by antidiagonal; filters (H,)."""
    height, width, count = steps.shape
    if filters.max(initial=0) > PAETH:
        raise ValueError("an unknown filter")
    bordered = np.zeros((height + 1, width + 1, count), np.uint8)  # outside, all is 0
    bordered[1:, 1:] = steps
    pixels = bordered.reshape(-1, count)
    for diagonal in range(2, height + width + 1):
        top, bottom = max(1, diagonal - width), min(height, diagonal - 1)
        # row y of this diagonal has the column diagonal - y: the next row's pixel lies `width` further
        start, stop = diagonal + top * width, diagonal + bottom * width + 1
        here = pixels[start:stop:width]
        a, b, c = (
            pixels[start - back : stop - back : width].astype(np.int16) for back in (1, width + 1, width + 2)
        )  # fmt: skip
        here += _guess(filters[top - 1 : bottom, None], a, b, c)
    return np.ascontiguousarray(bordered[1:, 1:])


def _guess(kinds: np.ndarray, a: np.ndarray, b: np.ndarray, c: np.ndarray) -> np.ndarray:
    to_a, to_b, to_c = np.abs(b - c), np.abs(a - c), np.abs(a + b - 2 * c)
    nearest = np.where((to_a <= to_b) & (to_a <= to_c), a, np.where(to_b <= to_c, b, c))
    guesses = [(SUB, a), (UP, b), (AVERAGE, (a + b) // 2), (PAETH, nearest)]
    guess: np.ndarray = np.select([kinds == kind for kind, _ in guesses], [values for _, values in guesses])
    return guess.astype(np.uint8)


def encoded(array: np.ndarray) -> Iterator[bytes]:
    """Encodes uint16 (H, W, C) as a PNG file, in parts; every row has the filter Up."""
    height, width, channels = array.shape
    yield SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, COLOUR_TYPES[channels], 0, 0, 0))
    packer = zlib.compressobj(4)
    above = np.zeros((1, width * channels * 2), np.uint8)
    for top in range(0, height, ROWS):
        rows = array[top : top + ROWS].astype(">u2").reshape(-1, width * channels).view(np.uint8)  # (h, W * C * 2)
        steps = rows - np.concatenate([above, rows[:-1]])
        above = rows[-1:]
        kinds = np.full((len(rows), 1), UP, np.uint8)
        if packed := packer.compress(np.concatenate([kinds, steps], 1).tobytes()):
            yield chunk(b"IDAT", packed)
    yield chunk(b"IDAT", packer.flush()) + chunk(b"IEND", b"")


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG file: length, type, content and checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
