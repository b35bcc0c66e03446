"""Metrics, previews and checkpoints, and going back to a step."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gan_core.runs.spec import RunSpec
from gan_core.runs.store import Metrics, RunState, RunStore


def rows(first: int, last: int, *names: str) -> Metrics:
    """Steps first..last; each column holds step + its place / 10."""
    steps = np.arange(first, last + 1)
    return Metrics(steps, {name: (steps + place / 10).astype(np.float32) for place, name in enumerate(names)})


def log(store: RunStore, id: str, token: str, metrics: Metrics) -> None:
    store.log(id, token, metrics, images_seen=int(metrics.steps[-1]) * 8, seconds=1.5, images_per_second=80)


@pytest.fixture
def owned(store: RunStore, spec: RunSpec) -> tuple[str, str]:
    """Id and token of a run that this process trains."""
    id = store.create(spec).id
    token = store.claim(id)
    store.set_state(id, token, RunState.RUNNING)
    return id, token


def test_metrics_read_back_with_nan_where_a_column_was_missing(store: RunStore, owned: tuple[str, str]) -> None:
    id, token = owned
    log(store, id, token, rows(1, 3, "d_loss", "g_loss"))
    log(store, id, token, rows(4, 5, "d_loss", "g_loss"))
    log(store, id, token, rows(6, 6, "g_loss", "r1"))
    metrics = store.metrics(id)
    assert metrics.steps.dtype == np.int64
    assert metrics.steps.tolist() == [1, 2, 3, 4, 5, 6]
    assert list(metrics.columns) == ["d_loss", "g_loss", "r1"]
    nan = np.nan
    for name, expected in {
        "d_loss": [1, 2, 3, 4, 5, nan],
        "g_loss": [1.1, 2.1, 3.1, 4.1, 5.1, 6],
        "r1": [nan, nan, nan, nan, nan, 6.1],
    }.items():
        assert metrics.columns[name].dtype == np.float32
        np.testing.assert_array_equal(metrics.columns[name], np.array(expected, np.float32))
    run = store.get(id)
    assert (run.step, run.images_seen, run.seconds, run.images_per_second) == (6, 48, 1.5, 80)


def test_broken_values_are_distinguished_from_missing_ones(store: RunStore, owned: tuple[str, str]) -> None:
    id, token = owned
    nan = np.nan
    first = Metrics([1, 2, 3], {"a/loss": [1, nan, nan], "b/loss": [nan, nan, 3]}, {"a/loss": [False, False, True]})
    log(store, id, token, first)
    log(store, id, token, Metrics([4, 5], {"a/loss": [nan, 5], "c/loss": [np.inf, nan]}, {"c/loss": [False, True]}))
    metrics = store.metrics(id)
    assert metrics.measured("a/loss").tolist() == [True, False, True, False, True]
    assert metrics.faults("a/loss").tolist() == [False, False, True, False, False]
    assert metrics.faults("b/loss").tolist() == [False] * 5
    assert metrics.faults("c/loss").tolist() == [False, False, False, True, True]
    assert metrics.measured("unknown").tolist() == metrics.faults("unknown").tolist() == [False] * 5
    last = {name: metrics.last(name) for name in ("a/loss", "b/loss", "unknown")}
    assert last == {"a/loss": 5, "b/loss": 3, "unknown": None}
    assert np.isnan(metrics.last("c/loss") or 0)
    store.truncate(id, token, 3)
    shortened = store.metrics(id)
    assert shortened.broken.keys() == {"a/loss"}
    assert shortened.thinned(2).faults("a/loss").tolist() == [False, True]
    assert shortened.rows(slice(0, 2)).broken == {}


def test_progress_without_rows(store: RunStore, owned: tuple[str, str]) -> None:
    id, token = owned
    store.log(id, token, Metrics.empty(), images_seen=5, seconds=1, images_per_second=5)
    assert len(store.metrics(id)) == 0
    assert store.metrics(id).columns == {}
    assert store.get(id).images_seen == 5


def test_metrics_since_and_thinned(store: RunStore, owned: tuple[str, str]) -> None:
    id, token = owned
    for first in range(1, 1000, 10):
        log(store, id, token, rows(first, first + 9, "loss"))
    assert store.metrics(id, since=995).steps.tolist() == [996, 997, 998, 999, 1000]
    assert len(store.metrics(id, since=1000)) == 0
    thinned = store.metrics(id, max_points=11)
    assert (len(thinned), thinned.steps[0], thinned.steps[-1]) == (11, 1, 1000)
    gaps = np.diff(thinned.steps)
    assert gaps.min() >= 99
    assert gaps.max() <= 101
    np.testing.assert_array_equal(thinned.columns["loss"], thinned.steps.astype(np.float32))
    assert store.metrics(id, max_points=1).steps.tolist() == [1000]
    assert len(store.metrics(id, max_points=5000)) == 1000


def test_columns_must_fit_the_steps() -> None:
    with pytest.raises(ValueError, match="loss"):
        Metrics(np.arange(3), {"loss": np.zeros(2, np.float32)})


def test_events_follow_the_last_one_seen(store: RunStore, owned: tuple[str, str]) -> None:
    id, token = owned
    first = store.add_event(id, token, 3, "edit", {"rate": np.float32(0.25), "text": "<b>"})
    second = store.add_event(id, None, 4, "note", {})
    events = store.events(id)
    assert [(event.id, event.step, event.kind) for event in events] == [(first, 3, "edit"), (second, 4, "note")]
    assert events[0].payload == {"rate": 0.25, "text": "<b>"}
    assert [event.id for event in store.events(id, since_id=first)] == [second]


def test_previews(store: RunStore, owned: tuple[str, str]) -> None:
    id, token = owned
    assert store.live_preview(id) is None
    path = store.add_preview(id, token, 12, 96, b"old")
    store.add_preview(id, token, 3, 24, b"three")
    assert store.add_preview(id, token, 12, 96, b"newer") == path
    assert path.name == "00000012.png"
    assert path.read_bytes() == b"newer"
    assert [(found.step, found.images_seen, found.bytes) for found in store.previews(id)] == [(3, 24, 5), (12, 96, 5)]
    store.write_live_preview(id, token, 13, b"live")
    store.write_live_preview(id, token, 14, b"later")
    assert store.live_pool(id) is None
    pool = store.write_live_pool(id, token, 14, b"pool")
    assert store.live_pool(id) == pool
    assert pool.read_bytes() == b"pool"
    live = store.live_preview(id)
    assert live is not None
    assert (live[0], live[1].read_bytes()) == (14, b"later")
    assert {file.name for file in path.parent.iterdir()} == {"00000003.png", "00000012.png", "live.png", "pool.png"}


def checkpoint(store: RunStore, id: str, token: str, step: int, size: int = 10) -> Path:
    path = store.folder(id) / "checkpoints" / f"{step}.safetensors"
    path.write_bytes(bytes(size))
    store.add_checkpoint(id, token, step, step * 8, path, f"sha-{step}", size)
    return path


def test_checkpoints(store: RunStore, owned: tuple[str, str], tmp_path: Path) -> None:
    id, token = owned
    paths = [checkpoint(store, id, token, step) for step in (10, 20, 30, 40, 50)]
    store.prune_checkpoints(id, token, keep=3)
    assert [path.exists() for path in paths] == [False, False, True, True, True]
    newest = store.checkpoints(id)[-1]
    assert (newest.step, newest.images_seen, newest.path, newest.sha256, newest.bytes) == (
        50,
        400,
        paths[-1],
        "sha-50",
        10,
    )
    paths[-1].unlink()  # a user deletes files
    assert [found.step for found in store.checkpoints(id)] == [30, 40]
    outside = tmp_path / "outside"
    outside.write_bytes(b"mine")
    with pytest.raises(ValueError, match="outside"):
        store.add_checkpoint(id, token, 60, 480, outside, "sha", 4)


def test_one_file_for_two_checkpoints_is_kept(store: RunStore, owned: tuple[str, str]) -> None:
    id, token = owned
    latest = store.folder(id) / "checkpoints" / "latest.safetensors"
    for step in (1, 2, 3):
        latest.write_bytes(bytes([step]))
        store.add_checkpoint(id, token, step, step, latest, "sha", 1)
    store.prune_checkpoints(id, token, keep=1)
    assert [found.step for found in store.checkpoints(id)] == [3]
    assert latest.exists()


def test_truncate_goes_back_to_a_step(store: RunStore, owned: tuple[str, str]) -> None:
    id, token = owned
    for first in (1, 11, 21):
        log(store, id, token, rows(first, first + 9, "loss", "other"))
    for step in (10, 20, 30):
        store.add_preview(id, token, step, step * 8, b"png")
    kept, dropped = checkpoint(store, id, token, 15), checkpoint(store, id, token, 25)
    for step, kind in [(5, "note"), (16, "edit"), (17, "note"), (18, "step")]:
        store.add_event(id, token, step, kind, {})
    store.write_live_preview(id, token, 30, b"live")
    store.write_live_pool(id, token, 30, b"pool")
    unrecorded = store.folder(id) / "previews" / "00000029.png"  # killed between the file and its record
    unrecorded.write_bytes(b"png")

    store.truncate(id, token, 15)
    assert (store.get(id).step, store.get(id).images_seen) == (15, 120)
    assert store.metrics(id).steps.tolist() == list(range(1, 16))
    assert [preview.step for preview in store.previews(id)] == [10]
    assert {file.name for file in (store.folder(id) / "previews").iterdir()} == {"00000010.png"}
    assert store.live_preview(id) is None
    assert kept.exists()
    assert not dropped.exists()
    assert [found.step for found in store.checkpoints(id)] == [15]
    assert [(event.step, event.kind) for event in store.events(id)] == [(5, "note"), (16, "edit"), (18, "step")]

    log(store, id, token, rows(16, 22, "loss", "other"))
    metrics = store.metrics(id)
    assert metrics.steps.tolist() == list(range(1, 23))
    np.testing.assert_allclose(metrics.columns["other"], metrics.steps + 0.1, rtol=1e-6)
    assert store.metrics(id, since=14).steps.tolist() == list(range(15, 23))

    store.truncate(id, token, 0, drop_replayed=True)
    assert len(store.metrics(id)) == 0
    assert store.events(id) == []
    assert store.checkpoints(id) == []
    assert (store.get(id).step, store.get(id).images_seen) == (0, 0)


def end(store: RunStore, id: str, token: str) -> None:
    store.set_state(id, token, RunState.FINISHED)
    store.release(id, token)


def test_quota_thins_previews_of_the_oldest_first_then_old_checkpoints(store: RunStore, spec: RunSpec) -> None:
    kilobyte = bytes(1000)
    oldest, newer, pinned, active = (store.create(spec).id for _ in range(4))
    for id in (oldest, newer, pinned, active):
        token = store.claim(id)
        for step in range(1, 10):
            store.add_preview(id, token, step, step, kilobyte)
        for step in (3, 6, 9):
            checkpoint(store, id, token, step, 5000)
        if id == active:
            store.set_state(id, token, RunState.RUNNING)
        else:
            end(store, id, token)
    store.set_pinned(pinned, True)

    def left(id: str) -> tuple[list[int], list[int]]:
        on_disk = sorted(int(path.stem) for path in (store.folder(id) / "previews").glob("0*.png"))
        assert [preview.step for preview in store.previews(id)] == on_disk
        return on_disk, [found.step for found in store.checkpoints(id)]

    whole = (list(range(1, 10)), [3, 6, 9])
    assert store.enforce_quota(store.size()) == 0
    assert left(oldest) == whole
    assert store.enforce_quota(store.size() - 1) == 4000
    assert (left(oldest), left(newer)) == (([1, 3, 5, 7, 9], [3, 6, 9]), whole)
    assert store.enforce_quota(store.size() - 4001) == 6000
    assert (left(oldest), left(newer)) == (([1, 5, 9], [3, 6, 9]), ([1, 3, 5, 7, 9], [3, 6, 9]))
    store.enforce_quota(store.size() - 5000)
    assert (left(oldest), left(newer)) == (([1, 9], [6, 9]), ([1, 9], [3, 6, 9]))
    store.enforce_quota(0)
    assert (left(oldest), left(newer), left(pinned), left(active)) == (([1, 9], [9]), ([1, 9], [9]), whole, whole)
    assert store.enforce_quota(0) == 0


def test_deleting_frees_the_space(store: RunStore, owned: tuple[str, str]) -> None:
    id, token = owned
    noise = np.random.default_rng(0)
    for first in range(0, 20_000, 1000):
        columns = {name: noise.standard_normal(1000, np.float32) for name in "abcdefgh"}
        log(store, id, token, Metrics(np.arange(first, first + 1000), columns))
    end(store, id, token)
    store.delete(id)
    store.close()  # the last connection moves the log into the file
    assert (store.root / "runs.sqlite3").stat().st_size < 200_000
