"""The work of other processes in the store's tests: `store_worker.py FOLDER VERB ARGUMENTS...`."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np

from gan_core.errors import RunConflict
from gan_core.runs.store import Metrics, RunState, RunStore


def hammer(store: RunStore, own: str, shared: str, count: int) -> None:
    """Logs to its own run, and adds events and commands to the shared one, as fast as it can."""
    token = store.claim(own)
    for index in range(count):
        steps = np.arange(index * 3, index * 3 + 3)
        store.log(
            own,
            token,
            Metrics(steps, {"loss": steps.astype(np.float32)}),
            images_seen=index,
            seconds=1,
            images_per_second=1,
        )
        store.add_event(shared, None, index, "note", {"from": own, "index": index})
        store.send(shared, "ping", {"from": own, "index": index})
    store.set_state(own, token, RunState.FINISHED)
    store.release(own, token)


def claim(store: RunStore, go: str, *ids: str) -> None:
    """Claims what it can once the file `go` exists, prints its claims, and holds them until stdin closes."""
    won = []
    while not Path(go).exists():
        pass
    for id in ids:
        try:
            store.claim(id)
            won.append(id)
        except RunConflict:
            pass
    print(*won, flush=True)
    sys.stdin.read()


def hold(store: RunStore, id: str) -> None:
    """Owns a running run until it is killed."""
    token = store.claim(id)
    store.set_state(id, token, RunState.RUNNING)
    (store.folder(id) / "checkpoints" / "half.safetensors.partial").write_bytes(b"half")
    print(token, flush=True)
    time.sleep(60)


def take_turns(store: RunStore, id: str, witness: str) -> None:
    """Waits in the queue, and while it runs holds a file that only one process can create."""
    token = store.claim(id)
    store.enqueue(id, token)
    while not store.try_start(id, token, limit=1):
        store.heartbeat(id, token)
        time.sleep(0.002)
    descriptor = os.open(witness, os.O_CREAT | os.O_EXCL)
    time.sleep(0.02)
    os.close(descriptor)
    os.unlink(witness)
    store.set_state(id, token, RunState.FINISHED)
    store.release(id, token)


if __name__ == "__main__":
    folder, verb, *arguments = sys.argv[1:]
    verbs = {"hammer": hammer, "claim": claim, "hold": hold, "take_turns": take_turns}
    if verb == "hammer":
        arguments[-1] = int(arguments[-1])  # type: ignore[call-overload]
    verbs[verb](RunStore(Path(folder)), *arguments)  # type: ignore[operator]
