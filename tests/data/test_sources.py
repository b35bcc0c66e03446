"""The data sets by name: the bundled ones always, the others if GANSCOPE_DATA contains them."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from gan_core.data import DataSet, DataSpec, Source, avatars, load, source, sources
from gan_core.data.base import silent
from gan_core.data.parts import held_out, kind_of
from gan_core.data.prepared import OfArray
from gan_core.data.published import by_torchvision
from gan_core.data.published.by_torchvision import Download
from gan_core.data.sets import avatars as avatar_set
from gan_core.data.sets import celeba, digits
from gan_core.errors import BadData, UnknownName
from gan_core.pictures.decoding import square
from gan_core.training.variety import shelved_net
from tests.data.offered import write_idx

ON_DEMAND = ("mnist", "fashion_mnist", "cifar10", "celeba")
SHARED = ("emoji", "tinyhero", "pneumonia", "bccd", "bsds500")


def run(code: str) -> str:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout.strip()


def check(data: DataSet, declared: Source, size: int | None = None) -> None:
    """Checks that the set matches its source's declaration."""
    pixels = size or declared.size
    images = data.arrays["real"]
    assert images.dtype == np.uint8
    assert images.shape == (declared.items, declared.channels, pixels, pixels)
    assert data.spec == DataSpec({"real": (declared.channels, pixels, pixels)}, len(declared.class_names))
    assert data.name == declared.name
    assert data.licence == declared.licence
    assert images[:: max(1, len(images) // 500)].std() > 20
    if declared.class_names:
        labels = data.arrays["label"]
        assert labels.dtype == np.int64
        assert labels.shape == (declared.items,)
        assert set(np.unique(labels)) == set(range(len(declared.class_names)))


def test_every_source_is_described() -> None:
    pictures = [offered for offered in sources if offered.task == "images"]
    assert [offered.name for offered in pictures][:2] == ["digits", "avatars"]
    assert {*ON_DEMAND, *SHARED} <= {offered.name for offered in pictures}
    for offered in pictures:
        assert offered.title
        assert offered.about
        assert offered.licence
        assert offered.size >= 8
        assert offered.channels in (1, 3)
        assert offered.items > 0
        assert offered.available() != ("GANSCOPE_DATA" in offered.needs)


@pytest.mark.parametrize("shape", [(3, 12, 12), (3, 12, 12, 3)])
@pytest.mark.parametrize("size", [12, 8])
def test_images_of_the_wanted_size_are_taken_as_they_are(shape: tuple[int, ...], size: int) -> None:
    pictures = OfArray(np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8))
    np.testing.assert_array_equal(list(pictures.squares(size)), [square(picture, size) for picture in pictures])


def test_unknown_name_lists_the_nearest_first() -> None:
    with pytest.raises(UnknownName, match=r"no data set named 'emojis'. Valid: emoji, "):
        load("emojis")


@pytest.mark.parametrize("size", [0, 7, 1025, -64])
def test_size_out_of_range(size: int) -> None:
    with pytest.raises(BadData, match="from 8 to 1024"):
        load("digits", size)


@pytest.mark.parametrize("name", SHARED)
def test_shared_sets_say_what_they_need(name: str) -> None:
    with pytest.raises(BadData, match="Set GANSCOPE_DATA to a folder that holds"):
        load(name)


def test_nothing_heavy_is_imported() -> None:
    code = """
import sys
from gan_core.data import load
load("digits", 16)
print([name for name in ("torch", "torchvision", "sklearn", "scipy", "pandas") if name in sys.modules])
"""
    assert run(code) == "[]"


@pytest.mark.parametrize("size", [None, 8, 28, 32])
def test_digits(size: int | None) -> None:
    data = load("digits", size)
    check(data, source("digits"), size)
    assert np.bincount(data.arrays["label"]).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert data.arrays["real"].min() == 0
    assert data.arrays["real"].max() == 255


def test_first_digit() -> None:
    """The first row of the file: a zero, in sixteenths of white."""
    row = [0, 0, 5, 13, 9, 1, 0, 0]
    data = load("digits")
    assert data.arrays["real"][0, 0, 0].tolist() == [round(value * 255 / 16) for value in row]
    assert data.arrays["label"][0] == 0


def test_enlarged_digits_are_smooth() -> None:
    """A digit that is enlarged and averaged back is unchanged."""
    small, large = load("digits").arrays["real"], load("digits", 32).arrays["real"]
    back = large.reshape(-1, 1, 8, 4, 8, 4).mean((3, 5))  # (N, 1, H, 4, W, 4) -> (N, 1, H, W)
    assert np.abs(back - small).mean() < 12
    assert len(np.unique(large[0])) > 60


def test_digits_that_are_damaged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "digits.csv.gz"
    path.write_bytes(b"\x1f\x8b no")
    monkeypatch.setattr(digits, "_file", lambda: path)
    with pytest.raises(BadData, match="can't be read"):
        load("digits")


@pytest.mark.parametrize(("name", "seed"), [("avatars", avatar_set.SEED), ("avatars_20k", avatar_set.MANY_SEED)])
@pytest.mark.parametrize("size", [24, 64])
def test_avatars(size: int, name: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avatar_set, "COUNT" if name == "avatars" else "MANY", 60)
    seen: list[float] = []
    data = load(name, size, lambda share, what: seen.append(share))
    assert data.arrays["real"].shape == (60, 3, size, size)
    assert data.spec == DataSpec({"real": (3, size, size)}, 0, source(name).spec(size).attributes)
    assert data.spec.attributes["hair"] == len(data.attributes["hair"]) == 11
    assert seen[0] == 0.0
    assert seen[-1] == 1.0
    if size == 64:
        expected = avatars.draw_avatars(avatars.sample_attributes(60, seed), 64)
        np.testing.assert_array_equal(data.arrays["real"], expected)
    monkeypatch.setattr(avatars, "draw_avatars", None)  # not called again
    np.testing.assert_array_equal(load(name, size).arrays["real"], data.arrays["real"])


def test_the_test_part_of_the_avatars_is_fresh_and_says_what_can_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avatar_set, "TEST_COUNT", 30)
    data = load("test:avatars", 32)
    attributes = data.arrays["attributes"]
    np.testing.assert_array_equal(attributes, avatars.sample_attributes(30, avatar_set.TEST_SEED))
    assert not np.array_equal(attributes, avatars.sample_attributes(30, avatar_set.SEED))
    bald = (attributes[:, avatars.COLUMN["hair"]] == 0) & (attributes[:, avatars.COLUMN["beard"]] == 0)
    np.testing.assert_array_equal(data.arrays["visible"][:, avatars.COLUMN["hair_colour"]], ~bald)
    assert data.arrays["real"].shape == (30, 3, 32, 32)
    assert set(data.spec.fields) == {"real"}


