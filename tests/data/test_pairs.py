"""Pairs and domains: drawn ones, published ones, and the user's own in every layout, valid and invalid."""

from __future__ import annotations

import io
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core.data import DataSet, avatars, load, source, sources
from gan_core.data.avatars.pencil import GRAPHITE, PAPER, draw_pencil
from gan_core.data.base import silent
from gan_core.data.batches import Batches
from gan_core.data.sets import avatars as avatar_sets
from gan_core.data.sets.cyclegan_sets import CLASSICS
from gan_core.data.sets.emoji import base, places_of
from gan_core.data.user import folders, references
from gan_core.data.user import pairs as pair_folders
from gan_core.errors import BadData
from gan_core.pictures.edges import edges
from tests.conftest import images

DRAWN = ("avatars_pencil", "edges2avatars", "digits_coloured")
PUBLISHED = ("emoji_styles", "heroes_turned", "edges2photos")


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avatar_sets, "PAIRS", 40)
    monkeypatch.setattr(avatar_sets, "TEST_PAIRS", 20)


def flat(folder: Path, name: str, level: int, size: tuple[int, int] = (16, 16)) -> None:
    """A picture of one grey level."""
    folder.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, (level, 0, 255 - level)).save(folder / name)


@pytest.mark.parametrize("name", DRAWN)
def test_drawn_pairs_and_the_same_apart(name: str) -> None:
    pairs, apart = load(name, 32), load(f"{name}_unpaired", 32)
    assert pairs.arrays.keys() == {"source", "target"}
    assert pairs.spec == source(name).spec(32)
    assert apart.spec == source(f"{name}_unpaired").spec(32)
    assert apart.unpaired
    np.testing.assert_array_equal(pairs.arrays["source"], apart.arrays["a"])
    np.testing.assert_array_equal(pairs.arrays["target"], apart.arrays["b"])
    assert all(array.std() > 20 for array in pairs.arrays.values())


def test_a_pencil_drawing_is_of_the_same_face() -> None:
    pairs = load("avatars_pencil", 64)
    attributes = avatars.sample_attributes(40, 0)
    np.testing.assert_array_equal(pairs.arrays["target"], avatars.draw_avatars(attributes, 64))
    np.testing.assert_array_equal(pairs.arrays["source"], draw_pencil(attributes, 64))
    drawing = pairs.arrays["source"]
    assert (drawing[:, :, 0, 0] == PAPER).all()
    assert drawing.min() >= min(GRAPHITE)
    # the tones alone: hardly any colour is left
    assert (drawing.max(1).astype(int) - drawing.min(1)).max() <= 8
    test = source("avatars_pencil").test
    assert test is not None
    unseen = test(64, silent)
    assert unseen.name == "test:avatars_pencil"
    assert not any((face == pairs.arrays["target"]).all((1, 2, 3)).any() for face in unseen.arrays["target"])


