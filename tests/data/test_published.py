"""Published data sets, from a local server with tiny sources of the same form."""

from __future__ import annotations

import errno
import io
import json
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat

from gan_core.data import load, source, sources
from gan_core.data.published import arrays, fetch, getting, published
from gan_core.data.published.catalogue import Published
from gan_core.data.published.getting import bring, get
from gan_core.data.published.origins import File, Origin
from gan_core.data.sets import bccd, bsds500, emoji, pneumonia, tinyhero
from gan_core.errors import BadData, UnknownName
from tests.data.loopback import Loopback
from tests.data.offered import files_below, photo, summed

ORIGIN = Origin("somebody/some-set", "0123456789abcdef0123456789abcdef01234567")
COUNT = 70  # number of files: more than share one checksum


@pytest.fixture
def numbers(loopback: Loopback, tmp_path: Path) -> Published:
    """A list, and one file for each of its lines; converted to one array."""
    names = [f"{index}.bin" for index in range(COUNT)]
    listing = ORIGIN.file("list.txt")

    def listed(downloads: Path) -> list[File]:
        return [ORIGIN.file(name) for name in listing.place(downloads).read_text().split()]

    def convert(downloads: Path, progress: object) -> arrays.Arrays:
        return {"values": np.stack([np.fromfile(file.place(downloads), np.uint8) for file in listed(downloads)])}

    loopback.files[listing.name] = "\n".join(names).encode()
    for index, name in enumerate(names):
        loopback.files[ORIGIN.file(name).name] = bytes([index]) * 5000
    bare = Published(
        name="numbers", title="Numbers", licence="none", origins=(ORIGIN,), folder="Numbers", npz="numbers.npz",
        size=COUNT * 5000, convert=convert, digest="", first={listing: ""}, listed=listed,
    )  # fmt: skip
    return summed(bare, loopback, tmp_path)


def failed(wanted: Published, home: Path) -> str:
    """The message of a call that must fail and leave no data set behind."""
    with pytest.raises(BadData) as caught:
        bring(wanted)
    assert not (home / "data").exists() or list((home / "data").iterdir()) == []
    return str(caught.value)


# --- fetching ------------------------------------------------------------------------------------------------------


def test_a_set_is_fetched_checked_and_converted(numbers: Published, loopback: Loopback, home: Path) -> None:
    seen: list[tuple[float, str]] = []
    got = bring(numbers, lambda share, what: seen.append((share, what)))
    assert (got.folder, got.exact, got.fresh) == (home / "data" / "Numbers", True, True)
    with np.load(got.folder / "numbers.npz") as made:
        np.testing.assert_array_equal(made["values"], np.repeat(np.arange(COUNT, dtype=np.uint8)[:, None], 5000, 1))
    assert json.loads((got.folder / "origin.json").read_bytes())["sources"] == {
        f"github.com/{ORIGIN.repository}": ORIGIN.commit
    }
    assert {path.split("/")[2] for path, _ in loopback.asked} == {ORIGIN.commit}
    assert len(loopback.asked) == COUNT + 1
    shares = [share for share, _ in seen]
    assert shares == sorted(shares)
    assert seen[-1] == (0.99, "Downloading Numbers (0.4 of 0.3 MB)")  # the list isn't counted in this set
    assert not (home / "downloads" / "numbers.files").exists()


def test_a_second_call_does_nothing(numbers: Published, loopback: Loopback) -> None:
    first = bring(numbers)
    before = files_below(first.folder)
    loopback.asked.clear()
    assert bring(numbers) == replace(first, fresh=False)
    assert loopback.asked == []
    assert files_below(first.folder) == before


@pytest.mark.parametrize("ranges", [True, False])
def test_a_cut_answer_is_resumed(numbers: Published, loopback: Loopback, ranges: bool) -> None:
    loopback.ranges = ranges
    file = ORIGIN.file("3.bin")
    loopback.cut[file.name] = [1000, 1500]
    assert bring(numbers).exact
    assert [asked for path, asked in loopback.asked if path == file.name][:2] == [None, "bytes=1000-"]
    if ranges:
        assert ("bytes=2500-") in [asked for path, asked in loopback.asked if path == file.name]


