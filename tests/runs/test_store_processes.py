"""Several processes on one store, one of them killed."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from gan_core.errors import RunConflict
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import Command, RunState, RunStore

ROOT = Path(__file__).parents[2]


def worker(store: RunStore, *arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", Path(__file__).with_name("store_worker.py"), store.root, *map(str, arguments)],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 0, errors
    return output


def test_processes_hammer_one_store_and_nothing_is_lost(store: RunStore, spec: RunSpec) -> None:
    count = 150
    shared = store.create(spec).id
    token = store.claim(shared)
    own = [store.create(spec).id for _ in range(3)]
    processes = [worker(store, "hammer", id, shared, count) for id in own]
    taken: list[Command] = []
    while any(process.poll() is None for process in processes):
        taken += store.take(shared, token)
    for process in processes:
        finish(process)
    taken += store.take(shared, token)
    for id in own:
        metrics = store.metrics(id)
        np.testing.assert_array_equal(metrics.steps, np.arange(count * 3))
        np.testing.assert_array_equal(metrics.columns["loss"], np.arange(count * 3, dtype=np.float32))
        assert store.get(id).state is RunState.FINISHED
    everything = [(id, index) for id in own for index in range(count)]
    events = [(event.payload["from"], event.payload["index"]) for event in store.events(shared)]
    commands = [(command.payload["from"], command.payload["index"]) for command in taken]
    assert sorted(events) == sorted(commands) == sorted(everything)
    assert [command.id for command in taken] == sorted(command.id for command in taken)


def test_of_two_claims_exactly_one_wins(store: RunStore, spec: RunSpec, tmp_path: Path) -> None:
    ids = [store.create(spec).id for _ in range(20)]
    go = tmp_path / "go"
    processes = [worker(store, "claim", go, *ids) for _ in range(2)]
    go.touch()
    won = [process.stdout.readline().split() for process in processes if process.stdout]  # both still hold theirs
    assert sorted(won[0] + won[1]) == sorted(ids)
    for process in processes:
        finish(process)


def test_processes_open_a_new_store_at_once(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from gan_core.runs.store import RunStore; RunStore(Path(sys.argv[1]))"
    for attempt in range(3):
        processes = [
            subprocess.Popen(
                [sys.executable, "-c", code, tmp_path / str(attempt)],
                env=os.environ | {"PYTHONPATH": str(ROOT)},
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for _ in range(4)
        ]
        for process in processes:
            finish(process)


def test_a_killed_owner_leaves_an_interrupted_run(store: RunStore, spec: RunSpec) -> None:
    id = store.create(spec).id
    process = worker(store, "hold", id)
    assert process.stdout
    old = process.stdout.readline().strip()
    assert store.get(id).state is RunState.RUNNING
    with pytest.raises(RunConflict, match=str(process.pid)):
        store.claim(id)
    with pytest.raises(RunConflict, match="running"):
        store.delete(id)
    store.send(id, "stop")
    process.send_signal(signal.SIGKILL)
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # dead, but still in the process table
    assert store.get(id).state is RunState.INTERRUPTED
    process.communicate()
    assert store.get(id).state is RunState.INTERRUPTED
    token = store.claim(id)
    assert store.take(id, token) == []
    assert list((store.folder(id) / "checkpoints").iterdir()) == []  # partial files are deleted
    store.enqueue(id, token)
    assert store.try_start(id, token, limit=1)
    with pytest.raises(RunConflict, match="taken over"):
        store.heartbeat(id, old)


def test_killing_a_writer_at_any_moment_leaves_a_whole_store(store: RunStore, spec: RunSpec) -> None:
    shared = store.create(spec).id
    for moment in (1, 40, 90):  # chunks stored before the kill
        id = store.create(spec).id
        process = worker(store, "hammer", id, shared, 1_000_000)
        while len(store.metrics(id)) < 3 * moment:
            assert process.poll() is None
        process.kill()
        process.communicate()
        metrics = store.metrics(id)
        np.testing.assert_array_equal(metrics.steps, np.arange(len(metrics)))
        run = store.get(id)
        assert (run.state, run.step, run.images_seen) == (
            RunState.INTERRUPTED,
            metrics.steps[-1],
            len(metrics) // 3 - 1,
        )
        store.set_state(id, store.claim(id), RunState.STOPPED)
    with sqlite3.connect(store.root / "runs.sqlite3") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    connection.close()


def test_two_never_run_at_the_same_time(store: RunStore, spec: RunSpec, tmp_path: Path) -> None:
    ids = [store.create(spec).id for _ in range(4)]
    processes = [worker(store, "take_turns", id, tmp_path / "witness") for id in ids]
    most = 0
    while any(process.poll() is None for process in processes):
        most = max(most, sum(run.state is RunState.RUNNING for run in store.runs()))
    for process in processes:
        finish(process)
    assert most == 1
    assert {run.state for run in store.runs()} == {RunState.FINISHED}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_opens_its_own_connections(store: RunStore, spec: RunSpec) -> None:
    id = store.create(spec).id
    child = os.fork()
    if child == 0:
        try:
            store.add_event(id, None, 1, "child", {})
        finally:
            os._exit(0)
    store.add_event(id, None, 1, "parent", {})
    os.waitpid(child, 0)
    assert sorted(event.kind for event in store.events(id)) == ["child", "parent"]
