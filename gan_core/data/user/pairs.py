"""The user's own pairs and domains, in the layouts of published translation data sets: a folder or a zip.

Paired: `trainA` and `trainB` with files of the same names, or a folder (`train`, if there is one) of images that
contain both, source left and target right. Unpaired: `trainA` and `trainB` with any number of files; if all files of
`trainA` are in folders, these are their classes. The test part is in `testA` and `testB`, or in `test`. `A/train`,
`B/train` etc., which pix2pix's own script combines, are supported as well. A common parent folder, as in many zips, is
skipped.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import PurePosixPath

from PIL import Image

from gan_core.data.base import DataSet, Progress
from gan_core.data.channels import images_in
from gan_core.data.pairs import Pair, cached_pairs
from gan_core.data.user import labels
from gan_core.data.user.archives import shown
from gan_core.data.user.folders import classed_images_of, images_of
from gan_core.data.user.places import Opener, Place, Skipped, place
from gan_core.data.user.references import UserImages
from gan_core.errors import BadData
from gan_core.pictures.decoding import SUFFIXES, Unusable, deep_bits, in_threads, opened, square
from gan_core.pictures.fits import CROP

LICENCE = "your own"
PARTS = ("train", "val", "test")
DOMAINS = "AB"
LAYOUT = {*PARTS, *DOMAINS, *(f"{part}{domain}" for part in PARTS for domain in DOMAINS)}  # folders with a meaning
DEEPEST = 4  # folders around the layout
NAMED = 4  # folders in a message

File = tuple[str, Opener]  # "trainA/1.png", and a function to open it


def load_paired(mine: UserImages, size: int, progress: Progress, part: str = "train") -> DataSet:
    """Pairs of a folder or zip at `size` pixels; a pair with an unusable picture is left out.

    Raises BadData if none can be used, or if most files have no partners.
    """
    root = _root(mine, deep=False)
    sides = _sides(root, part)
    names, skipped = _partners(sides)
    depths: list[tuple[int, int]] = []  # of each side: number of files with more than 8 bits, and the bits they use

    def pairs() -> Iterator[Pair]:
        bad: list[BadData] = []
        with ExitStack() as stack:
            openers = [stack.enter_context(side.files()) for side in sides]
            each = zip(openers, zip(*names, strict=True), strict=True)
            depths[:] = [_depth([found[name] for name in chosen], mine.depth) for found, chosen in each]
            for both in names:
                files = zip(sides, openers, both, strict=True)
                given = [(_short(side, name), found[name]) for side, found, name in files]
                try:
                    yield _pair(given, size, mine.fit, [depth for _, depth in depths])
                except BadData as error:
                    bad.append(error)
                    skipped.append((given[0][0], str(error)))
        if len(bad) == len(names):
            raise bad[0]

    name = _name(mine, root)
    version = " ".join(side.version for side in sides)
    cached = name if part == "train" else f"test:{name}"
    return cached_pairs(cached, size, version, len(names), pairs, LICENCE, progress, skipped, depths)


def _depth(files: Sequence[Opener], asked: int) -> tuple[int, int]:
    """The number of files of a side with more than 8 bits, and the depth assumed for all of them."""
    found = [depth for depth in in_threads(_depth_of, files) if depth]
    return len(found), asked or max(found, default=0)


def _depth_of(opener: Opener) -> int:
    try:
        with opener() as stream:
            return deep_bits(stream)
    except (Unusable, OSError):  # reported by name when the file is decoded
        return 0


def load_unpaired(mine: UserImages, size: int, progress: Progress, part: str = "train") -> DataSet:
    """The two domains of a folder or zip, which may differ in number, at `size` pixels, with the classes of the first
    if it has any; raises BadData.
    """
    root = _root(mine)
    first = classed_images_of(_domain(root, part, "A"), mine, size, progress)
    if part != PARTS[0] and first.class_names:
        learnt = classed_images_of(_domain(root, PARTS[0], "A"), mine, size, progress)
        first = labels.matched(first, learnt.class_names)
    domains = {"a": first, "b": images_of(_domain(root, part, "B"), mine, size, progress)}
    label = {"label": first.arrays["label"]} if first.class_names else {}
    images = {name: data.arrays["real"] for name, data in domains.items()}
    channels = max(array.shape[1] for array in images.values())
    images = {name: images_in(array, channels) for name, array in images.items()}
    skipped = tuple(
        (f"{part}{name.upper()}/{file}", reason) for name, data in domains.items() for file, reason in data.skipped
    )
    notes = tuple(note for data in domains.values() for note in data.notes)
    name = _name(mine, root)
    return DataSet(name, images | label, first.class_names, LICENCE, skipped, unpaired=True, notes=notes)


def _root(mine: UserImages, deep: bool = True) -> Place:
    """The folder that contains the layout's folders."""
    found = place(mine, deep)
    for _ in range(DEEPEST):
        folders, files = found.entries()
        if len(folders) != 1 or folders <= LAYOUT:
            break
        inner = found.within(*folders)
        if any(map(_pictured, files)) and not inner.entries()[0] & LAYOUT:
            break
        found = inner
    return found


def _name(mine: UserImages, root: Place) -> str:
    return str(mine if mine.is_upload else replace(mine, path=str(root.path)))


def _domain(root: Place, part: str, letter: str) -> Place:
    """`trainA`, or `A/train`, or `A` if it has no parts."""
    folders, _ = root.entries()
    if f"{part}{letter}" in folders:
        return root.within(f"{part}{letter}")
    inner = root.within(letter) if letter in folders else None
    if inner and part in inner.entries()[0]:
        return inner.within(part)
    if inner and part == PARTS[0] and not inner.entries()[0] & {*PARTS}:
        return inner
    raise BadData(
        "{path} lacks the folder {name}. Two domains lie in trainA and trainB, or in A/train and B/train.",
        path=root.title, name=f"{letter}/{part}" if inner else f"{part}{letter}",
    )  # fmt: skip


