"""Full, read-only, damaged and newer stores."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from gan_core.disk import DiskFull, writing
from gan_core.errors import StoreError
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import Metrics, RunState, RunStore


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    try:
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], capture_output=True, text=True
        )
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if mounted.returncode:
        pytest.skip(f"mount isn't permitted: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def fill(folder: Path) -> None:
    """Takes up all space that is left."""
    with suppress(OSError), (folder / "filling").open("ab", buffering=0) as file:
        while file.write(bytes(4096)):
            pass


def noise(first: int) -> Metrics:
    return Metrics(np.arange(first, first + 100), {name: np.full(100, first) for name in "abcdefgh"})


def test_a_full_disk_is_one_clear_error_and_the_run_can_still_be_ended(small_disk: Path, spec: RunSpec) -> None:
    store = RunStore(small_disk)
    id = store.create(spec).id
    token = store.claim(id)
    store.set_state(id, token, RunState.RUNNING)
    kept = store.add_preview(id, token, 1, 1, b"whole")
    logged = 0

    def log(chunks: int) -> None:
        nonlocal logged
        for _ in range(chunks):
            store.log(id, token, noise(logged), images_seen=logged, seconds=1, images_per_second=1)
            logged += 100

    log(10)
    fill(small_disk)
    with pytest.raises(DiskFull, match="full") as caught:
        log(1000)
    assert str(small_disk) in str(caught.value)
    fill(small_disk)
    with pytest.raises(DiskFull):
        store.add_preview(id, token, 2, 2, bytes(100_000))
    with pytest.raises(DiskFull):
        store.add_preview(id, token, 1, 1, bytes(100_000))
    assert kept.read_bytes() == b"whole"
    assert [file.name for file in kept.parent.iterdir()] == ["00000001.png"]

    store.free_reserve()
    store.set_state(id, token, RunState.FAILED, "The disk is full.")
    store.release(id, token)
    assert not (small_disk / "reserve.bin").exists()
    fill(small_disk)
    assert not store.restore_reserve()
    store.close()

    again = RunStore(small_disk)  # the app is restarted, the disk is still full
    assert again.get(id).state is RunState.FAILED
    np.testing.assert_array_equal(again.metrics(id).steps, np.arange(logged))
    (small_disk / "filling").unlink()
    assert again.restore_reserve()
    again.close()


def test_a_store_opens_and_deletes_on_a_full_disk(small_disk: Path, spec: RunSpec) -> None:
    store = RunStore(small_disk)
    id = store.create(spec).id
    token = store.claim(id)
    for first in range(0, 3_000, 100):
        store.log(id, token, noise(first), images_seen=first, seconds=1, images_per_second=1)
    store.set_state(id, token, RunState.FINISHED)
    store.release(id, token)
    store.close()
    fill(small_disk)
    store = RunStore(small_disk)
    assert len(store.metrics(id)) == 3_000
    store.delete(id)
    assert store.runs() == []
    store.close()


def test_a_full_disk_is_distinguished_from_other_errors_for_files_of_others(tmp_path: Path) -> None:
    for full in (OSError(errno.ENOSPC, "x"), OSError(errno.EDQUOT, "x"), RuntimeError("No space left on device (28)")):
        with pytest.raises(DiskFull), writing(tmp_path):
            raise full
    with pytest.raises(StoreError, match="denied") as caught, writing(tmp_path):
        raise OSError(errno.EACCES, "denied")
    assert not isinstance(caught.value, DiskFull)
    with pytest.raises(RuntimeError, match="other"), writing(tmp_path):
        raise RuntimeError("other")


def test_the_reserve_is_really_allocated(store: RunStore) -> None:
    reserve = store.root / "reserve.bin"
    assert reserve.stat().st_size == 512 * 1024
    assert reserve.stat().st_blocks * 512 >= 512 * 1024
    store.free_reserve()
    assert not reserve.exists()
    assert store.restore_reserve()
    assert reserve.exists()


def test_a_read_only_folder(small_disk: Path) -> None:
    RunStore(small_disk).close()
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    with pytest.raises(StoreError, match="GANSCOPE_HOME"):
        RunStore(small_disk)
    with pytest.raises(StoreError, match="folder"):
        RunStore(small_disk / "below")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_of_somebody_else(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(StoreError, match="GANSCOPE_HOME"):
        RunStore(tmp_path)
    tmp_path.chmod(0o700)


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="file"):
        RunStore(tmp_path / "file")


def test_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "runs.sqlite3").write_bytes(b"no database at all" * 1000)
    with pytest.raises(StoreError, match="damaged"):
        RunStore(tmp_path)


def test_a_file_damaged_inside(tmp_path: Path, spec: RunSpec) -> None:
    store = RunStore(tmp_path)
    for _ in range(50):
        store.create(spec)
    store.close()
    file = tmp_path / "runs.sqlite3"
    content = bytearray(file.read_bytes())
    content[4096:] = os.urandom(len(content) - 4096)
    file.write_bytes(content)
    with pytest.raises(StoreError, match="damaged"):
        RunStore(tmp_path).runs()


def test_a_newer_schema(tmp_path: Path) -> None:
    RunStore(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "runs.sqlite3")
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StoreError, match="newer version of GANscope"):
        RunStore(tmp_path)


def test_the_wait_for_a_locked_file_is_limited(store: RunStore, spec: RunSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_core.runs.database.BUSY_SECONDS", 0.1)
    store.close()
    holder = sqlite3.connect(store.root / "runs.sqlite3", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="locked by another process"):
        store.create(spec)
    assert store.runs() == []  # reading still works
    holder.close()
    store.create(spec)