def test_an_answer_that_always_stops_leaves_a_part_to_resume_from(
    numbers: Published, loopback: Loopback, home: Path
) -> None:
    file = ORIGIN.file("69.bin")  # in the second group, so that the first is there
    loopback.cut[file.name] = [2000] + [0] * 20
    text = failed(numbers, home)
    assert file.name in text
    assert "2,000 of 5,000 bytes" in text
    kept = files_below(home / "downloads" / "numbers.files")
    assert len(kept[f"{file.name}.part"]) == 2000
    assert file.name not in kept
    loopback.cut.clear()
    loopback.asked.clear()
    assert bring(numbers).exact
    assert (file.name, "bytes=2000-") in loopback.asked
    assert len(loopback.asked) <= COUNT - 64
    assert ORIGIN.file("0.bin").name not in [path for path, _ in loopback.asked]


def test_a_wrong_file_is_named_and_removed(numbers: Published, loopback: Loopback, home: Path) -> None:
    wrong = ORIGIN.file("65.bin")
    right = loopback.files[wrong.name]
    loopback.files[wrong.name] = b"x" * 5000
    text = failed(numbers, home)
    assert ORIGIN.file("64.bin").address in text  # the first of those that share the sum
    assert "isn't what was published" in text
    kept = files_below(home / "downloads" / "numbers.files")
    assert len(kept) == 65  # the list and the first group
    assert wrong.name not in kept
    loopback.files[wrong.name] = right
    loopback.asked.clear()
    assert bring(numbers).exact
    assert len(loopback.asked) == COUNT - 64


def test_a_page_in_the_place_of_the_list(numbers: Published, loopback: Loopback, home: Path) -> None:
    """The answer of a captive portal."""
    loopback.files[ORIGIN.file("list.txt").name] = b"<html>Please log in</html>"
    assert "isn't what was published" in failed(numbers, home)
    assert len(loopback.asked) == 1
    assert files_below(home / "downloads" / "numbers.files") == {}


