"""Runs that continue: with rates that aren't 0, however they are continued, and with a correct estimate of the time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from gan_core.errors import BadValue, RunConflict
from gan_core.gans import recipes
from gan_core.models import listing
from gan_core.runs.records import Metrics, RunState
from gan_core.runs.spec import RunSpec
from gan_core.runs.store import Run, RunStore
from gan_core.training import continuing, schedule
from gan_core.training.control import Control, current_hparams, extend, fork, restarts_schedule
from gan_core.training.remaining import seconds_left
from gan_core.training.session import Session
from tests.made_models import make_model

TINY = {"generator_widths": (8,), "discriminator_widths": (8,), "latent_size": 4, "batch_size": 8}
SCHEDULES = {
    "linear": {"schedule": "linear", "decay_steps": 20},
    "cosine": {"schedule": "cosine", "decay_steps": 20},
    "exponential": {"schedule": "exponential", "decay_steps": 2, "decay_rate": 0.5},
}


@pytest.fixture
def store(home: Path) -> Iterator[RunStore]:
    store = RunStore()
    yield store
    for run in store.runs():
        if run.is_active:
            Control(store, run.id).stop()


def new_run(store: RunStore, steps: int, **changes: object) -> Run:
    return store.create(recipes.get("mlp_gan").plan("digits", 8, steps, TINY | changes))


def trained(store: RunStore, run: Run) -> Run:
    session = Session(store, run.id).start()
    assert session.join(60)
    return session.status


def rates(store: RunStore, run: Run, since: int = 0) -> np.ndarray:
    return store.metrics(run.id, since).columns["rate/generator"] / run.spec.hparams["generator_rate"]


def decays_to_nothing(factors: np.ndarray, kind: str) -> bool:
    """Whether rates begin at their full height and last to the end."""
    return bool(factors[0] > 0.95 and (factors > 0).all() and (factors[-1] < 0.15 or kind == "exponential"))


@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_finished_run_continues_with_rates_that_decay_again(store: RunStore, kind: str) -> None:
    run = trained(store, new_run(store, 20, **SCHEDULES[kind]))
    assert restarts_schedule(store, run, run.spec.hparams, 40)
    before = store.metrics(run.id).columns["rate/generator"]
    extended = trained(store, extend(store, run, 40))
    assert (extended.id, extended.state, extended.step, extended.spec.steps) == (run.id, RunState.FINISHED, 40, 40)
    assert decays_to_nothing(rates(store, extended, 20), kind)
    np.testing.assert_array_equal(store.metrics(run.id).columns["rate/generator"][:20], before)
    # and once more, where the schedule counts from an extension already
    assert restarts_schedule(store, extended, dict(vars(current_hparams(store, extended))), 55)
    again = trained(store, extend(store, extended, 55))
    assert decays_to_nothing(rates(store, again, 40), kind)


@pytest.mark.parametrize("kind", SCHEDULES)
def test_a_longer_fork_continues_with_rates_that_decay_again(store: RunStore, kind: str) -> None:
    run = trained(store, new_run(store, 20, **SCHEDULES[kind]))
    forked = trained(store, fork(store, run, {}, steps=40))
    assert (forked.step, forked.parent) == (40, run.id)
    assert decays_to_nothing(rates(store, forked, 20), kind)
    # a fork of the fork knows from where its schedule counts
    third = trained(store, fork(store, forked, {"batch_size": 4}, steps=60))
    assert decays_to_nothing(rates(store, third, 40), kind)


def test_a_fork_knows_from_where_its_schedule_counts(store: RunStore) -> None:
    run = trained(store, new_run(store, 20, schedule="linear", decay_steps=20))
    anew = trained(store, fork(store, run, {"seed": 1}, steps=30))  # from step 0, unlike its parent
    assert decays_to_nothing(rates(store, anew), "linear")
    assert (schedule.began(store, anew), schedule.began(store, run)) == (0, 0)
    chosen = trained(store, fork(store, run, {"schedule": "cosine", "decay_steps": 30}, steps=40))
    assert schedule.began(store, chosen) == 20
    lasting = trained(store, fork(store, chosen, {"batch_size": 4}, steps=50))
    store.delete(chosen.id)
    assert schedule.began(store, lasting) == 20  # whatever happens to the other run
    assert rates(store, lasting)[-1] == pytest.approx(0.5 * (1 + np.cos(np.pi * 29 / 30)), rel=1e-4)


def test_a_fork_that_is_extended_before_it_begins_has_rates_to_its_end(store: RunStore) -> None:
    made = fork(store, trained(store, new_run(store, 20, schedule="linear", decay_steps=20)), {}, steps=30)
    ended = trained(store, extend(store, made, 60))
    assert decays_to_nothing(rates(store, ended), "linear")


def test_a_schedule_that_lasts_or_that_is_chosen_is_left_alone(store: RunStore) -> None:
    run = trained(store, new_run(store, 10, schedule="linear", decay_steps=40))
    assert not restarts_schedule(store, run, run.spec.hparams, 20)
    np.testing.assert_allclose(rates(store, trained(store, extend(store, run, 30)), 20)[-1], 2 - 2 * 29 / 40, rtol=1e-5)
    chosen = trained(store, fork(store, run, {"decay_steps": 5}, steps=40))  # counted from the fork, at step 30
    assert (rates(store, chosen)[-5:] == 0).all()
    constant = trained(store, new_run(store, 5))
    assert (rates(store, trained(store, extend(store, constant, 10))) == 1).all()


def test_a_run_that_was_stopped_after_its_schedule_resumes_with_a_rate(store: RunStore) -> None:
    run = new_run(store, 0, schedule="linear", decay_steps=10)
    session = Session(store, run.id).start()
    wait(lambda: session.status.step > 15)
    session.stop()
    assert session.join(60)
    at = session.status.step
    assert rates(store, session.status)[-1] == 0
    resumed = Session(store, run.id).start()
    wait(lambda: resumed.status.step > at)
    resumed.stop()
    assert resumed.join(60)
    assert rates(store, resumed.status, at)[0] == 1
    edit = next(event for event in store.events(run.id) if event.kind == "edit")
    assert (edit.step, edit.payload["begun"]) == (at, ["rates"])


def wait(condition: object, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.02)


def test_extending_is_refused_where_it_has_no_meaning(store: RunStore) -> None:
    run = trained(store, new_run(store, 5))
    for steps in (3, 5):
        with pytest.raises(BadValue, match="has already trained for 5 steps"):
            extend(store, run, steps)
    going = new_run(store, 0)
    session = Session(store, going.id).start()
    wait(lambda: session.status.step > 0)
    with pytest.raises(RunConflict, match="Stop it before extending"):
        extend(store, session.status, 10_000)
    session.stop()
    assert session.join(60)
    assert store.get(going.id).spec.steps == 0
    assert store.get(run.id).spec.steps == 5


def test_a_run_from_a_model_has_rates_to_its_end(store: RunStore) -> None:
    described = make_model("mlp_gan.x", schedule="linear", decay_steps=6)
    run = trained(store, continuing.begin(store, listing.standing(described.name), steps=30))
    assert decays_to_nothing(rates(store, run), "linear")
    chosen = continuing.begin(store, listing.standing(described.name), steps=30, changes={"decay_steps": 8})
    assert chosen.spec.hparams["decay_steps"] == 8


@pytest.mark.parametrize(
    ("settings", "length"),
    [
        ({"schedule": "constant", "decay_steps": 10}, np.inf),
        ({"schedule": "linear", "decay_steps": 10}, 10),
        ({"schedule": "cosine", "decay_steps": 10}, 10),
        ({"schedule": "exponential", "decay_steps": 10, "decay_rate": 0.1}, 30),
        ({"schedule": "exponential", "decay_steps": 10, "decay_rate": 1.0}, np.inf),
    ],
)
def test_how_long_a_schedule_lasts(settings: dict[str, object], length: float) -> None:
    assert schedule.length(settings) == pytest.approx(length)


# --- how long it takes -----------------------------------------------------------------------------------------------


def at_step(step: int, planned: int, seconds: float = 0.0, state: RunState = RunState.RUNNING) -> Run:
    spec = RunSpec("points", "ring8", 2, planned)
    return Run("x", "", "", spec, state, step, 0, 0, 0, False, None, "", {}, "", seconds, 0)


def speeds(values: np.ndarray, start: int = 0, **columns: np.ndarray) -> Metrics:
    return Metrics(np.arange(start + 1, start + 1 + len(values)), {"images_per_second": values} | columns)


def test_time_left_is_that_of_the_last_steps() -> None:
    recent = speeds(np.full(200, 640.0), 5000)  # 64 images a step: ten steps a second
    assert seconds_left(at_step(5200, 10_000, seconds=2), recent, 64) == pytest.approx(
        480, rel=1e-4
    )  # a fork's seconds are few
    assert seconds_left(at_step(5200, 5200), recent, 64) == 0
    for unknown in (at_step(5200, 0), at_step(5200, 10_000, state=RunState.PAUSED)):
        assert seconds_left(unknown, recent, 64) is None
    assert seconds_left(at_step(0, 100), Metrics.empty(), 64) is None


def test_time_left_follows_an_edit_and_a_growing_networks_batches() -> None:
    recent = speeds(np.r_[np.full(300, 640.0), np.full(20, 64.0)])
    assert seconds_left(at_step(320, 420), recent, 64, since=300) == pytest.approx(100, rel=1e-4)
    grown = speeds(np.full(10, 160.0), **{"schedule/batch_size": np.full(10, 16.0)})
    assert seconds_left(at_step(10, 110), grown, 64) == pytest.approx(10, rel=1e-4)


def test_a_pause_does_not_slow_the_measured_speed(store: RunStore) -> None:
    session = Session(store, new_run(store, 0).id).start()
    wait(lambda: session.status.step > 50)
    session.pause()
    wait(lambda: session.status.state is RunState.PAUSED)
    before, at = session.status.images_per_second, session.status.step
    time.sleep(2.0)
    session.step(2)
    wait(lambda: session.status.step == at + 2)
    session.resume()
    wait(lambda: session.status.step > at + 10)
    time.sleep(1.2)
    session.stop()
    assert session.join(60)
    speed = store.metrics(session.run_id, at).columns["images_per_second"]
    assert speed.min() > before / 5
