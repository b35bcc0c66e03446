"""The doctor on the live page: evidence, bands, the Wasserstein estimate, the offer to stop."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gan_core.doctor.bands import Band
from gan_core.doctor.case import Case
from gan_core.doctor.finding import Finding
from gan_core.doctor.rules import nan_ahead, not_finite
from gan_core.doctor.stopping import Plateau
from gan_core.runs.records import Metrics, RunState
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import RunStore
from ui.classroom.live import board, curves, figures, remedies
from ui.classroom.live.feed import Feed
from ui.classroom.live.history import History
from ui.texts import number, sentence

STEPS = 700


def history(**columns: Any) -> History:
    found = History()
    curves = {name.replace("__", "/"): np.broadcast_to(values, STEPS) for name, values in columns.items()}
    found.append(Metrics(np.arange(1, STEPS + 1), curves))
    return found


def seen(**columns: Any) -> Case:
    curves = {name.replace("__", "/"): np.asarray(values) for name, values in columns.items()}
    return Case(Metrics(np.arange(1, STEPS + 1), curves))


def test_the_wasserstein_estimate_has_the_sign_of_a_distance() -> None:
    critic = history(score__real=1.5, score__fake_before=0.5, discriminator__loss=-1.0, generator__loss=-0.5)
    panel = next(one for one in figures.panels(critic, False, critic=True) if one.file == "wasserstein")
    assert np.asarray(panel.series[0].values).min() == pytest.approx(1)
    assert not [one for one in figures.panels(critic, False) if one.file == "wasserstein"]


def test_evidence_and_bands_are_sent_beside_the_curves() -> None:
    drawn = history(separated=0.1, accuracy=0.4)
    drawn.bands = {"accuracy": Band(np.array([1.0, 700.0]), np.array([0.5, 0.55]), np.array([0.7, 0.75]))}
    alarm = Finding("weak", "watch", "", evidence=("separated",), limit=0.4)
    quiet = Finding("healthy", "good", "", evidence=("accuracy",))
    shown = figures.evidence(drawn, [alarm, quiet])
    assert list(shown) == ["weak"]
    assert shown["weak"].line is not None
    assert shown["weak"].line[0] == 0.4
    header, floats = curves.parts(figures.panels(drawn, True), evidence=shown)
    numbers = np.frombuffer(floats, "<f4")
    (accuracy,) = (series for panel in header["panels"] for series in panel["series"] if series["band"])
    low, high = (numbers[start : start + count] for start, count in accuracy["band"][1:])
    assert (low.tolist(), high.tolist()) == (pytest.approx([0.5, 0.55]), pytest.approx([0.7, 0.75]))
    start, count = header["evidence"]["weak"]["series"][0]["y"]
    assert numbers[start : start + count] == pytest.approx(0.1)


def test_an_alarm_offers_the_checkpoint_before_it(store: RunStore) -> None:
    run = store.create(RunSpec("points", "ring8", 2, 2000, {"loss": "hinge"}))
    token = store.claim(run.id)
    store.enqueue(run.id, token)
    assert store.try_start(run.id, token, limit=1)
    steps = np.arange(1, STEPS + 1)
    covered = np.where(steps < 400, 8.0, 2.0)
    modes = {"modes/covered": covered, "modes/reached": covered, "modes/near": np.full(STEPS, 0.9)}
    store.log(run.id, token, Metrics(steps, modes), images_seen=1, seconds=1, images_per_second=1)
    for step in (100, 300, 500):
        path = store.folder(run.id) / "checkpoints" / f"{step}.safetensors"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"-")
        store.add_checkpoint(run.id, token, step, step, path, "0", 1)
    watched = Feed(store, run.id)
    (finding,) = (one for one in watched.findings() if one.kind == "mode_collapse")
    assert finding.level == "bad"
    assert 400 <= (watched.since("mode_collapse") or 0) < 450
    assert remedies.checkpoint_before(watched, "mode_collapse") == 300
    (card,) = board._findings(watched, watched.run(), None)
    assert card["back"]["kind"] == "mode_collapse"
    assert "300" in card["back"]["tip"]
    store.set_state(run.id, token, RunState.STOPPED)
    store.release(run.id, token)
    (card,) = board._findings(watched, watched.run(fresh=True), None)
    assert card["back"] is None  # no process trains it


def test_a_plateau_is_described_in_words() -> None:
    card = board._plateau(Plateau("samples/distance", 1200, 3000, 0.0312, 0.002), False)
    assert card["what"] == f"No longer improving since step {number(1200)}: you can stop."
    assert card["cause"].startswith("Distance to real images was 0.0312 ± 0.004 there")


def test_findings_name_networks_in_words_and_numbers_in_one_style() -> None:
    """Neither `discriminator/loss` nor 3180984171057119232 nor 48%."""
    found = {
        finding.kind: sentence(finding.what, finding.values)
        for finding in (
            nan_ahead.check(seen(discriminator__loss=-(10.0 ** np.linspace(0, 18, STEPS)))),
            not_finite.check(seen(generator__loss=np.where(np.arange(STEPS) < 650, 1.0, np.inf))),
            Finding("exploding_gradients", "bad", "({phase}): {norm:,.0f}", values={"phase": "vae", "norm": 3e18}),
            Finding("varied", "watch", "{share:.0%}, {norm:.0e}, {none:.0e}",
                    values={"share": 0.481, "norm": 4e-5, "none": 0.0}),
        )
        if finding
    }  # fmt: skip
    assert found["nan_ahead"].startswith("NaN ahead: Discriminator loss grows exponentially")
    assert found["not_finite"] == "Generator loss is NaN or infinite."
    assert found["exploding_gradients"] == "(VAE): 3.0 × 10¹⁸"
    assert found["varied"] == "48 %, 4 × 10⁻⁵, 0"
