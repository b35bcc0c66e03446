"""The user's own pairs and domains, in the layouts that translation data sets are published in.

Paired: `trainA` and `trainB` with files of the same names, or a folder (`train`, where there is one) of images that
hold both, source left and target right. Unpaired: `trainA` and `trainB` with any number of files. The test part lies in
`testA` and `testB`, or in `test`.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from PIL import Image

from gan_core.data import cache, folders
from gan_core.data.base import DataSet, Progress
from gan_core.data.images import Unusable, opened, square
from gan_core.data.own import CROP, Own
from gan_core.data.pairs import Pair, cached_pairs
from gan_core.errors import BadData

LICENCE = "your own"
SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")


def load_paired(mine: Own, size: int, progress: Progress, part: str = "train") -> DataSet:
    """Pairs of a folder at `size` pixels; raises BadData where files have no partners."""
    root = _folder(mine)
    sides = root / f"{part}A", root / f"{part}B"
    read = _matched(*sides) if sides[0].is_dir() or sides[1].is_dir() else _side_by_side(root, part)
    version = cache.fingerprint((str(file), file) for pair in read for file in pair)
    name = str(replace(mine, path=str(root)))
    return cached_pairs(
        name if part == "train" else f"test:{name}", size, version, len(read),
        lambda: (_pair(files, size, mine.fit) for files in read), LICENCE, progress,
    )  # fmt: skip


def load_unpaired(mine: Own, size: int, progress: Progress, part: str = "train") -> DataSet:
    """The two domains of a folder, which may differ in number, at `size` pixels; raises BadData."""
    root = _folder(mine)
    domains = {}
    for domain in ("A", "B"):
        folder = root / f"{part}{domain}"
        if not folder.is_dir():
            raise _no_domain(root, folder.name)
        domains[domain.lower()] = folders.load(Own("folder", str(folder), mine.fit), size, progress)
    images = {name: data.arrays["real"] for name, data in domains.items()}
    if len({array.shape[1] for array in images.values()}) > 1:  # one grey, one in colour
        images = {name: array if array.shape[1] == 3 else array.repeat(3, 1) for name, array in images.items()}
    skipped = tuple(
        (f"{part}{name.upper()}/{file}", reason) for name, data in domains.items() for file, reason in data.skipped
    )
    notes = tuple(note for data in domains.values() for note in data.notes)
    name = str(replace(mine, path=str(root)))
    return DataSet(name, images, (), LICENCE, skipped, unpaired=True, notes=notes)


def _folder(mine: Own) -> Path:
    root = folders.place(mine)
    if os.path.isfile(root):
        raise BadData("{path} is a file. Pairs and domains come from a folder.", path=mine.path)
    if not os.path.isdir(root):  # asks softly: a path may be too long to be one
        raise BadData("There is no folder at {path}.", path=mine.path)
    return root


def _images(folder: Path) -> dict[str, Path]:
    """The images right in a folder, by name without ending."""
    if not folder.is_dir():
        raise _no_domain(folder.parent, folder.name)
    found = sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
    if not found:
        raise BadData("There is no image in {path}.", path=folder)
    return {file.stem: file for file in found}


def _no_domain(root: Path, name: str) -> BadData:
    return BadData("{path} lacks the folder {name}. Two domains lie in trainA and trainB.", path=root, name=name)


def _matched(first: Path, second: Path) -> list[tuple[Path, ...]]:
    """Files of the same name in both folders."""
    sources, targets = _images(first), _images(second)
    alone = sorted(sources.keys() ^ targets.keys())
    if alone:
        where = first if alone[0] in sources else second
        raise BadData(
            "{first} holds {sources} images and {second} {targets}, and '{name}' is in {where} alone. Partners must "
            "have the same name.",
            first=first.name, sources=len(sources), second=second.name, targets=len(targets), name=alone[0],
            where=where.name,
        )  # fmt: skip
    return [(sources[name], targets[name]) for name in sources]


def _side_by_side(root: Path, part: str) -> list[tuple[Path, ...]]:
    """Files that hold both halves."""
    folder = root / part
    if part == "train" and not folder.is_dir():
        folder = root
    return [(file,) for file in _images(folder).values()]


def _pair(files: tuple[Path, ...], size: int, fit: str) -> Pair:
    if len(files) == 1:
        return _halves(files[0], size, fit)
    source, target = (_opened(file) for file in files)
    if source.size != target.size:
        raise BadData(
            "'{name}' has {size} pixels and its partner {other}: they can't show the same, place for place.",
            name=_short(files[0]), size="x".join(map(str, source.size)), other="x".join(map(str, target.size)),
        )  # fmt: skip
    return square(source, size, fit), square(target, size, fit)


def _halves(file: Path, size: int, fit: str) -> Pair:
    image = _opened(file)
    narrow = fit == CROP and image.width < image.height  # then one picture is more likely than two
    if image.width % 2 or narrow:
        raise BadData(
            "'{name}' has {width}x{height} pixels, so it doesn't hold two pictures side by side.",
            name=_short(file), width=image.width, height=image.height,
        )  # fmt: skip
    half = image.width // 2
    left, right = image.crop((0, 0, half, image.height)), image.crop((half, 0, image.width, image.height))
    return square(left, size, fit), square(right, size, fit)


def _opened(file: Path) -> Image.Image:
    """In colour; raises BadData."""
    try:
        with file.open("rb") as stream:
            return opened(stream).convert("RGB")
    except (Unusable, OSError) as error:
        raise BadData("'{name}' can't be used: {reason}.", name=_short(file), reason=error) from error


def _short(file: Path) -> str:
    return f"{file.parent.name}/{file.name}"