def test_offline(numbers: Published, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANSCOPE_GITHUB_RAW", "http://127.0.0.1:9")  # no server listens there
    text = failed(numbers, home)
    assert "Numbers can't be downloaded" in text
    assert "the same command goes on" in text
    assert files_below(home / "downloads" / "numbers.files") == {}


def test_refusals(numbers: Published, loopback: Loopback, home: Path) -> None:
    name = ORIGIN.file("5.bin").name
    loopback.status[name] = [503, 429]
    content = loopback.files.pop(name)
    assert "HTTP 404" in failed(numbers, home)
    assert [path for path, _ in loopback.asked].count(name) == 3  # 404 isn't tried again
    loopback.files[name] = content
    loopback.status[name] = [500] * 20
    assert "HTTP 500" in failed(numbers, home)
    loopback.status.clear()
    assert bring(numbers).exact


def test_a_part_that_is_too_long_or_wrong(numbers: Published, loopback: Loopback, home: Path) -> None:
    for number, junk in ((7, b"x" * 6000), (8, b"x" * 10)):
        place = ORIGIN.file(f"{number}.bin.part").place(home / "downloads" / "numbers.files")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(junk)
    assert "isn't what was published" in failed(numbers, home)  # the short one was continued, as its checksum shows
    assert bring(numbers).exact


def test_a_server_that_stalls(
    numbers: Published, loopback: Loopback, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    monkeypatch.setattr(fetch, "STALL", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts connections and never answers
        monkeypatch.setenv("GANSCOPE_GITHUB_RAW", f"http://127.0.0.1:{silent.getsockname()[1]}")
        assert "timed out" in failed(numbers, home)


# --- disk and processes --------------------------------------------------------------------------------------------


def test_a_full_disk_leaves_no_partial_file(numbers: Published, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = arrays.write

    def full(converted: arrays.Arrays, folder: Path, npz: str | None) -> None:
        (folder / "numbers.npz").write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(arrays, "write", full)
    assert "No space left" in failed(numbers, home)
    monkeypatch.setattr(arrays, "write", write)
    assert bring(numbers).exact


def test_a_folder_that_cannot_be_written(numbers: Published, home: Path) -> None:
    (home / "downloads").mkdir(parents=True)
    (home / "downloads" / "numbers.files").write_bytes(b"in the way")
    assert "can't be written" in failed(numbers, home)


def test_a_broken_set_is_rebuilt(numbers: Published, loopback: Loopback) -> None:
    npz = bring(numbers).folder / "numbers.npz"
    npz.write_bytes(npz.read_bytes()[:-100])
    again = bring(numbers)
    assert (again.fresh, again.exact) == (True, True)
    np.savez(npz, values=np.zeros((COUNT, 5000), np.uint8))  # whole, but other values
    assert bring(numbers).fresh
    assert [path.name for path in npz.parent.parent.iterdir()] == ["Numbers"]


def test_one_process_at_a_time(numbers: Published, home: Path) -> None:
    (home / "downloads").mkdir(parents=True)
    other = sqlite3.connect(home / "downloads" / "numbers.lock", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    assert "is locked" in failed(numbers, home)
    other.close()
    assert bring(numbers).exact


def test_a_set_of_ganscope_data_is_taken(numbers: Published, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "shared" / "Numbers"
    folder.mkdir(parents=True)
    np.savez(folder / "numbers.npz", values=np.zeros((1, 1), np.uint8))
    monkeypatch.setenv("GANSCOPE_DATA", str(folder.parent))
    got = bring(numbers)
    assert (got.folder, got.fresh, got.exact) == (folder, False, False)


def test_unknown_names_are_refused() -> None:
    with pytest.raises(UnknownName, match="Valid: pneumonia"):
        get("pneumonja")


def test_the_digest_sees_values_and_not_containers(tmp_path: Path) -> None:
    one = {"a": np.arange(6).reshape(2, 3), "b": np.array(["x", "yz"])}
    assert arrays.digest(one) == arrays.digest({"b": one["b"].astype("<U9"), "a": np.asfortranarray(one["a"])})
    for other in ({"a": one["a"]}, one | {"a": one["a"].reshape(3, 2)}, one | {"a": one["a"].astype(np.int32)}):
        assert arrays.digest(one) != arrays.digest(other)
    arrays.write(one, tmp_path, "one.npz")
    assert arrays.digest(arrays.read(tmp_path, "one.npz")) == arrays.digest(one)


# --- the sets ------------------------------------------------------------------------------------------------------


def png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def npz(**content: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **content)
    return file.getvalue()


def test_emoji(offer: Callable[..., Published]) -> None:
    def entry(code: str, label: str, group: int | None, **more: object) -> dict[str, object]:
        grouped = {} if group is None else {"group": group, "subgroup": 16}
        return {"hexcode": code, "label": label, "tags": ["hand", "wave"], **grouped, **more}

    light = {"hexcode": "1F44B-1F3FB", "label": "waving", "group": 1, "subgroup": 16, "tone": 1}
    two = {"hexcode": "1F44B-1F3FB-1F3FC", "label": "two tones", "group": 1, "subgroup": 16, "tone": [1, 2]}
    base = [
        entry("1F1E6", "regional indicator", None),
        entry("1F44B", "waving", 1, skins=[light, two]),
        entry("0023-FE0F-20E3", "keycap: #", 8),
        entry("1F441-FE0F-200D-1F5E8-FE0F", "eye in speech bubble", 0),
        entry("1F604", "left out", 0),
        entry("1F1E6-1F1E8", "a flag", 9),
        entry("1F3FB", "light skin tone", 2),
    ]
    red, clear = Image.new("RGBA", (128, 128), (255, 0, 0, 255)), Image.new("RGBA", (72, 72), (0, 0, 255, 0))
    noto = ("1f44b", "1f44b_1f3fb", "0023_20e3", "1f441_200d_1f5e8")
    twemoji = ("1f44b", "1f44b-1f3fb", "23-20e3", "1f441-200d-1f5e8")
    offer(
        "emoji",
        {emoji.EMOJIBASE: json.dumps(base).encode()}
        | {emoji.NOTO.file(f"png/128/emoji_u{code}.png"): png(red) for code in noto}
        | {emoji.TWEMOJI.file(f"assets/72x72/{code}.png"): png(clear) for code in twemoji},
    )
    assert not source("emoji").available()
    made = arrays.read(get("emoji").folder, "emoji_pairs_64.npz")
    assert made["codes"].tolist() == ["1F44B", "1F44B-1F3FB", "0023-FE0F-20E3", "1F441-FE0F-200D-1F5E8-FE0F"]
    assert made["names"].tolist() == ["waving", "waving: light skin tone", "keycap: #", "eye in speech bubble"]
    assert made["tags"].tolist() == ["hand, wave"] * 4
    assert (made["groups"].tolist(), made["tones"].tolist()) == ([1, 1, 8, 0], [0, 1, 0, 0])
    assert made["noto"].shape == made["twemoji"].shape == (4, 64, 64, 3)
    assert (made["noto"] == (255, 0, 0)).all()
    assert (made["twemoji"] == 255).all()
    assert source("emoji").available()
    assert load("emoji").arrays["label"].tolist() == [1, 7, 0]  # without the tone


def test_pneumonia(offer: Callable[..., Published]) -> None:
    values = np.random.default_rng(0).integers(0, 256, (12, 28, 28), dtype=np.uint8)

    def copy(labels: list[int]) -> bytes:
        column = np.array(labels, np.uint8)[:, None]
        parts = {f"{part}_images": values[: len(labels)] for part in ("train", "val", "test")}
        return npz(**parts, **{f"{part}_labels": column for part in ("train", "val", "test")})

    offer("pneumonia", {pneumonia.ILL: copy([1, 0, 1, 1]), pneumonia.NORMAL: copy([1, 0, 0])})
    made = arrays.read(get("pneumonia").folder, "pneumoniamnist_28.npz")
    ill = [int(np.flatnonzero((values == image).all((1, 2)))[0]) for image in made["train_images"]]
    assert sorted(zip(made["train_labels"].tolist(), ill, strict=True)) == [(0, 1), (0, 2), (1, 0), (1, 2), (1, 3)]
    assert made["test_labels"].tolist() == [1, 0, 1, 1]
    assert load("pneumonia").arrays["real"].shape == (5, 1, 28, 28)


def test_bccd(offer: Callable[..., Published]) -> None:
    def marked(*marks: tuple[str, int, int, int, int]) -> bytes:
        objects = "".join(
            f"<object><name>{name}</name><bndbox><xmin>{left}</xmin><ymin>{top}</ymin><xmax>{right}</xmax>"
            f"<ymax>{bottom}</ymax></bndbox></object>"
            for name, left, top, right, bottom in marks
        )
        return f"<annotation>{objects}</annotation>".encode()

    files = {bccd.TRAINVAL: b"b\na\n", bccd.TEST: b"c\n"}
    marks = {
        "a": (("RBC", 100, 100, 200, 190), ("WBC", 0, 0, 60, 60)),  # the second at the border
        "b": (("RBC", 5, 5, 5, 5), ("Platelets", 300, 300, 340, 340), ("RBC", 0, 0, 100, 50)),  # none, whole, too long
        "c": (),
    }
    for index, (slide, of_slide) in enumerate(marks.items()):
        files[bccd.BCCD.file(f"BCCD/Annotations/{slide}.xml")] = marked(*of_slide)
        files[bccd.BCCD.file(f"BCCD/JPEGImages/{slide}.jpg")] = photo((640, 480), index)
    offer("bccd", files)
    made = arrays.read(get("bccd").folder, "bccd_cells_64_jpeg.npz")
    rows = zip(made["slide"].tolist(), made["labels"].tolist(), made["crop_side"].tolist(), strict=True)
    assert sorted(rows) == [("a", 0, 115), ("a", 1, 69), ("b", 2, 46)]
    assert load("bccd").arrays["real"].shape == (3, 3, 64, 64)
    whole = Image.open(io.BytesIO(files[bccd.BCCD.file("BCCD/JPEGImages/a.jpg")]))
    at = made["slide"].tolist().index("a") if made["labels"][0] == 1 else made["labels"].tolist().index(1)
    start, end = made["offsets"][at : at + 2]
    cell = np.asarray(Image.open(io.BytesIO(made["data"][start:end].tobytes())), np.float64)
    expected = np.asarray(whole.crop((0, 0, 69, 69)).resize((64, 64), Image.Resampling.LANCZOS), np.float64)
    assert np.abs(cell - expected).mean() < 6  # JPEG of noise


def test_bsds500(offer: Callable[..., Published], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bsds500, "PARTS", {"train": ("12", "34"), "test": ("56",)})
    files = {}
    drawn = np.zeros((3, 321, 481), np.uint8)  # three people
    drawn[:, 10], drawn[:2, 20], drawn[0, 30] = 1, 1, 1
    people = np.empty((1, 3), object)
    for index in range(3):
        people[0, index] = {"Boundaries": drawn[index], "Segmentation": drawn[index]}
    mat = io.BytesIO()
    savemat(mat, {"groundTruth": people}, do_compression=True)
    for part, names in bsds500.PARTS.items():
        for name in names:
            files[bsds500.BSDS.file(f"BSDS500/data/images/{part}/{name}.jpg")] = photo((481, 321), int(name))
            files[bsds500.BSDS.file(f"BSDS500/data/groundTruth/{part}/{name}.mat")] = mat.getvalue()
    offer("bsds500", files)
    folder = get("bsds500").folder
    assert (folder / "train" / "34.jpg").read_bytes() == photo((481, 321), 34)
    edges = np.asarray(Image.open(folder / "edges" / "test" / "56.png"))
    assert [int(edges[row, 5]) for row in (0, 10, 20, 30)] == [0, 255, 170, 85]
    assert load("bsds500").arrays["real"].shape == (12, 3, 128, 128)
    assert not get("bsds500").fresh


def test_tinyhero(offer: Callable[..., Published], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tinyhero, "IDS", (0, 3))
    half = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    half.paste((10, 20, 30, 255), (0, 0, 64, 32))
    offer("tinyhero", {tinyhero.HEROES.file(f"data/{view}/{id}.png"): png(half) for view in range(4) for id in (0, 3)})
    made = arrays.read(get("tinyhero").folder, "tinyhero_64.npz")
    assert (made["images"].shape, made["ids"].tolist()) == ((2, 4, 64, 64, 3), [0, 3])
    assert (made["images"][:, :, :32] == (10, 20, 30)).all()
    assert (made["images"][:, :, 32:] == 255).all()
    assert made["masks"][..., :32, :].all()
    assert not made["masks"][..., 32:, :].any()
    assert load("tinyhero").arrays["real"].shape == (8, 3, 64, 64)


@pytest.mark.parametrize("wanted", list(published), ids=lambda wanted: wanted.name)
def test_the_shared_sets_are_what_the_sources_give(wanted: Published, real_data: Path) -> None:
    """The digests of the catalogue are those of the sets that models are made from."""
    if not (real_data / wanted.folder).is_dir():
        pytest.skip(f"GANSCOPE_DATA holds no {wanted.folder}")
    got = get(wanted.name)
    assert (got.folder, got.fresh, got.exact) == (real_data / wanted.folder, False, True)
    assert all(len(origin.known[1]) == 40 for origin in wanted.origins if isinstance(origin, Origin))


@pytest.mark.parametrize("wanted", list(published), ids=lambda wanted: wanted.name)
def test_a_licence_is_worded_once(wanted: Published) -> None:
    """The licence shown before a download contains the text on the cards of models trained on it."""
    users = [one for one in sources if one.published == wanted.name]
    assert any(one.licence in wanted.licence for one in users)
    assert wanted.title in [one.title for one in users]


def test_an_unreadable_file_is_named(numbers: Published, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(downloads: Path, progress: object) -> arrays.Arrays:
        raise ValueError("not an image")

    assert "not an image" in failed(replace(numbers, convert=broken), home)
    assert getting.bring(numbers).exact  # from the existing files
