"""The list of runs, claims and the queue, within one process."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

from gan_core.errors import DeletedRun, RunConflict, UnknownName
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import Metrics, RunState, RunStore

MARKUP = "<script>alert('x')</script> **b** {braces} %s ; DROP TABLE runs; 'é🙂"


def change(store: RunStore, id: str, **columns: object) -> None:
    """Writes columns of a run directly, as another machine or an earlier time would have left them."""
    connection = sqlite3.connect(store.root / "runs.sqlite3")
    with connection:
        for column, value in columns.items():
            connection.execute(f"UPDATE runs SET {column} = ? WHERE id = ?", (value, id))
    connection.close()


def test_a_created_run_reads_back(store: RunStore, spec: RunSpec) -> None:
    run = store.create(spec, name="  first\n run ", parent="other")
    assert run == store.get(run.id)
    assert (run.name, run.spec, run.state, run.parent, run.step) == ("first run", spec, RunState.QUEUED, "other", 0)
    assert run.is_active
    assert (store.folder(run.id) / "previews").is_dir()
    assert (store.folder(run.id) / "checkpoints").is_dir()


def test_runs_come_newest_first(store: RunStore, spec: RunSpec) -> None:
    ids = [store.create(spec).id for _ in range(5)]
    assert [run.id for run in store.runs()] == ids[::-1]
    assert len(set(ids)) == 5


def test_texts_stay_text_and_are_bounded(store: RunStore, spec: RunSpec) -> None:
    id = store.create(spec).id
    store.rename(id, MARKUP)
    store.set_note(id, "\n" + MARKUP + "\nsecond line\udcff\x00 ")
    assert store.get(id).name == MARKUP[:80]
    assert store.get(id).note == MARKUP + "\nsecond line"
    store.rename(id, "n" * 500)
    store.set_note(id, "n" * 5000)
    assert (len(store.get(id).name), len(store.get(id).note)) == (80, 2000)


@pytest.mark.parametrize("id", ["../x", "..", "/etc", "", "20260101-000000-0000", "' OR 1=1"])
def test_an_unknown_id_is_refused_and_no_path_escapes(store: RunStore, spec: RunSpec, id: str) -> None:
    known = store.create(spec).id
    for action in (store.folder, store.get, store.delete, store.claim, store.previews, store.metrics, store.events):
        with pytest.raises(UnknownName, match=known):
            action(id)
    with pytest.raises(UnknownName):
        store.send(id, "stop")
    with pytest.raises(RunConflict):
        store.add_preview(id, "token", 1, 1, b"png")


def test_a_run_nobody_claims_becomes_interrupted(tmp_path: Path, spec: RunSpec) -> None:
    store = RunStore(tmp_path, stale_after=0.5)
    id = store.create(spec).id
    assert store.get(id).state is RunState.QUEUED
    time.sleep(0.6)
    assert store.get(id).state is RunState.INTERRUPTED
    assert not store.get(id).is_active
    token = store.claim(id)
    store.enqueue(id, token)
    assert store.get(id).state is RunState.QUEUED


def test_the_second_claim_is_refused_until_release(store: RunStore, spec: RunSpec) -> None:
    id = store.create(spec).id
    token = store.claim(id)
    with pytest.raises(RunConflict, match="queued"):
        store.claim(id)
    store.release(id, token)
    assert store.get(id).state is RunState.INTERRUPTED
    assert store.claim(id) != token
    store.release(id, token)  # a lost claim can't release the new one
    with pytest.raises(RunConflict):
        store.claim(id)


def test_an_owner_without_heartbeat_is_dead(tmp_path: Path, spec: RunSpec) -> None:
    store = RunStore(tmp_path, stale_after=0.8)
    id = store.create(spec).id
    old = store.claim(id)
    store.set_state(id, old, RunState.RUNNING)
    for _ in range(3):
        time.sleep(0.3)
        store.heartbeat(id, old)
    assert store.get(id).state is RunState.RUNNING
    time.sleep(0.9)
    assert store.get(id).state is RunState.INTERRUPTED
    new = store.claim(id)
    assert store.get(id).state is RunState.INTERRUPTED  # until the new owner updates it
    store.set_state(id, new, RunState.RUNNING)
    row = Metrics(np.array([1]), {"loss": np.array([1.0])})
    for write in (
        lambda: store.heartbeat(id, old),
        lambda: store.log(id, old, row, images_seen=1, seconds=1, images_per_second=1),
        lambda: store.set_state(id, old, RunState.FAILED),
        lambda: store.add_event(id, old, 1, "edit", {}),
        lambda: store.add_preview(id, old, 1, 1, b"png"),
        lambda: store.write_live_preview(id, old, 1, b"png"),
        lambda: store.truncate(id, old, 0),
        lambda: store.enqueue(id, old),
    ):
        with pytest.raises(RunConflict, match="taken over"):
            write()
    assert store.get(id).state is RunState.RUNNING
    assert len(store.metrics(id)) == 0
    assert store.events(id) == []
    assert list((store.folder(id) / "previews").iterdir()) == []


def test_a_reused_pid_and_another_machine(store: RunStore, spec: RunSpec) -> None:
    id = store.create(spec).id
    store.set_state(id, store.claim(id), RunState.RUNNING)
    change(store, id, born=12345.0)
    assert store.get(id).state is RunState.INTERRUPTED
    change(store, id, host="elsewhere")  # whose pids aren't visible: only the heartbeat decides
    assert store.get(id).state is RunState.RUNNING
    change(store, id, heartbeat=time.time() - 60)
    assert store.get(id).state is RunState.INTERRUPTED


def test_state_message_and_progress(store: RunStore, spec: RunSpec) -> None:
    id = store.create(spec).id
    token = store.claim(id)
    values = {"loss": np.float32(0.5), "path": Path("/x")}
    store.set_state(id, token, RunState.FAILED, "Loss {loss} at {path}", values, "Traceback ...", step=9, seconds=2.5)
    run = store.get(id)
    assert run.message.format(**run.message_values) == "Loss 0.5 at /x"
    assert (run.state, run.traceback, run.step, run.seconds) == (RunState.FAILED, "Traceback ...", 9, 2.5)
    store.set_state(id, token, RunState.PAUSED)
    run = store.get(id)
    assert (run.message, run.traceback, run.step, run.seconds) == ("", "", 9, 2.5)


def test_queue_order_and_limit(store: RunStore, spec: RunSpec) -> None:
    ids = [store.create(spec).id for _ in range(4)]
    tokens = {id: store.claim(id) for id in ids}
    first, second, third, fourth = (ids[index] for index in (2, 0, 3, 1))
    for id in (first, second, third, fourth, first):  # waiting again keeps the place
        store.enqueue(id, tokens[id])
    assert store.queue() == [first, second, third, fourth]
    assert not store.try_start(second, tokens[second], limit=2)
    assert store.try_start(first, tokens[first], limit=2)
    assert store.try_start(first, tokens[first], limit=2)  # it is already running
    assert store.try_start(second, tokens[second], limit=2)
    assert not store.try_start(third, tokens[third], limit=2)
    change(store, second, born=1.0)  # the running owner of `second` dies, and so does the waiting one of `third`
    change(store, third, born=1.0)
    assert store.queue() == [fourth]
    assert store.try_start(fourth, tokens[fourth], limit=2)
    store.enqueue(first, tokens[first])
    assert store.queue() == [first]
    assert store.get(first).state is RunState.QUEUED
    store.set_state(first, tokens[first], RunState.STOPPED)
    assert store.queue() == []


def test_delete_refuses_a_held_run(store: RunStore, spec: RunSpec) -> None:
    id = store.create(spec).id
    token = store.claim(id)
    store.set_state(id, token, RunState.RUNNING)
    store.add_preview(id, token, 1, 1, b"png")
    folder = store.folder(id)
    with pytest.raises(RunConflict, match="running"):
        store.delete(id)
    assert folder.exists()
    store.set_state(id, token, RunState.FINISHED)
    store.release(id, token)
    store.delete(id)
    assert not folder.exists()
    assert list(folder.parent.iterdir()) == []
    with pytest.raises(UnknownName):
        store.get(id)
    with pytest.raises(RunConflict, match="deleted"):
        store.heartbeat(id, token)


def test_deleted_runs_are_distinguished_from_unknown_ones(store: RunStore, spec: RunSpec) -> None:
    first, second = store.create(spec), store.create(spec)
    for run in (first, second):
        change(store, run.id, state="finished")
    store.delete(first.id)
    assert store.delete_unpinned() == [second.id]
    for run in (first, second):
        with pytest.raises(DeletedRun, match=f"Run {run.id} was deleted"):
            RunStore(store.root).get(run.id)
    with pytest.raises(UnknownName, match="There is no run named") as never:
        store.get("20200101-000000-abcd")
    assert not isinstance(never.value, DeletedRun)


def test_an_older_store_remembers_later_deletions(store: RunStore, spec: RunSpec) -> None:
    run = store.create(spec)
    change(store, run.id, state="finished")
    connection = sqlite3.connect(store.root / "runs.sqlite3")
    connection.execute("DROP TABLE deleted")
    connection.close()
    opened = RunStore(store.root)
    opened.delete(run.id)
    with pytest.raises(DeletedRun):
        opened.get(run.id)
    opened.close()


def test_delete_unpinned_spares_pinned_and_active_runs(store: RunStore, spec: RunSpec) -> None:
    ended, pinned, active, waiting = (store.create(spec).id for _ in range(4))
    for id in (ended, pinned):
        token = store.claim(id)
        store.set_state(id, token, RunState.FINISHED)
        store.release(id, token)
    store.set_pinned(pinned, True)
    store.set_state(active, store.claim(active), RunState.PAUSED)
    assert store.delete_unpinned() == [ended]
    assert {run.id for run in store.runs()} == {pinned, active, waiting}
    assert store.get(pinned).pinned


def test_commands_arrive_once_in_order_and_not_at_the_next_owner(store: RunStore, spec: RunSpec) -> None:
    id = store.create(spec).id
    early = store.send(id, "pause")  # before the first claim: it is meant for that owner
    token = store.claim(id)
    late = store.send(id, "edit", {"rate": 0.1})
    taken = store.take(id, token)
    assert [(command.id, command.name, command.payload) for command in taken] == [
        (early, "pause", {}),
        (late, "edit", {"rate": 0.1}),
    ]
    assert store.take(id, token) == []
    store.send(id, "stop")
    store.release(id, token)
    store.send(id, "stop")
    assert store.take(id, store.claim(id)) == []


@pytest.mark.flaky(reruns=2)  # other work on the machine slows it
def test_taking_nothing_is_cheap(store: RunStore, spec: RunSpec) -> None:
    id = store.create(spec).id
    token = store.claim(id)
    started = time.perf_counter()
    for _ in range(500):
        store.take(id, token)
    assert (time.perf_counter() - started) / 500 < 2e-3  # seconds


def test_many_threads_use_one_store(store: RunStore, spec: RunSpec) -> None:
    id = store.create(spec).id
    token = store.claim(id)
    errors: list[BaseException] = []

    def work(thread: int) -> None:
        try:
            for index in range(50):
                store.add_event(id, token, index, "note", {"thread": thread})
                store.get(id)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(thread,)) for thread in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert len(store.events(id)) == 400


def test_the_store_needs_neither_torch_nor_a_front_end() -> None:
    code = "import sys, gan_core.runs.store; print(*{'torch', 'streamlit', 'gradio', 'plotly'} & set(sys.modules))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path.cwd())
    assert found.stdout.strip() == ""
