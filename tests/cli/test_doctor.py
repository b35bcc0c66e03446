"""`ganscope doctor`: exit codes, words and JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from gan_core.runs.records import Metrics, RunState
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import RunStore
from tests.cli.commands import ganscope

STEPS = 700


def recorded(store: RunStore, **changes: Any) -> str:
    columns = {
        "generator/loss": 1.2, "discriminator/loss": 1.1, "score/real": 0.65, "score/fake_before": 0.35,
        "accuracy": 0.7, "separated": 0.7, "gradient_norm/generator": 1.0, "variety": 0.9,
    } | {name.replace("__", "/"): value for name, value in changes.items()}  # fmt: skip
    curves = {name: np.broadcast_to(value, STEPS) for name, value in columns.items()}
    run = store.create(RunSpec("mlp_gan", "digits", 8, STEPS, {"loss": "non_saturating", "discriminator_rate": 1e-3}))
    token = store.claim(run.id)
    metrics = Metrics(np.arange(1, STEPS + 1), curves)
    store.log(run.id, token, metrics, images_seen=64, seconds=1, images_per_second=64)
    store.set_state(run.id, token, RunState.FINISHED)
    store.release(run.id, token)
    return run.id


def test_the_exit_code_says_whether_something_was_found(store: RunStore) -> None:
    healthy = ganscope("doctor", recorded(store))
    assert (healthy.exit_code, healthy.stderr) == (0, "")
    assert "This looks healthy" in healthy.stdout
    id = recorded(store, separated=np.where(np.arange(STEPS) < 300, 0.7, 0.1))
    ill = ganscope("doctor", id)
    assert ill.exit_code == 1
    assert "WATCH: The generator is winning" in ill.stdout
    assert "--set discriminator_rate=0.1" in ill.stdout  # as a fork that can be pasted
    missing = ganscope("doctor", "nosuch")
    assert missing.exit_code == 2
    assert "nosuch" in missing.stderr


def test_json_has_evidence_threshold_and_changes(store: RunStore) -> None:
    id = recorded(store, separated=np.where(np.arange(STEPS) < 300, 0.7, 0.1))
    for options in ((), ("--watch",)):  # a run that has ended is followed to its end at once
        result = ganscope("doctor", id, "--json", *options)
        assert result.exit_code == 1
        found = json.loads(result.stdout)
        (finding,) = found["findings"]
        assert (finding["kind"], finding["limit"]) == ("discriminator_too_weak", 0.4)
        assert finding["evidence"]["separated"] < 0.2
        assert 300 < finding["since"] < 500
        assert found["alarms"] == {"discriminator_too_weak": finding["since"]}
        assert finding["remedies"][0]["changes"] == {"discriminator_rate": 0.1}
