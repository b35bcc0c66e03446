"""Pictures streamed from tars: read from files and a server, resumed exactly, refused where a shard is damaged."""

from __future__ import annotations

import io
import json
import tarfile
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_core import data
from gan_core.data import streaming, tars
from gan_core.data.batches import Batches
from gan_core.data.streaming import Flow, Shards, look
from gan_core.data.tars import samples, shards_of
from gan_core.data.user.references import shown
from gan_core.errors import BadData
from gan_core.ranks import Ranks
from tests.cli.commands import TINY, ok, refused
from tests.data.loopback import Loopback, serving

SIDE = 8


def picture(number: int) -> bytes:
    """A colour that encodes the number."""
    content = io.BytesIO()
    Image.new("RGB", (SIDE, SIDE), (number % 256, number // 256, 77)).save(content, "PNG")
    return content.getvalue()


def tar_of(files: dict[str, bytes], encoding: str = "utf-8") -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w", format=tarfile.GNU_FORMAT, encoding=encoding) as archive:
        for name, held in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(held)
            archive.addfile(info, io.BytesIO(held))
    return content.getvalue()


def shard(first: int, count: int, labelled: bool = True) -> bytes:
    files = {}
    for number in range(first, first + count):
        files[f"{number:04}.png"] = picture(number)
        if labelled:
            files[f"{number:04}.cls"] = str(number % 3).encode()
    return tar_of(files)


def write(folder: Path, shards: int = 4, count: int = 10, labelled: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for place in range(shards):
        (folder / f"x-{place:03}.tar").write_bytes(shard(place * count, count, labelled))
    return folder


def numbers(batch: np.ndarray | torch.Tensor) -> list[int]:
    """Decodes the numbers of pictures, uint8 or float in [-1, 1]."""
    images = torch.as_tensor(batch)
    levels = images if images.dtype == torch.uint8 else ((images + 1) * 127.5).round()
    return (levels[:, 0, 0, 0].long() + 256 * levels[:, 1, 0, 0].long()).tolist()


def flow(names: list[str], seed: int = 0, buffer: int = 7) -> Flow:
    return Shards(tuple(names), SIDE, buffer=buffer).begin(seed, np.zeros((1, 3, SIDE, SIDE), np.uint8), classes=3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("shards"))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Loopback]:
    monkeypatch.setattr(tars, "PAUSE", 0.01)
    with serving() as loopback:
        loopback.files = {f"x-{place:03}.tar": shard(place * 10, 10) for place in range(4)}
        yield loopback


def test_every_epoch_has_each_picture_once_in_another_order(folder: Path) -> None:
    drawn = flow(shards_of(str(folder)))
    batches = [drawn.next(8) for _ in range(15)]  # 3 epochs of 40
    found = [number for batch in batches for number in numbers(batch["real"])]
    epochs = [found[:40], found[40:80], found[80:]]
    assert all(sorted(epoch) == list(range(40)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    assert epochs[0] != sorted(epochs[0])
    labels = [int(label) for batch in batches for label in batch["label"]]
    assert labels == [number % 3 for number in found]
    other = flow(shards_of(str(folder)), seed=1)
    assert numbers(other.next(40)["real"]) != epochs[0]


def test_a_stream_resumes_exactly_where_it_was_saved(server: Loopback) -> None:
    names = shards_of(f"{server.address}/x-{{000..003}}.tar")
    whole = flow(names)
    wanted = [whole.next(3) for _ in range(40)]
    for step in (0, 1, 2, 3, 7, 13, 14, 27, 39):  # within blocks and shards, at their ends, in the next epoch
        before = flow(names)
        for _ in range(step):
            before.next(3)
        state = json.loads(json.dumps(before.state_dict()))
        after = flow(names)
        after.load_state_dict(state)
        for batch in wanted[step : step + 20]:
            again = after.next(3)
            assert (again["real"] == batch["real"]).all()
            assert (again["label"] == batch["label"]).all()


def test_ranks_share_the_batches_of_one(folder: Path) -> None:
    loaded = data.load(f"shards:{folder}", SIDE)
    whole = Batches(loaded, 3, torch.device("cpu"))
    parts = [Batches(loaded, 3, torch.device("cpu"), ranks=Ranks(rank, 2)) for rank in range(2)]
    for _ in range(8):
        batch = whole.next(6)
        for rank, part in enumerate(parts):
            own = part.next(6)
            assert torch.equal(own["real"], batch["real"][rank::2])
            assert torch.equal(own["label"], batch["label"][rank::2])


def test_a_set_is_described_by_its_first_pictures(folder: Path, tmp_path: Path) -> None:
    loaded = data.load(f"shards:{folder}", SIDE)
    assert loaded.spec.shape == (3, SIDE, SIDE)
    assert loaded.class_names == ("0", "1", "2")
    assert "Shards: 4, streamed. The first 40 images" in loaded.notes[0]
    assert data.load(f"shards:{write(tmp_path / 'none', 1, labelled=False)}", SIDE).class_names == ()
    grey = {}
    for number in range(3):
        content = io.BytesIO()
        Image.new("L", (9, 9), number).save(content, "PNG")
        grey[f"{number}.png"] = content.getvalue()
    (tmp_path / "grey.tar").write_bytes(tar_of(grey))
    shown = data.load(f"shards:{tmp_path}/grey.tar", SIDE)
    assert shown.spec.channels == 1
    assert Batches(shown, 0, torch.device("cpu")).next(2)["real"].shape == (2, 1, SIDE, SIDE)


def test_held_out_pictures_are_never_drawn(folder: Path) -> None:
    loaded = data.load(f"shards:{folder}", SIDE)
    batches = Batches(loaded, 0, torch.device("cpu"), held_out=5)
    held = numbers(batches.held_out()["real"])
    drawn = [number for _ in range(14) for number in numbers(batches.next(5)["real"])]  # two epochs of 35
    assert len(held) == 5
    assert sorted(drawn) == sorted(2 * [number for number in range(40) if number not in held])


def test_patterns_and_names(folder: Path, tmp_path: Path) -> None:
    wanted = [str(folder / f"x-{place:03}.tar") for place in range(4)]
    for pattern in (folder, folder / "x-{000..003}.tar", folder / "x-*.tar", folder / "x-00{0,1,2,3}.tar"):
        assert shards_of(str(pattern)) == wanted
    assert shards_of("https://h/{a,b}/{8..11}.tar")[2:5] == [
        "https://h/a/10.tar", "https://h/a/11.tar", "https://h/b/8.tar",
    ]  # fmt: skip
    for hidden in ("._x-000.tar", ".x-000.tar"):  # macOS keeps a file's attributes in ._ files
        (tmp_path / hidden).write_bytes(b"attributes")
        (tmp_path / "x-000.tar").write_bytes(shard(0, 2))
    for pattern in (tmp_path, tmp_path / "*.tar", tmp_path / "?*-000.tar"):
        assert shards_of(str(pattern)) == [str(tmp_path / "x-000.tar")]
    mixed = {
        "a/1.seg.png": b"no picture", "a/1.jpg": picture(1), "b/1.png": picture(2), "b/1.json": b"{}",
        ".hidden": b"", "readme.txt": b"text", "c/3.PNG": picture(3), "c/3.jpg": picture(4),
    }  # fmt: skip
    (tmp_path / "mixed.tar").write_bytes(tar_of(mixed))
    found = list(samples(str(tmp_path / "mixed.tar")))
    assert [one.name for one in found] == ["a/1.jpg", "b/1.png", "c/3.PNG"]
    assert [one.name for one in samples(str(tmp_path / "mixed.tar"), skip=2)] == ["c/3.PNG"]


def test_a_shard_that_is_cut_short_is_named_wherever_it_is_cut(tmp_path: Path) -> None:
    whole = shard(0, 6)
    ends = len(whole.rstrip(b"\0"))
    path = tmp_path / "cut.tar"
    for length in (*range(0, ends, 512), 100, 700, ends - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(BadData, match=r"The shard .*cut\.tar is cut short"):
            list(samples(str(path)))
    path.write_bytes(whole)
    assert len(list(samples(str(path)))) == 6
    path.write_bytes(whole[:1024] + b"\1" * 512 + whole[1536:])
    with pytest.raises(BadData, match=r"cut\.tar is cut short or damaged"):
        list(samples(str(path)))
    path.write_bytes(b"this is no tar" * 200)
    with pytest.raises(BadData, match="is cut short or not a tar"):
        list(samples(str(path)))


def test_server_errors_are_reported(server: Loopback) -> None:
    name = f"{server.address}/x-001.tar"
    content = server.files["x-001.tar"]
    server.cut["x-001.tar"] = [700, 2000]  # two broken connections: it resumes from there
    assert len(list(samples(name))) == 10
    assert [asked for path, asked in server.asked if asked] == ["bytes=700-", "bytes=2700-"]
    server.cut["x-001.tar"] = [700, 0, 0, 0]
    with pytest.raises(BadData, match=r"x-001\.tar can't be read \(700 of [\d,]+ bytes came\)"):
        list(samples(name))
    server.cut.clear()
    server.files["x-001.tar"] = content[:3000]  # the server itself has no more
    with pytest.raises(BadData, match=r"x-001\.tar is cut short"):
        list(samples(name))
    with pytest.raises(BadData, match=r"x-009\.tar can't be read \(the server answers 404"):
        list(samples(f"{server.address}/x-009.tar"))
    server.ranges = False
    server.files["x-001.tar"], server.cut["x-001.tar"] = content, [700]
    with pytest.raises(BadData, match="doesn't go on from the middle"):
        list(samples(name))
    secret = server.address.replace("http://", "http://me:secret@")
    with pytest.raises(BadData) as caught:
        list(samples(f"{secret}/x-009.tar?token=secret"))
    assert "secret" not in str(caught.value)
    assert shown("https://me:key@h.org:8/a/x-{0..9}.tar?token=k#f") == "https://h.org:8/a/x-{0..9}.tar"
    assert shown("/data/what?.tar") == "/data/what?.tar"


def test_memory_is_bounded_by_the_block(tmp_path: Path) -> None:
    """32 MB of pictures, of which 8 MB are in memory at a time."""
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), dtype=np.uint8)
    content = io.BytesIO()
    Image.fromarray(noise).save(content, "PNG", compress_level=0)
    size = len(content.getvalue())
    for place in range(4):
        files = {f"{place}-{number}.png": content.getvalue() for number in range(66)}
        (tmp_path / f"{place}.tar").write_bytes(tar_of(files))
    drawn = Shards(tuple(shards_of(str(tmp_path))), SIDE, buffer=8).begin(0, np.zeros((1, 3, SIDE, SIDE), np.uint8))
    drawn.next(4)
    tracemalloc.start()
    try:
        for _ in range(60):
            drawn.next(4)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 4 * 66 * size > 30e6
    assert most < 2.5 * 8 * size + 2e6


def test_bytes_bound_a_block_too(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "BUFFER_BYTES", 2 * len(picture(0)))
    drawn = flow(shards_of(str(folder)), buffer=1000)
    assert sorted(number for _ in range(5) for number in numbers(drawn.next(8)["real"])) == list(range(40))
    assert len(drawn._block) <= 3


def test_unusable_pictures_are_replaced_unless_they_are_many(tmp_path: Path) -> None:
    files = {f"{number}.png": picture(number) for number in range(60)}
    files["30.png"], files["31.png"] = b"broken", b""
    (tmp_path / "x.tar").write_bytes(tar_of(files))
    shards = Shards((str(tmp_path / "x.tar"),), SIDE, buffer=100)
    seen = look(shards, 40)
    assert [name for name, _ in seen.skipped] == ["30.png", "31.png"]
    drawn = shards.begin(0, seen.images[:4])
    found = numbers(drawn.next(60)["real"])
    assert len(drawn.broken) == 2
    assert "x.tar: 3" in drawn.broken[0]
    assert not {30, 31} & set(found)
    for number in range(20):
        files[f"{number}.png"] = b"broken"
    (tmp_path / "x.tar").write_bytes(tar_of(files))
    with pytest.raises(BadData, match=r"of \d+ pictures in the shards can't be used, such as .*x\.tar"):
        shards.begin(0, seen.images[:4]).next(60)
    (tmp_path / "x.tar").write_bytes(tar_of(dict.fromkeys(files, b"broken")))
    with pytest.raises(BadData, match=r"None of the pictures in the shards can be used.*x\.tar"):
        look(shards, 40)


def test_names_that_are_not_utf8_are_read_and_shown(tmp_path: Path) -> None:
    files = {f"{number}ä.png": picture(number) for number in range(60)} | {"30ä.png": b"broken", "31ä.cls": b"cat"}
    (tmp_path / "x.tar").write_bytes(tar_of(dict(list(files.items())[:60]), "latin-1"))
    seen = look(Shards((str(tmp_path / "x.tar"),), SIDE, buffer=100), 60)
    assert seen.skipped[0][0] == "30?.png"
    drawn = Shards((str(tmp_path / "x.tar"),), SIDE, seen.seen, buffer=100).begin(0, seen.images[:4])
    assert len(numbers(drawn.next(60)["real"])) == 60
    assert "30?.png" in drawn.broken[0]
    (tmp_path / "x.tar").write_bytes(tar_of({"31ä.png": picture(31), "31ä.cls": b"cat"}, "latin-1"))
    with pytest.raises(BadData, match=r"31\?\.cls in the shard"):
        list(samples(str(tmp_path / "x.tar")))


def test_classes_with_huge_numbers_are_refused(tmp_path: Path) -> None:
    files = {"1.png": picture(1), "1.cls": b"0", "2.png": picture(2), "2.cls": b"1000000"}
    (tmp_path / "x.tar").write_bytes(tar_of(files))
    with pytest.raises(BadData, match=r"2\.png in the shard .*x\.tar has the class 1,000,000.*0 to 99,999"):
        data.load(f"shards:{tmp_path}", SIDE)
    (tmp_path / "x.tar").write_bytes(tar_of(files | {"2.cls": b"21840"}))  # ImageNet's largest edition has as many
    assert len(data.load(f"shards:{tmp_path}", SIDE).class_names) == 21841


def test_bad_references_are_refused(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for reference, said in (
        (tmp_path / "x-{000..002}.tar", r"The shard .*x-000\.tar isn't there"),
        (tmp_path / "x-*.tar", r"There are no shards \(.tar\)"),
        (tmp_path, r"There are no shards \(.tar\)"),
        ("x-{9..1}.tar", "isn't a range of shards"),
        ("x-{0..9999}{0..9999}.tar", "names more than 100,000 shards"),
        ("x-{0..99999999999}.tar", "isn't a range of shards"),
    ):
        with pytest.raises(BadData, match=said):
            data.load(f"shards:{reference}", SIDE)
    for part in ("train", "test", "half"):
        with pytest.raises(BadData, match="is streamed, so it has no train"):
            data.load(f"{part}:shards:{folder}", SIDE)
    (tmp_path / "classes.tar").write_bytes(tar_of({"1.png": picture(1), "1.cls": b"cat"}))
    with pytest.raises(BadData, match=r"1\.cls in the shard .*classes\.tar isn't the number of a class: 'cat'"):
        data.load(f"shards:{tmp_path}/classes.tar", SIDE)
    drawn = Shards(tuple(shards_of(str(folder))), SIDE).begin(0, np.zeros((1, 3, 8, 8), np.uint8), classes=2)
    with pytest.raises(BadData, match=r"has the class 2; those of the first pictures are 0 to 1"):
        drawn.next(40)
    monkeypatch.setattr(tars, "MOST_BYTES", 50)
    with pytest.raises(BadData, match=r"0000\.png in the shard .*x-000\.tar is larger than"):
        data.load(f"shards:{folder}", SIDE)


def test_other_shards_than_a_run_was_saved_with_are_refused(tmp_path: Path) -> None:
    write(tmp_path)
    names = shards_of(str(tmp_path))
    before = flow(names)
    before.next(5)
    with pytest.raises(BadData, match="The shards aren't those that this run was saved with"):
        flow(names[:3]).load_state_dict(before.state_dict())
    for name in names:
        Path(name).write_bytes(shard(0, 1))
    with pytest.raises(BadData, match="has changed since this run was saved"):
        flow(names).load_state_dict({"position": [0, 3, 0, 0, 5], "shards": before.state_dict()["shards"]})


def test_a_run_trains_from_shards_and_resumes(folder: Path, tmp_path: Path) -> None:
    """Two steps, then two more, are the four of a run that wasn't stopped."""
    words = ("train", "cgan", "--data", f"shards:{folder}", "--size", str(SIDE), "--set", "channels=4", "--set",
             "batch_size=4", "--set", "latent_size=4", "--json")  # fmt: skip
    whole = json.loads(ok(*words, "--steps", "4"))
    half = json.loads(ok(*words, "--steps", "2"))
    ok("train", "--resume", half["run"], "--steps", "4", "--json")
    from gan_core.checkpoint import read_checkpoint
    from gan_core.runs.store import RunStore

    store = RunStore()
    one, other = (read_checkpoint(store.checkpoints(run["run"])[-1].path) for run in (whole, half))
    for name, weights in one["networks"]["generator"].items():
        assert torch.equal(weights, other["networks"]["generator"][name])
    assert one["batches"] == other["batches"]
    assert "isn't there" in refused(2, "train", "mlp_gan", "--data", f"shards:{tmp_path}/a{{0..3}}.tar", *TINY)
    assert "shards:PATTERN" in ok("train", "--help").replace("\n", " ")