def test_edges_are_where_colour_steps() -> None:
    faces = np.zeros((1, 3, 4, 4), np.uint8)
    faces[0, 1, :, 2:] = 200
    assert edges(faces)[0, 0].tolist() == [[255, 255, 0, 255]] * 4
    assert edges(faces // 40).min() == 255  # a step of 5 is no edge


def test_a_digits_colour_identifies_the_digit() -> None:
    pairs, labels = load("digits_coloured").arrays, load("digits").arrays["label"]
    colours = set()
    for digit in range(10):
        full = pairs["source"][labels == digit][:, 0] == 255  # (N, H, W)
        ink = np.unique(pairs["target"][labels == digit].transpose(0, 2, 3, 1)[full], axis=0)
        assert len(ink) == 1
        colours.add(tuple(ink[0]))
    assert len(colours) == 10


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_pairs_say_what_they_need(name: str) -> None:
    for wanted in (name, f"{name}_unpaired"):
        assert not source(wanted).available()
        with pytest.raises(BadData, match="Set GANSCOPE_DATA to a folder that holds"):
            load(wanted)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_pairs(name: str, real_data: Path) -> None:
    declared = source(name)
    pairs = load(name, 32)
    assert len(pairs) == declared.items
    assert pairs.spec == declared.spec(32)
    assert declared.test is not None
    assert len(declared.test(32, silent)) > 50
    # partners look more alike than strangers
    first, second = (array[:200].astype(np.float32).mean(1) for array in pairs.arrays.values())
    if name != "edges2photos":
        near, far = np.abs(first - second).mean(), np.abs(first - np.roll(second, 7, 0)).mean()
        assert near < 0.9 * far


def test_all_tones_of_an_emoji_are_on_one_side() -> None:
    codes = [f"1F{number:03X}" for number in range(40)]
    codes += [f"{code}-1F3FB" for code in codes[:25]] + [f"{code}-1F3FF" for code in codes[:25]]
    train, test = places_of(codes, "train"), places_of(codes, "test")
    assert sorted(train + test) == list(range(90))
    sides = [{base(codes[place]) for place in part} for part in (train, test)]
    assert not sides[0] & sides[1]
    assert len(sides[1]) == 4
    # the held-out ones, at the end, have no other tone in the training part
    assert all(codes[place] in codes[25:40] for place in train[-12:])


def test_unpaired_domains_are_drawn_in_orders_of_their_own() -> None:
    numbered = np.arange(40, dtype=np.uint8).reshape(40, 1, 1, 1)
    data = DataSet("numbers", {"a": numbered, "b": numbered[:30]}, unpaired=True)
    batches = Batches(data, 0, torch.device("cpu"), held_out=6)
    drawn = [batches.next(5) for _ in range(40)]
    assert any(not torch.equal(batch["a"], batch["b"]) for batch in drawn)
    seen = {
        name: {round((float(value) + 1) * 127.5) for batch in drawn for value in batch[name]} for name in ("a", "b")
    }
    assert seen == {"a": set(range(34)), "b": set(range(24))}
    assert ((batches.held_out()["b"].flatten() + 1) * 127.5).round().tolist() == [24, 25, 26, 27, 28, 29]


def test_a_small_set_holds_out_a_quarter_at_most() -> None:
    data = DataSet("few", {"real": images(8)})
    assert len(Batches(data, 0, torch.device("cpu"), 12).held_out()["real"]) == 2
    assert Batches(DataSet("fewer", {"real": images(3)}), 0, torch.device("cpu"), 12).held_out() == {}
    assert Batches(data, 0, torch.device("cpu")).held_out() == {}


# --- the user's own ------------------------------------------------------------------------------------------------


def test_partners_by_name(tmp_path: Path) -> None:
    for number in range(5):
        flat(tmp_path / "trainA", f"{number}.png", 10 * number)
        flat(tmp_path / "trainB", f"{number}.jpg" if number == 3 else f"{number}.png", 100 + 10 * number)
    (tmp_path / "trainA" / "notes.txt").write_text("no image")
    data = load(f"paired:{tmp_path}", 16)
    assert data.spec.task == "paired"
    assert data.arrays["source"][:, 0, 0, 0].tolist() == [0, 10, 20, 30, 40]
    assert data.arrays["target"][[0, 1, 2, 4], 0, 0, 0].tolist() == [100, 110, 120, 140]


def test_halves_side_by_side(tmp_path: Path) -> None:
    picture = Image.new("RGB", (32, 16), (255, 0, 0))
    picture.paste((0, 0, 255), (16, 0, 32, 16))
    (tmp_path / "train").mkdir()
    picture.save(tmp_path / "train" / "one.png")
    data = load(f"paired:{tmp_path}", 8)
    assert data.arrays["source"][0, :, 4, 4].tolist() == [255, 0, 0]
    assert data.arrays["target"][0, :, 4, 4].tolist() == [0, 0, 255]
    again = load(f"paired:{tmp_path / 'train'}", 8)
    np.testing.assert_array_equal(again.arrays["source"], data.arrays["source"])


def test_domains_of_unequal_number(tmp_path: Path) -> None:
    for number in range(5):
        flat(tmp_path / "trainA", f"{number}.png", 10 * number)
    flat(tmp_path / "trainB", "x.png", 200)
    flat(tmp_path / "trainB", "y.png", 210)
    (tmp_path / "trainB" / "broken.png").write_bytes(b"not a picture")
    data = load(f"unpaired:{tmp_path}", 16)
    assert {name: len(array) for name, array in data.arrays.items()} == {"a": 5, "b": 2}
    assert data.unpaired
    assert [file for file, _ in data.skipped] == ["trainB/broken.png"]


def test_a_pair_with_a_broken_picture_is_left_out_as_a_pair(tmp_path: Path) -> None:
    """Pairs are treated like single pictures of unpaired domains."""
    for number in range(6):
        flat(tmp_path / "trainA", f"{number}.png", 10 * number)
        flat(tmp_path / "trainB", f"{number}.png", 100 + 10 * number, (16, 16) if number != 3 else (20, 16))
    (tmp_path / "trainB" / "1.png").write_bytes(b"no picture")
    (tmp_path / "trainA" / "2.png").write_bytes(b"")
    (tmp_path / "trainB" / "4.png").unlink()
    (tmp_path / "trainA" / "._5.png").write_bytes(b"left by a system")
    for _from_the_cache_too in range(2):
        data = load(f"paired:{tmp_path}", 16)
        assert data.arrays["source"][:, 0, 0, 0].tolist() == [0, 50]
        assert data.arrays["target"][:, 0, 0, 0].tolist() == [100, 150]
        assert [name for name, _ in data.skipped] == [f"trainA/{number}.png" for number in (4, 1, 2, 3)]
        reasons = dict(data.skipped)
        assert "'trainB/1.png' can't be used: not an image" in reasons["trainA/1.png"]
        assert "'trainA/2.png' can't be used" in reasons["trainA/2.png"]
        assert "partner 20x16" in reasons["trainA/3.png"]
        assert reasons["trainA/4.png"] == "it has no partner in trainB"
    apart = load(f"unpaired:{tmp_path}", 16)
    assert {name for name, _ in apart.skipped} == {"trainA/2.png", "trainB/1.png"}


def test_halves_of_which_one_picture_is_broken(tmp_path: Path) -> None:
    flat(tmp_path, "1.png", 7, (32, 16))
    flat(tmp_path, "2.png", 7, (31, 16))
    (tmp_path / "3.png").write_bytes(b"no picture")
    packed = zipped(tmp_path, tmp_path.parent / "halves.zip")
    for reference in (f"paired:{tmp_path}", f"paired:{packed}"):
        data = load(reference, 16)
        assert len(data) == 1
        assert [name.rpartition("/")[2] for name, _ in data.skipped] == ["2.png", "3.png"]


def test_domains_are_no_class_folders(tmp_path: Path) -> None:
    """A picture next to folders within a domain belongs to it."""
    for name in ("a/1.png", "b/2.png", "3.png"):
        flat((tmp_path / "trainA" / name).parent, name[-5:], 1)
    flat(tmp_path / "trainB", "1.png", 2)
    data = load(f"unpaired:{tmp_path}", 16)
    assert (len(data.arrays["a"]), data.skipped) == (3, ())
    assert load(f"folder:{tmp_path / 'trainA'}", 16).class_names == ("a", "b")
    assert len(load(f"unpaired:{tmp_path}", 16).arrays["a"]) == 3


def test_folders_of_the_first_domain_are_classes(tmp_path: Path) -> None:
    """If all of its pictures are in class folders; the test part has the labels of the same names."""
    for part, names in (("train", ("cat", "dog", "eel")), ("test", ("eel", "cat"))):
        for level, name in enumerate(names):
            for number in range(3):
                flat(tmp_path / f"{part}A" / name, f"{number}.png", 40 * level)
        for number in range(4):
            flat(tmp_path / f"{part}B" / "any", f"{number}.png", 200 + number)
    packed = zipped(tmp_path, tmp_path.parent / "classed.zip")
    for place in (tmp_path, packed):
        learnt, measured = load(f"unpaired:{place}", 16), load(f"test:unpaired:{place}", 16)
        assert learnt.class_names == measured.class_names == ("cat", "dog", "eel")
        assert learnt.arrays["label"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
        assert sorted(set(measured.arrays["label"].tolist())) == [0, 2]
        assert learnt.spec.task == "unpaired"
        assert [len(learnt.arrays[domain]) for domain in "ab"] == [9, 4]
    flat(tmp_path / "testA" / "fox", "1.png", 3)
    with pytest.raises(BadData, match="has the classes cat, eel, fox, and the networks have learnt cat, dog, eel"):
        load(f"test:unpaired:{tmp_path}", 16)


def test_a_grey_domain_beside_one_in_colour(tmp_path: Path) -> None:
    flat(tmp_path / "trainA", "1.png", 50)
    (tmp_path / "trainB").mkdir()
    Image.new("L", (16, 16), 70).save(tmp_path / "trainB" / "1.png")
    data = load(f"unpaired:{tmp_path}", 16)
    assert data.arrays["b"].shape == (1, 3, 16, 16)
    assert (data.arrays["b"] == 70).all()


def zipped(folder: Path, path: Path, around: str = "") -> Path:
    """All files of a folder as a zip, with folders around them."""
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(f"__MACOSX/{around}._left", b"by a system")
        for file in sorted(folder.rglob("*.*")):
            packed.write(file, f"{around}{file.relative_to(folder)}")
    return path


@pytest.mark.parametrize("around", ["", "facades/", "sets/of mine/"])
@pytest.mark.parametrize("kind", ["paired", "unpaired"])
def test_a_zip_is_read_as_its_folder(kind: str, around: str, tmp_path: Path) -> None:
    root = tmp_path / "facades"
    for number in range(4):
        flat(root / "trainA", f"{number}.png", 10 * number, (20, 16))
        flat(root / "trainB", f"{number}.png", 100 + 10 * number, (20, 16))
    (root / "trainB" / "notes.txt").write_text("no image")
    path = zipped(root, tmp_path / "facades.zip", around)
    folder, packed = load(f"{kind}+pad:{root}", 16), load(f"{kind}+pad:{path}", 16)
    assert packed.name == f"{kind}+pad:{path}"
    assert (packed.skipped, packed.unpaired) == (folder.skipped, folder.unpaired)
    assert len(packed.skipped) == (kind == "unpaired")
    for name, array in folder.arrays.items():
        assert len(array) == 4
        np.testing.assert_array_equal(packed.arrays[name], array)
    with path.open("rb") as stream:
        reference = folders.store_upload("facades.zip", stream, kind)
    uploaded = load(reference, 16)
    assert (uploaded.name, uploaded.spec.task) == (reference, kind)
    assert reference.startswith(f"{kind}-upload:facades-")


def test_halves_in_a_zip(tmp_path: Path) -> None:
    picture = Image.new("RGB", (32, 16), (255, 0, 0))
    picture.paste((0, 0, 255), (16, 0, 32, 16))
    (tmp_path / "maps").mkdir()
    picture.save(tmp_path / "maps" / "one.png")
    data = load(f"paired:{zipped(tmp_path / 'maps', tmp_path / 'maps.zip', 'maps/')}", 8)
    assert data.arrays["source"][0, :, 4, 4].tolist() == [255, 0, 0]
    assert data.arrays["target"][0, :, 4, 4].tolist() == [0, 0, 255]


@pytest.mark.parametrize("kind", ["paired", "unpaired"])
def test_a_folder_around_the_layout_may_contain_circular_links(kind: str, tmp_path: Path) -> None:
    (tmp_path / "again").symlink_to(tmp_path)
    with pytest.raises(BadData, match=r"holds the folders again|lacks the folder trainA"):
        load(f"{kind}:{tmp_path}", 16)
    (tmp_path / "again").unlink()
    (tmp_path / "again").symlink_to("again")  # a link to itself isn't a folder
    for side in ("trainA", "trainB"):
        flat(tmp_path / side, "1.png", 1)
    assert len(load(f"{kind}:{tmp_path}", 16)) == 1


def test_a_picture_beside_the_folder_around_the_layout(tmp_path: Path) -> None:
    root = tmp_path / "facades"
    for side in ("trainA", "trainB"):
        flat(root / side, "1.png", 7)
    path = zipped(root, tmp_path / "facades.zip", "facades/")
    with zipfile.ZipFile(path, "a") as packed:
        packed.write(root / "trainA" / "1.png", "preview.png")
    assert load(f"paired:{path}", 16).arrays["target"][0, 0, 0, 0] == 7


def test_a_zip_packed_with_backslashes(tmp_path: Path) -> None:
    flat(tmp_path, "1.png", 7)
    path = tmp_path / "old.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for number, name in enumerate(("trainA/", "trainA/1.png", "trainB/1.png")):
            info = zipfile.ZipInfo("x")
            info.filename = name.replace("/", "\\")
            packed.writestr(info, (tmp_path / "1.png").read_bytes() if number else b"")
    assert load(f"paired:{path}", 16).arrays["target"].shape == (1, 3, 16, 16)
    assert len(load(f"unpaired:{path}", 16).arrays["a"]) == 1
    assert load(f"zip:{path}", 16).class_names == ("trainA", "trainB")


def test_partners_that_are_links(tmp_path: Path) -> None:
    flat(tmp_path / "pool", "1.png", 7)
    for side in ("trainA", "trainB"):
        (tmp_path / "set" / side).mkdir(parents=True)
        (tmp_path / "set" / side / "1.png").symlink_to(tmp_path / "pool" / "1.png")
    assert load(f"paired:{tmp_path / 'set'}", 16).arrays["target"][0, 0, 0, 0] == 7


def test_names_from_a_zip_are_fit_for_a_message(tmp_path: Path) -> None:
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("\x1b[31mevil\n/notes.txt", b"")
    for kind in ("paired", "unpaired"):
        with pytest.raises(BadData) as caught:
            load(f"{kind}:{path}", 16)
        assert "evil" in str(caught.value)
        assert str(caught.value).isprintable()


def test_a_domain_that_is_itself_a_link(tmp_path: Path) -> None:
    flat(tmp_path / "photos", "1.png", 10)
    flat(tmp_path / "set" / "trainB", "1.png", 20)
    (tmp_path / "set" / "trainA").symlink_to(tmp_path / "photos")
    assert load(f"paired:{tmp_path / 'set'}", 16).arrays["source"][0, 0, 0, 0] == 10
    assert load(f"unpaired:{tmp_path / 'set'}", 16).arrays["a"][0, 0, 0, 0] == 10


def test_a_changed_partner_is_read_again(tmp_path: Path) -> None:
    flat(tmp_path / "trainA", "1.png", 50)
    flat(tmp_path / "trainB", "1.png", 60)
    assert load(f"paired:{tmp_path}", 16).arrays["target"][0, 0, 0, 0] == 60
    flat(tmp_path / "trainB", "1.png", 160, (20, 20))
    flat(tmp_path / "trainA", "1.png", 50, (20, 20))
    assert load(f"paired:{tmp_path}", 16).arrays["target"][0, 0, 0, 0] == 160


def no_folder(root: Path) -> None:
    root.rmdir()


def no_second_domain(root: Path) -> None:
    flat(root / "trainA", "1.png", 1)


def empty_domain(root: Path) -> None:
    flat(root / "trainA", "1.png", 1)
    (root / "trainB").mkdir()


def unequal_counts(root: Path) -> None:
    for name in ("1.png", "2.png", "3.png"):
        flat(root / "trainA", name, 1)
    flat(root / "trainB", "1.png", 1)


def sizes_that_differ(root: Path) -> None:
    flat(root / "trainA", "1.png", 1, (16, 16))
    flat(root / "trainB", "1.png", 1, (20, 16))


def broken_partner(root: Path) -> None:
    flat(root / "trainA", "1.png", 1)
    flat(root / "trainB", "1.png", 1)
    (root / "trainB" / "1.png").write_bytes(b"\x89PNG no")


def one_picture_alone(root: Path) -> None:
    flat(root / "train", "1.png", 1, (16, 20))


def nothing(root: Path) -> None:
    (root / "train").mkdir()


def leads_nowhere(root: Path) -> None:
    flat(root / "trainA", "1.png", 1)
    (root / "trainB").mkdir()
    (root / "trainB" / "1.png").symlink_to(root.parent / "1.png")


def other_folders(root: Path) -> None:
    flat(root / "photos", "1.png", 1)
    flat(root / "sketches", "1.png", 1)


def damaged_zip(root: Path) -> None:
    flat(root / "trainA", "1.png", 1)
    flat(root / "trainB", "1.png", 2)
    path = zipped(root, root.parent / "damaged.zip")
    content = path.read_bytes()
    data = (root / "trainB" / "1.png").read_bytes()
    shutil.rmtree(root)
    path.rename(root)
    root.write_bytes(content.replace(data, data[:-20] + bytes(20)))


def zip_of_one_domain(root: Path) -> None:
    flat(root / "trainA", "1.png", 1)
    path = zipped(root, root.parent / "one.zip", "facades/")
    shutil.rmtree(root)
    path.rename(root)


def zip_of_no_images(root: Path) -> None:
    root.rmdir()
    with zipfile.ZipFile(root, "w") as packed:
        packed.writestr("train/notes.txt", b"no image")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (no_folder, "There is no folder or zip at"),
        (no_second_domain, "lacks the folder trainB"),
        (empty_domain, "There is no image in .*trainB"),
        (unequal_counts, "trainA holds 3 images and trainB 1, and '2.png' is in trainA alone"),
        (sizes_that_differ, "'trainA/1.png' has 16x16 pixels and its partner 20x16"),
        (broken_partner, "'trainB/1.png' can't be used: not an image"),
        (one_picture_alone, "'train/1.png' has 16x20 pixels, so it doesn't hold two pictures"),
        (nothing, "There is no image in .*train"),
        (leads_nowhere, "'trainB/1.png' can't be used: can't be opened"),
        (other_folders, "holds the folders photos, sketches. Pairs lie in trainA and trainB, or side by side"),
        (damaged_zip, "'trainB/1.png' can't be used: damaged in the archive"),
        (zip_of_one_domain, "facades lacks the folder trainB"),
        (zip_of_no_images, "There is no image in .*pairs/train"),
    ],
)
def test_flawed_pairs(make: Callable[[Path], None], said: str, tmp_path: Path) -> None:
    root = tmp_path / "pairs"
    root.mkdir()
    make(root)
    with pytest.raises(BadData, match=said):
        load(f"paired:{root}", 16)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (no_folder, "There is no folder or zip at"),
        (no_second_domain, "lacks the folder trainB"),
        (empty_domain, "There are no files in .*trainB"),
        (zip_of_one_domain, "facades lacks the folder trainB"),
        (zip_of_no_images, "lacks the folder trainA"),
    ],
)
def test_flawed_domains(make: Callable[[Path], None], said: str, tmp_path: Path) -> None:
    root = tmp_path / "domains"
    root.mkdir()
    make(root)
    with pytest.raises(BadData, match=said):
        load(f"unpaired:{root}", 16)


