"""The cache: built once, equal when read back, never left broken."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import numpy as np
import pytest

from gan_core.data import cache
from gan_core.errors import BadData

IMAGES = np.random.default_rng(0).integers(0, 256, (50, 3, 16, 16), dtype=np.uint8)
LABELS = np.arange(50)


class Build:
    """Writes IMAGES and counts how often it had to."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, writer: cache.Writer) -> None:
        self.times += 1
        for image in IMAGES:
            writer.add(image)
        writer.put("label", LABELS)
        writer.notes = {"skipped": [["a.png", "empty"]]}


@pytest.fixture(params=["in memory", "on disk"])
def kind(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "on disk":
        monkeypatch.setattr(cache, "SMALL", 5000)  # bytes, six images
    return str(request.param)


def check(entry: cache.Entry) -> None:
    np.testing.assert_array_equal(entry.arrays["real"], IMAGES)
    np.testing.assert_array_equal(entry.arrays["label"], LABELS)
    assert entry.notes == {"skipped": [["a.png", "empty"]]}


def entries(home: Path) -> list[Path]:
    return sorted((home / "cache").iterdir())


def test_second_time_is_read(home: Path, kind: str) -> None:
    build = Build()
    for _ in range(2):
        entry = cache.entry("set", 16, "1", build)
        check(entry)
        assert isinstance(entry.arrays["real"], np.memmap) == (kind == "on disk")
    assert build.times == 1
    assert len(entries(home)) == 1


def test_large_arrays_are_read_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "SMALL", 5000)
    images = cache.entry("set", 16, "1", Build()).arrays["real"]
    with pytest.raises(ValueError, match="read-only"):
        images[0] = 0


def test_new_version_replaces_the_old_one(home: Path) -> None:
    build = Build()
    for version in ("1", "2", "2"):
        check(cache.entry("set", 16, version, build))
    assert build.times == 2
    assert len(entries(home)) == 1


def test_sizes_and_names_are_kept_apart(home: Path) -> None:
    build = Build()
    for name, size in (("set", 16), ("set", 32), ("other set", 16)):
        cache.entry(name, size, "1", build)
    assert build.times == 3
    assert len(entries(home)) == 3


@pytest.mark.parametrize("file", ["real.npy", "label.npy", "about.json"])
@pytest.mark.parametrize("damage", ["cut", "empty", "garbage", "missing"])
def test_broken_entry_is_rebuilt(home: Path, kind: str, file: str, damage: str) -> None:
    build = Build()
    cache.entry("set", 16, "1", build)
    path = entries(home)[0] / file
    content = path.read_bytes()
    if damage == "missing":
        path.unlink()
    else:
        path.write_bytes({"cut": content[: len(content) // 2], "empty": b"", "garbage": b"x" * len(content)}[damage])
    check(cache.entry("set", 16, "1", build))
    check(cache.entry("set", 16, "1", build))
    assert build.times == 2


def test_failing_build_leaves_nothing(home: Path, kind: str) -> None:
    def fail(writer: cache.Writer) -> None:
        Build()(writer)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.entry("set", 16, "1", fail)
    assert not (home / "cache").exists() or entries(home) == []


def test_no_images(home: Path) -> None:
    with pytest.raises(BadData, match="holds no images"):
        cache.entry("set", 16, "1", lambda writer: None)


def test_some_images_and_one_channel_are_kept(kind: str) -> None:
    def grey(writer: cache.Writer) -> None:
        for image in IMAGES:
            writer.add(np.repeat(image[:1], 3, axis=0))
        writer.keep([0, 2], 1)

    for _ in range(2):
        np.testing.assert_array_equal(cache.entry("set", 16, "1", grey).arrays["real"], IMAGES[[0, 2], :1])


def in_process(code: str, home: Path) -> subprocess.CompletedProcess[str]:
    """Runs code after a preamble in which every image is streamed to disk."""
    preamble = """
        import os, signal, resource
        import numpy as np
        from gan_core.data import cache
        from gan_core.errors import BadData
        image = np.zeros((3, 64, 64), np.uint8)
    """
    script = textwrap.dedent(preamble) + textwrap.dedent(code)
    root = Path(__file__).parents[2]
    environment = {**os.environ, "GANSCOPE_HOME": str(home), "PYTHONPATH": str(root)}
    return subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60)


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL is of POSIX")
def test_killed_while_writing(home: Path) -> None:
    code = """
        cache.SMALL = 0
        def build(writer):
            for i in range(500):
                writer.add(image)
            os.kill(os.getpid(), signal.SIGKILL)
        cache.entry("set", 16, "1", build)
    """
    assert in_process(code, home).returncode == -signal.SIGKILL
    (left,) = entries(home)
    assert left.name.endswith(".partial")
    build = Build()
    check(cache.entry("set", 16, "1", build))
    check(cache.entry("set", 16, "1", build))
    assert build.times == 1
    for path in (*left.iterdir(), left):
        os.utime(path, (0, 0))
    cache.entry("set", 32, "1", build)
    assert not left.exists()


@pytest.mark.skipif(os.name == "nt", reason="resource limits are of POSIX")
def test_disk_full(home: Path) -> None:
    """A limit on file sizes makes writes fail as a full disk does."""
    code = """
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        def build(writer):
            for i in range(500):
                writer.add(image)
        print(cache.entry("set", 16, "1", build).arrays["real"].shape)
        cache.SMALL = 0
        try:
            cache.entry("set", 16, "1", build)
        except BadData as error:
            print(error)
    """
    done = in_process(code, home)
    small, large = done.stdout.splitlines()
    assert small == "(500, 3, 64, 64)"  # small: works without the cache
    assert "can't be kept in" in large
    assert "Free some space" in large
    assert entries(home) == []


def test_home_that_cant_be_made(home: Path, kind: str) -> None:
    home.write_text("a file where the folder should be")
    if kind == "in memory":
        check(cache.entry("set", 16, "1", Build()))
        return
    with pytest.raises(BadData, match="GANSCOPE_HOME"):
        cache.entry("set", 16, "1", Build())


def test_several_at_once(home: Path, kind: str) -> None:
    """All build it, one publishes it, all get the same arrays."""
    start = threading.Barrier(4)
    results: list[cache.Entry] = []

    def write(writer: cache.Writer) -> None:
        start.wait(10)
        Build()(writer)

    threads = [threading.Thread(target=lambda: results.append(cache.entry("set", 16, "1", write))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(results) == 4
    for entry in results:
        check(entry)
    assert len(entries(home)) == 1


def test_fingerprint_follows_the_files(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"12")
    before = cache.fingerprint([("a.png", path)])
    assert cache.fingerprint([("a.png", path)]) == before
    assert cache.fingerprint([("b.png", path)]) != before
    path.write_bytes(b"123")
    assert cache.fingerprint([("a.png", path)]) != before
