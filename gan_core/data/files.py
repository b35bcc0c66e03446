"""Data sets that are read from files: where files are searched, and the source that reads them.

Files are in `GANSCOPE_DATA`, or below `GANSCOPE_HOME`, where `ganscope data get` or a download at first use puts them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from gan_core.data.base import DataSet, Progress, Source
from gan_core.data.prepared import Pictures, prepare
from gan_core.data.published.by_torchvision import Download
from gan_core.data.user.archives import seen
from gan_core.errors import BadData, StoreError
from gan_core.paths import data_home, home


@dataclass(frozen=True)
class Layout:
    """A layout of a set in a folder: a pattern for each of its files, and the function that reads them all.

    A pattern may match several files, which are sorted by name. `read` gets the files in the order of
    the patterns.
    """

    patterns: tuple[str, ...]
    read: Callable[[list[Path]], Pictures]


def homes(below: str = "data") -> list[Path]:
    """The folders in which data sets are searched: `GANSCOPE_DATA`, and the one below `GANSCOPE_HOME`."""
    shared = data_home()
    folders = [shared] if shared else []
    with suppress(StoreError):
        folders.append(home() / below)
    return folders


def files_of(*patterns: str, below: str = "data") -> list[Path]:
    """The files of the first folder with a match for every pattern; empty if there is none."""
    for folder in homes(below):
        matches = [seen(folder.glob(pattern)) for pattern in patterns]
        if all(matches):
            return [file for files in matches for file in files]
    return []


def how_to_get(patterns: Sequence[str], published: str = "", download: Download | None = None) -> str:
    """Instructions to get a set that is missing."""
    by_hand = f"Set GANSCOPE_DATA to a folder that holds {' and '.join(patterns)}."
    if download:
        return f"Downloaded at first use ({download.size / 1e6:,.0f} MB on disk). Or: {by_hand}"
    return f"Run `ganscope data get {published}`. Or: {by_hand}" if published else by_hand


def from_files(
    *,
    name: str,
    title: str,
    about: str,
    licence: str,
    size: int,
    channels: int,
    items: int,
    train: Layout | Sequence[Layout],
    test: Layout | None = None,
    class_names: tuple[str, ...] = (),
    task: str = "images",
    domains: tuple[str, ...] = (),
    published: str = "",
    download: Download | None = None,
    hub: str = "",
) -> Source:
    """A source of images, or of pairs if the task is "paired", that is read from files in one of its layouts.

    `published` names the set for `ganscope data get`; `download` fetches the files at first use.
    """
    layouts = {"train": [train] if isinstance(train, Layout) else [*train], "test": [test] if test else []}
    needs = how_to_get(layouts["train"][0].patterns, published, download)
    below = f"downloads/{name}" if download else "data"

    def found(part: str) -> tuple[list[Path], Layout] | None:
        matches = ((files_of(*layout.patterns, below=below), layout) for layout in layouts[part])
        return next(((files, layout) for files, layout in matches if files), None)

    def load(part: str, wanted: int | None, progress: Progress) -> DataSet:
        if download and not found(part):
            download.fetch(name, title, how_to_get(layouts["train"][0].patterns), progress)
        if not (here := found(part)):
            if download:
                raise BadData("What torchvision downloaded for {title} isn't laid out as expected.", title=title)
            raise BadData("'{name}' isn't here. {needs}", name=name, needs=needs)
        files, layout = here
        whole = f"test:{name}" if part == "test" else name
        read = partial(layout.read, files)
        return prepare(whole, wanted or size, files, read, class_names, licence, progress, task == "paired")

    return Source(
        name=name, title=title, about=about, licence=licence, size=size, channels=channels, items=items,
        class_names=class_names, load=partial(load, "train"), test=partial(load, "test") if test else None,
        available=lambda: found("train") is not None, needs=needs, task=task, published=published, domains=domains,
        hub=hub,
    )  # fmt: skip