def test_every_source_of_pairs_is_described() -> None:
    both = [offered for offered in sources if offered.task in ("paired", "unpaired")]
    twofold = {f"{name}{end}" for name in (*DRAWN, *PUBLISHED) for end in ("", "_unpaired")}
    assert twofold | {classic.name for classic in CLASSICS} <= {offered.name for offered in both}
    for offered in both:
        assert offered.title
        assert offered.about
        assert offered.licence
        assert offered.items > 0
        assert len(set(offered.domains)) == 2
    assert not any(offered.domains for offered in sources if offered not in both)


def test_a_file_that_is_cut_off_inside_a_published_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANSCOPE_DATA", str(tmp_path))
    place = tmp_path / "emoji" / "emoji_pairs_64.npz"
    place.parent.mkdir()
    held = io.BytesIO()
    np.savez(held, noto=images(4, 64, 3).transpose(0, 2, 3, 1))
    place.write_bytes(held.getvalue()[:500])
    with pytest.raises(BadData, match="can't be read"):
        load("emoji_styles")


def letters(root: Path, part: str, count: int = 2, base: int = 0) -> None:
    for number in range(count):
        flat(root / "A" / part, f"{number}.png", base + 10 + number, (16, 16))
        flat(root / "B" / part, f"{number}.png", base + 110 + number, (16, 16))


