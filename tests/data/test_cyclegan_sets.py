"""The sets of CycleGAN's authors, from a local server with tiny ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from gan_core.data import load, source
from gan_core.data.published import published
from gan_core.data.published.catalogue import Published
from gan_core.data.published.getting import get
from gan_core.data.sets.cyclegan_sets import CLASSICS, PARTS, Classic
from gan_core.errors import BadData
from tests.data.loopback import Loopback
from tests.data.offered import files_below, photo, zipped


def test_a_classic_set_of_two_domains(
    offer: Callable[..., Published], loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    (horses,) = (one for one in CLASSICS if one.name == "horse2zebra")
    monkeypatch.setenv("GANSCOPE_MIRROR", "")
    assert horses.file.address == "https://efrosgans.eecs.berkeley.edu/cyclegan/datasets/horse2zebra.zip"
    monkeypatch.setenv("GANSCOPE_MIRROR", loopback.address)
    parts = {"trainA": 3, "trainB": 5, "testA": 1, "testB": 2}
    pictures = {
        f"horse2zebra/{part}/n{place}.jpg": photo((256, 256), 10 * len(part) + place)
        for part, count in parts.items()
        for place in range(count)
    }
    offer("horse2zebra", {horses.file: zipped({"horse2zebra/": b"", "horse2zebra/.DS_Store": b"x"} | pictures)})
    with pytest.raises(BadData, match="Run `ganscope data get horse2zebra`"):
        load("horse2zebra")
    loopback.cut[horses.file.name] = [1000]
    got = get("horse2zebra")
    assert got.fresh
    assert files_below(got.folder).keys() - {"origin.json"} == {name.partition("/")[2] for name in pictures}
    assert (got.folder / "trainB" / "n4.jpg").read_bytes() == pictures["horse2zebra/trainB/n4.jpg"]
    found = load("horse2zebra", 64)
    assert {field: array.shape for field, array in found.arrays.items()} == {"a": (3, 3, 64, 64), "b": (5, 3, 64, 64)}
    assert found.spec == source("horse2zebra").spec(64)
    assert found.unpaired
    assert load("test:horse2zebra", 64).arrays["b"].shape[0] == 2
    assert not get("horse2zebra").fresh


def test_another_folder_of_that_name_is_not_taken_for_the_set(
    offer: Callable[..., Published], tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pix2pix's own `facades` has other folders."""
    (facades,) = (one for one in CLASSICS if one.name == "facades")
    other = tmp_path / "shared" / "facades"
    for part in ("train", "trainA"):
        (other / part).mkdir(parents=True)
        (other / part / "1.jpg").write_bytes(photo((8, 8)))
    monkeypatch.setenv("GANSCOPE_DATA", str(other.parent))
    assert not source("facades").available()
    offer("facades", {facades.file: zipped({f"facades/{part}/1.jpg": photo((8, 8)) for part in PARTS})})
    got = get("facades")
    assert (got.folder, got.fresh) == (home / "data" / "facades", True)
    assert load("facades", 8).arrays["a"].shape == (1, 3, 8, 8)


def test_an_archive_that_lacks_a_domain(offer: Callable[..., Published], home: Path) -> None:
    (apples,) = (one for one in CLASSICS if one.name == "apple2orange")
    content = zipped({f"apple2orange/{part}/1.jpg": photo((8, 8)) for part in ("trainA", "trainB", "testA")})
    with pytest.raises(ValueError, match="holds no testB"):
        offer("apple2orange", {apples.file: content})


@pytest.mark.parametrize("one", CLASSICS, ids=lambda one: one.name)
def test_the_table_of_the_classic_sets(one: Classic) -> None:
    assert published.get(one.name).first == {one.file: one.sha256}
    assert re.fullmatch("[0-9a-f]{64}", one.sha256)
    assert source(one.name).items == min(one.pictures[:2])
    assert one.size / sum(one.pictures) > 10_000  # bytes of a picture
