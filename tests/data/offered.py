"""Tiny versions of published sets, for a folder or a server on this machine."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from gan_core.data.published import arrays
from gan_core.data.published.catalogue import Published
from gan_core.data.published.origins import group_sum, groups
from gan_core.files import sha256_of
from tests.data.loopback import Loopback


def summed(bare: Published, loopback: Loopback, tmp_path: Path) -> Published:
    """The set with the checksums and the digest of the server's files."""
    served = tmp_path / "served"
    for name, content in loopback.files.items():
        (served / name).parent.mkdir(parents=True, exist_ok=True)
        (served / name).write_bytes(content)
    return replace(
        bare,
        first={file: sha256_of(file.place(served)) for file in bare.first},
        sums=tuple(group_sum(group, served) for group in groups(bare.listed(served))),
        digest=arrays.digest(bare.convert(served, lambda share, what: None)),
    )


def files_below(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def photo(size: tuple[int, int], seed: int = 0) -> bytes:
    noise = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", quality=95)
    return file.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return file.getvalue()


def write_idx(path: Path, array: np.ndarray) -> None:
    """A file in MNIST's format."""
    path.parent.mkdir(parents=True, exist_ok=True)
    header = b"\0\0\x08" + bytes([array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    path.write_bytes(gzip.compress(header + array.tobytes()))