@pytest.mark.parametrize("around", ["", "facades/", "a/b/"])
@pytest.mark.parametrize("packed", [False, True])
def test_the_layout_of_pix2pixs_own_script_is_read_as_pairs(tmp_path: Path, around: str, packed: bool) -> None:
    root = tmp_path / "pairs"
    letters(root / around, "train")
    letters(root / around, "test", 1, base=50)
    letters(root / around, "val", 1, base=70)
    place = zipped(root, tmp_path / "pairs.zip") if packed else root
    pairs = load(f"paired:{place}", 16)
    assert [array[:, 0, 0, 0].tolist() for array in pairs.arrays.values()] == [[10, 11], [110, 111]]
    domains = load(f"unpaired:{place}", 16)
    assert [sorted(array[:, 0, 0, 0].tolist()) for array in domains.arrays.values()] == [[10, 11], [110, 111]]
    test = pair_folders.load_paired(references.UserImages("paired", str(place)), 16, silent, "test")
    assert [int(array[0, 0, 0, 0]) for array in test.arrays.values()] == [60, 160]


def test_letters_without_parts_are_pairs_too(tmp_path: Path) -> None:
    letters(tmp_path, "")
    assert load(f"paired:{tmp_path}", 16).arrays["target"][:, 0, 0, 0].tolist() == [110, 111]


