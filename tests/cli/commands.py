"""The command line in this process, because each new process imports torch, which takes seconds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from typer.testing import CliRunner, Result

from gan_core.cli import app
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import Metrics, RunState, RunStore

KNOBS = ("batch_size=4", "latent_size=4", "generator_widths=8", "discriminator_widths=8")
TINY = [word for knob in KNOBS for word in ("--set", knob)]
MARKUP = "[red]<b>**x**</b>[/red] {brace} %s"


def ganscope(*arguments: str | Path, input: str | None = None) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments], input=input)


def ok(*arguments: str | Path) -> str:
    result = ganscope(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(code: int, *arguments: str | Path) -> str:
    """The message of a command that must fail: no traceback, nothing on stdout."""
    result = ganscope(*arguments)
    assert result.exit_code == code, result.output
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    return result.stderr


def make_run(store: RunStore, name: str = "", state: RunState = RunState.FINISHED, **spec: Any) -> str:
    run = store.create(RunSpec(**({"recipe": "mlp_gan", "data": "digits", "size": 8, "steps": 20} | spec)), name=name)
    token = store.claim(run.id)
    metrics = Metrics(np.arange(1, 11), {"generator/loss": np.linspace(1, 0.5, 10), "empty": np.full(10, np.nan)})
    store.log(run.id, token, metrics, images_seen=640, seconds=2.0, images_per_second=320)
    store.set_state(run.id, token, state)
    store.release(run.id, token)
    return run.id