def test_parts_of_a_set_share_nothing_and_leave_nothing_out() -> None:
    whole, train, test = (load(name, 8) for name in ("digits", "train:digits", "test:digits"))
    assert (len(train), len(test)) == (source("train:digits").items, source("test:digits").items) == (1618, 179)
    np.testing.assert_array_equal(test.arrays["real"], whole.arrays["real"][9::10])
    np.testing.assert_array_equal(test.arrays["label"], whole.arrays["label"][9::10])
    np.testing.assert_array_equal(train.arrays["real"][:9], whole.arrays["real"][:9])
    np.testing.assert_array_equal(train.arrays["real"][9:18], whole.arrays["real"][10:19])
    assert test.class_names == whole.class_names
    # scikit-learn 1.9.1's order: the same labels for each writer (findings/sklearn_digits_writer_by_writer.sh)
    labels = whole.arrays["label"]
    np.testing.assert_array_equal(labels[130:160], labels[:30])
    assert np.bincount(test.arrays["label"]).tolist() == [14, 10, 18, 40, 11, 16, 12, 19, 19, 20]


@pytest.mark.parametrize(
    ("learnt", "unseen"),
    [
        ("mnist", "test:mnist"),
        ("avatars", "test:avatars"),
        ("avatars_20k", "test:avatars_20k"),
        ("train:emoji", "test:emoji"),
        ("emoji", ""),
        ("ring8", ""),
    ],
)
def test_what_a_model_has_not_seen(learnt: str, unseen: str) -> None:
    assert held_out(learnt) == unseen