def test_flaws_of_that_layout_are_named(tmp_path: Path) -> None:
    letters(tmp_path, "train")
    (tmp_path / "B" / "train" / "1.png").rename(tmp_path / "B" / "train" / "7.png")
    with pytest.raises(BadData, match=r"A/train holds 2 images and B/train 2, and '1\.png' is in A/train alone"):
        load(f"paired:{tmp_path}", 16)
    shutil.rmtree(tmp_path / "B")
    (tmp_path / "B" / "val").mkdir(parents=True)
    with pytest.raises(
        BadData, match=r"lacks the folder B/train\. Two domains lie in trainA and trainB, or in A/train"
    ):
        load(f"paired:{tmp_path}", 16)


def test_two_files_of_one_stem_are_not_dropped(tmp_path: Path) -> None:
    for name, level in (("x.png", 10), ("x.bmp", 20), ("y.png", 30)):
        flat(tmp_path / "trainA", name, level, (16, 16))
        flat(tmp_path / "trainB", name.replace("y.png", "y.bmp"), level + 100, (16, 16))
    pairs = load(f"paired:{tmp_path}", 16)  # by their whole names if these are equal, else without the ending
    assert sorted(zip(*(array[:, 0, 0, 0].tolist() for array in pairs.arrays.values()), strict=True)) == [
        (10, 110), (20, 120), (30, 130),
    ]  # fmt: skip
    assert load(f"unpaired:{tmp_path}", 16).arrays["a"].shape[0] == 3
    (tmp_path / "trainB" / "x.bmp").unlink()
    fewer = load(f"paired:{tmp_path}", 16)
    assert len(fewer) == 2
    assert fewer.skipped == (("trainA/x.bmp", "it has no partner in trainB"),)
    (tmp_path / "trainB" / "x.png").rename(tmp_path / "trainB" / "x.gif")
    with pytest.raises(
        BadData, match=r"trainA holds 'x\.bmp' and 'x\.png', which differ only in their file extensions"
    ):
        load(f"paired:{tmp_path}", 16)


def test_pictures_side_by_side_of_one_stem_are_all_pairs(tmp_path: Path) -> None:
    for name in ("x.png", "x.bmp"):
        flat(tmp_path / "train", name, 50, (32, 16))
    assert len(load(f"paired:{tmp_path}", 16)) == 2
