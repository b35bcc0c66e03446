"""Runs as training leaves them in the store, made in an instant."""

from __future__ import annotations

import io
import time
from typing import Any

import numpy as np
from PIL import Image

from gan_core.errors import RunConflict
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import Metrics, RunState, RunStore

STEPS = (0, 1, 2, 5, 10, 20)


def trained(
    store: RunStore, recipe: str = "stylegan2", name: str = "", steps: int = 2, data: str = "digits", size: int = 8
) -> str:
    """A run that was really trained, at the tiny size, by default on digits."""
    from gan_core.gans import recipes
    from gan_core.knobs import to_dict
    from gan_core.training.session import Session

    chosen = recipes.get(recipe)
    run = store.create(chosen.plan(data, chosen.fit_size(size), steps, to_dict(chosen.tiny)), name=name)
    assert Session(store, run.id).start().join(120)
    assert store.get(run.id).state is RunState.FINISHED, store.get(run.id).traceback
    return run.id


def end_all(store: RunStore, seconds: float = 60) -> None:
    """Stops all runs, and waits for those that a thread trains; others are interrupted at once."""
    end = time.monotonic() + seconds
    while active := [run.id for run in store.runs() if run.is_active]:
        for id in active:
            try:
                store.release(id, store.claim(id))
            except RunConflict:  # a thread trains it
                store.send(id, "stop")
        assert time.monotonic() < end, active
        time.sleep(0.02)


def png(level: int) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (17, 17), level).save(buffer, "PNG")
    return buffer.getvalue()


def make_run(
    store: RunStore,
    name: str = "",
    *,
    steps: tuple[int, ...] = STEPS,
    state: RunState = RunState.FINISHED,
    seed: int = 0,
    **hparams: Any,
) -> str:
    spec = RunSpec("mlp_gan", "digits", 8, steps=40, hparams={"seed": seed, "loss": "hinge"} | hparams)
    run = store.create(spec, name=name)
    token = store.claim(run.id)
    for step in steps:
        store.add_preview(run.id, token, step, step * 64, png(step * 9))
    if steps:
        rows = np.arange(1, steps[-1] + 1)
        losses = {"generator/loss": 1 / rows, "discriminator/loss": 2 / rows, "accuracy": np.full(len(rows), 0.7)}
        store.log(run.id, token, Metrics(rows, losses), images_seen=1280, seconds=2, images_per_second=640)
    store.set_state(run.id, token, state)
    store.release(run.id, token)
    return run.id
