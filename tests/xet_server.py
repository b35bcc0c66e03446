"""The store of large files that huggingface_hub uses where hf_xet is installed: its endpoints and formats.

A client cuts files into chunks, uploads blocks of chunks (xorbs), and then a shard, which lists for each file the
chunks and blocks that it consists of. It downloads a file by requesting that list, and fetching parts of blocks.
Formats are those of huggingface/xet-core: all numbers are little-endian.
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass, field
from typing import Any

CHUNK_HEADER = 8  # bytes: version, packed length (3), packing, length (3)
SHARD_HEADER = 48
ENTRY = 48  # bytes per entry of a shard
VERIFIED, WITH_SHA256 = 1 << 31, 1 << 30  # flags of a file: a second entry for each first one; one with its SHA-256
END = b"\xff" * 32
ROUTE = re.compile(r"/cas/v1/(xorbs/default|reconstructions|chunks/[a-z-]+)/([0-9a-f]{64})")
BLOCK = re.compile(r"/blocks/([0-9a-f]{64})")


@dataclass(frozen=True)
class Part:
    """Chunks [start, end) of a block, and the number of bytes they unpack to."""

    block: str
    length: int
    start: int
    end: int


@dataclass
class Xet:
    """Blocks and files by hash; the SHA-256 and length of each file."""

    blocks: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, list[Part]] = field(default_factory=dict)
    hashes: dict[str, str] = field(default_factory=dict)  # SHA-256 -> the file's hash

    def add(self, shard: bytes) -> None:
        """Adds the files of a shard, whose blocks must exist."""
        place = SHARD_HEADER
        while (hashed := shard[place : place + 32]) != END:
            flags, count = struct.unpack_from("<II", shard, place + 32)
            place += ENTRY
            parts = []
            for _ in range(count):
                _flags, length, start, end = struct.unpack_from("<4I", shard, place + 32)
                parts.append(Part(shown(shard[place : place + 32]), length, start, end))
                place += ENTRY
            if missing := {part.block for part in parts} - self.blocks.keys():
                raise KeyError(f"blocks that were not uploaded: {missing}")
            place += ENTRY * count if flags & VERIFIED else 0
            self.files[shown(hashed)] = parts
            if flags & WITH_SHA256:
                self.hashes[shown(shard[place : place + 32])] = shown(hashed)
                place += ENTRY

    def length(self, hashed: str) -> int:
        return sum(part.length for part in self.files[hashed])

    def bounds(self, block: str) -> list[int]:
        """The offsets of a block's chunks, and the end of the last one."""
        content, bounds = self.blocks[block], [0]
        while bounds[-1] + CHUNK_HEADER <= len(content) and content[bounds[-1]] == 0:  # version 0; then comes a footer
            packed = int.from_bytes(content[bounds[-1] + 1 : bounds[-1] + 4], "little")
            bounds.append(bounds[-1] + CHUNK_HEADER + packed)
        return bounds

    def reconstruction(self, hashed: str, store: str) -> dict[str, Any]:
        """The parts of a file, and their addresses."""
        fetched: dict[str, list[dict[str, Any]]] = {}
        for part in self.files[hashed]:
            bounds = self.bounds(part.block)
            fetched.setdefault(part.block, []).append(
                {
                    "range": {"start": part.start, "end": part.end},
                    "url": f"{store}/blocks/{part.block}",
                    "url_range": {"start": bounds[part.start], "end": bounds[part.end] - 1},
                }
            )
        terms = [
            {"hash": part.block, "unpacked_length": part.length, "range": {"start": part.start, "end": part.end}}
            for part in self.files[hashed]
        ]
        return {"offset_into_first_range": 0, "terms": terms, "fetch_info": fetched}


def shown(raw: bytes) -> str:
    """A hash as in addresses: four numbers of 64 bits, each in hexadecimal."""
    return "".join(f"{number:016x}" for number in struct.unpack("<4Q", raw))