def _sides(root: Place, part: str) -> list[Place]:
    """Two places whose files are partners by name, or one whose files contain both halves."""
    folders, files = root.entries()
    if folders & {f"{part}{letter}" for letter in DOMAINS} or folders >= {*DOMAINS}:
        return [_domain(root, part, letter) for letter in DOMAINS]
    if part in folders or part != "train":
        return [root.within(part)]
    if folders and not any(map(_pictured, files)):
        raise BadData(
            "{path} holds the folders {names}. Pairs lie in trainA and trainB, or side by side in each picture of one "
            "folder.",
            path=root.title, names=shown(", ".join(sorted(folders)[:NAMED])) + (", …" if len(folders) > NAMED else ""),
        )  # fmt: skip
    return [root]


def _partners(sides: Sequence[Place]) -> tuple[list[tuple[str, ...]], Skipped]:
    """The names of the files of each pair, with equal names, else equal without their endings; and the few files
    without partners.
    """
    skipped: Skipped = []
    found = [_images(side, skipped) for side in sides]
    if len(found) == 1:
        return [(name,) for name in found[0]], skipped
    same = {*found[0]} & {*found[1]}
    sources, targets = (
        _by_stem(side, [name for name in names if name not in same]) for side, names in zip(sides, found, strict=True)
    )
    first, second = map(_called, sides)
    alone = sorted(sources.keys() ^ targets.keys())
    if len(alone) > len(same) + len(sources.keys() & targets.keys()):
        raise BadData(
            "{first} holds {sources} images and {second} {targets}, and '{name}' is in {where} alone. Partners must "
            "have the same name.",
            first=first, sources=len(found[0]), second=second, targets=len(found[1]),
            name=shown((sources | targets)[alone[0]]), where=first if alone[0] in sources else second,
        )  # fmt: skip
    for stem in alone:
        one, other = (sides[0], second) if stem in sources else (sides[1], first)
        skipped.append((_short(one, sources.get(stem) or targets[stem]), f"it has no partner in {other}"))
    paired = [(name, targets[stem]) for stem, name in sources.items() if stem in targets]
    return sorted([*((name, name) for name in same), *paired]), skipped


def _by_stem(side: Place, names: Sequence[str]) -> dict[str, str]:
    """Names by their stem; raises BadData if two pictures have the same."""
    found: dict[str, str] = {}
    for name in names:
        stem = PurePosixPath(name).stem
        if stem in found:
            raise BadData(
                "{folder} holds '{one}' and '{other}', which differ in their endings alone, so their partners can't be "
                "told apart. Give each partner the same ending, or rename one.",
                folder=_called(side), one=shown(found[stem]), other=shown(name),
            )  # fmt: skip
        found[stem] = name
    return found


def _called(side: Place) -> str:
    """`trainA`, or `A/train`."""
    path = PurePosixPath(side.title)
    return "/".join(path.parts[-2:]) if path.parent.name in [*DOMAINS] else path.name


def _images(side: Place, skipped: Skipped) -> list[str]:
    """The names of the images directly in a folder; unreadable ones are added to `skipped`."""
    left_out = [(_short(side, name), reason) for name, reason in side.skipped if name == "." or _pictured(name)]
    skipped += left_out
    found = [name for name in side.names() if _pictured(name)]
    if left_out and (not found or any(name == "." for name, _ in side.skipped)):
        raise _unusable(*left_out[0])
    if not found:
        raise BadData("There is no image in {path}.", path=side.title)
    return found


def _pictured(name: str) -> bool:
    return name.lower().endswith(SUFFIXES)


def _pair(files: Sequence[File], size: int, fit: str, depths: Sequence[int]) -> Pair:
    if len(files) == 1:
        return _halves(files[0], size, fit, depths[0])
    source, target = (_opened(file, depth) for file, depth in zip(files, depths, strict=True))
    if source.size != target.size:
        raise BadData(
            "'{name}' has {size} pixels and its partner {other}: they can't show the same, place for place.",
            name=files[0][0], size="x".join(map(str, source.size)), other="x".join(map(str, target.size)),
        )  # fmt: skip
    return square(source, size, fit), square(target, size, fit)


def _halves(file: File, size: int, fit: str, depth: int) -> Pair:
    image = _opened(file, depth)
    narrow = fit == CROP and image.width < image.height  # more likely one picture than two
    if image.width % 2 or narrow:
        raise BadData(
            "'{name}' has {width}x{height} pixels, so it doesn't hold two pictures side by side.",
            name=file[0], width=image.width, height=image.height,
        )  # fmt: skip
    half = image.width // 2
    left, right = image.crop((0, 0, half, image.height)), image.crop((half, 0, image.width, image.height))
    return square(left, size, fit), square(right, size, fit)


def _opened(file: File, depth: int) -> Image.Image:
    """Opens a picture in colour; raises BadData."""
    name, opener = file
    try:
        with opener() as stream:
            return opened(stream, depth).convert("RGB")
    except (Unusable, OSError) as error:
        raise _unusable(name, error) from error


def _unusable(name: str, reason: str | Exception) -> BadData:
    return BadData("'{name}' can't be used: {reason}.", name=name, reason=reason)


def _short(side: Place, name: str) -> str:
    return shown(f"{_called(side)}/{name}")