def test_more_faces_are_judged_like_the_others() -> None:
    assert kind_of("half:train:avatars_20k") == kind_of("test:avatars") == kind_of("avatars_20k") == "avatars"
    assert (kind_of("train:digits"), kind_of("folder:/x")) == ("digits", "folder:/x")
    assert shelved_net("avatars_20k", (3, 64, 64)) is not None


def test_unavailable_parts() -> None:
    with pytest.raises(BadData, match=r"'ring8' has no train.test split"):
        load("test:ring8")
    with pytest.raises(UnknownName, match=r"'digit'\. Valid: digits"):
        load("train:digit")


# sets in their published layouts, made here


@pytest.fixture
def small_mnist(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A GANSCOPE_DATA with an MNIST of 20 images."""
    images = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    write_idx(tmp_path / "data/MNIST/raw/train-images-idx3-ubyte.gz", images)
    write_idx(tmp_path / "data/MNIST/raw/train-labels-idx1-ubyte.gz", np.arange(20, dtype=np.uint8) % 10)
    monkeypatch.setenv("GANSCOPE_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def test_idx_files(small_mnist: Path) -> None:
    expected = np.random.default_rng(0).integers(0, 256, (20, 28, 28), dtype=np.uint8)
    for _ in range(2):
        data = load("mnist")
        np.testing.assert_array_equal(data.arrays["real"], expected[:, None])
        assert data.arrays["label"].tolist() == [index % 10 for index in range(20)]
    assert source("mnist").available()
    assert load("mnist", 32).spec.size == 32


def test_published_test_parts(small_mnist: Path) -> None:
    """`test:mnist` is the published one, and never a piece of the train part."""
    held = np.random.default_rng(1).integers(0, 256, (5, 28, 28), dtype=np.uint8)
    write_idx(small_mnist / "MNIST/raw/t10k-images-idx3-ubyte.gz", held)
    write_idx(small_mnist / "MNIST/raw/t10k-labels-idx1-ubyte.gz", np.arange(5, dtype=np.uint8))
    np.testing.assert_array_equal(load("test:mnist").arrays["real"], held[:, None])
    assert len(load("mnist")) == len(load("train:mnist")) == 20


def test_changed_files_are_read_again(small_mnist: Path) -> None:
    load("mnist")
    write_idx(small_mnist / "MNIST/raw/train-images-idx3-ubyte.gz", np.full((20, 28, 28), 7, np.uint8))
    assert (load("mnist").arrays["real"] == 7).all()


DAMAGED = {
    "empty": b"",
    "no gzip": b"not gzip",
    "floats": gzip.compress(b"\0\0\x0d\x03 floats"),
    "cut": gzip.compress(b"\0\0"),
}


@pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)  # explicit ids, because gzip contains the time
def test_damaged_files(small_mnist: Path, content: bytes) -> None:
    (small_mnist / "MNIST/raw/train-images-idx3-ubyte.gz").write_bytes(content)
    with pytest.raises(BadData, match=r"files of 'mnist' .* can't be read"):
        load("mnist")


def test_cut_file(small_mnist: Path) -> None:
    path = small_mnist / "MNIST/raw/train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(BadData, match=r"files of 'mnist' .* can't be read"):
        load("mnist")


def test_damaged_npz(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "emoji").mkdir()
    (tmp_path / "emoji/emoji_pairs_64.npz").write_bytes(b"PK\x03\x04 no")
    monkeypatch.setenv("GANSCOPE_DATA", str(tmp_path))
    with pytest.raises(BadData, match=r"files of 'emoji' .* can't be read"):
        load("emoji")


def test_celeba_layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from PIL import Image

    folder = tmp_path / "celeba" / "img_align_celeba"
    folder.mkdir(parents=True)
    for index in range(1, 6):
        Image.new("RGB", (178, 218), (index * 40, 0, 0)).save(folder / f"{index:06}.jpg")
    monkeypatch.setenv("GANSCOPE_DATA", str(tmp_path))
    monkeypatch.setattr(celeba, "TRAIN", 4)  # the fifth is of another part
    images = load("celeba").arrays["real"]
    assert images.shape == (4, 3, 64, 64)
    np.testing.assert_allclose(images[:, 0, 30, 30], [40, 80, 120, 160], atol=3)


# downloads


def test_failed_download(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision import datasets

    monkeypatch.setattr(datasets.MNIST, "mirrors", ["http://127.0.0.1:9/"])  # no server listens there
    with pytest.raises(BadData) as caught:
        load("mnist")
    text = str(caught.value)
    assert "MNIST could not be downloaded by torchvision" in text
    assert "127.0.0.1:9" in text
    assert "GANSCOPE_DATA" in text
    assert "folder:PATH" in text
    assert list((home / "downloads").iterdir()) == []


def test_stalled_download(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def hang(folder: Path) -> None:
        ended.wait(30)

    monkeypatch.setattr(by_torchvision, "STALL", 0.2)
    with pytest.raises(BadData, match="nothing arrived for"):
        Download(hang, 1000).fetch("mnist", "Set", "", silent)
    ended.set()


def test_download(home: Path, real_data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """torchvision fetches and checks the published files, here from this machine."""
    from torchvision import datasets

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(real_data / "MNIST" / "raw")))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
    monkeypatch.delenv("GANSCOPE_DATA")
    try:
        what: list[str] = []
        check(load("mnist", None, lambda share, text: what.append(text)), source("mnist"))
    finally:
        server.shutdown()
        server.server_close()
    assert what[0] == "Downloading MNIST"
    assert what[-1] == "Preparing images"
    assert [path.name for path in (home / "downloads").iterdir()] == ["mnist"]
    assert source("mnist").available()
    check(load("mnist", 8), source("mnist"), 8)  # not fetched again: the server is stopped


def test_downloaded_cifar10(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stored as plain arrays, without pickles or the archive."""

    class CIFAR10:
        filename, base_folder = "cifar-10-python.tar.gz", "cifar-10-batches-py"
        data = np.random.default_rng(0).integers(0, 256, (30, 32, 32, 3), dtype=np.uint8)
        targets = tuple(index % 10 for index in range(30))

        def __init__(self, root: Path, download: bool) -> None:
            (root / self.filename).write_bytes(b"archive")
            (root / self.base_folder).mkdir()

    class Datasets:
        pass

    Datasets.CIFAR10 = CIFAR10  # type: ignore[attr-defined]
    monkeypatch.setattr(by_torchvision, "torchvision_datasets", lambda: Datasets)
    data = load("cifar10")
    np.testing.assert_array_equal(data.arrays["real"], CIFAR10.data.transpose(0, 3, 1, 2))
    assert data.arrays["label"].tolist() == list(CIFAR10.targets)
    kept = sorted(path.name for path in (home / "downloads").rglob("*") if path.is_file())
    assert kept == ["images.npy", "labels.npy"]


# the real sets

COUNTS = {
    "mnist": [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
    "fashion_mnist": [6000] * 10,
    "cifar10": [5000] * 10,
    "emoji": [159, 363, 149, 123, 205, 80, 248, 211],
    "tinyhero": [820] * 4,
    "pneumonia": [1214, 3494],
    "bccd": [1200, 354, 355],
    "bsds500": [],
}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name == "cifar10" else name for name in COUNTS]
)
def test_real_set(name: str, real_data: Path) -> None:
    offered = source(name)
    if not offered.available():
        pytest.skip(f"GANSCOPE_DATA holds no {name}")
    first = load(name)
    check(first, offered)
    if COUNTS[name]:
        assert np.bincount(first.arrays["label"]).tolist() == COUNTS[name]
    again = load(name)
    np.testing.assert_array_equal(again.arrays["real"], first.arrays["real"])


def test_real_class_names(real_data: Path) -> None:
    """The names in the files are those that the sources declare, in their order."""
    for name, file in (("cifar10", "CIFAR10/cifar10_train_jpeg.npz"), ("bccd", "BCCD/bccd_cells_64_jpeg.npz")):
        assert tuple(np.load(real_data / file)["classes"]) == source(name).class_names
    assert tuple(np.load(real_data / "TinyHero/tinyhero_64.npz")["views"]) == source("tinyhero").class_names


@pytest.mark.parametrize("size", [16, 96])
def test_real_set_at_another_size(size: int, real_data: Path) -> None:
    check(load("bccd", size), source("bccd"), size)
