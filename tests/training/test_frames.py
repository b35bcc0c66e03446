"""Frames of runs of points: right numbers, no effect on the training, and a past that can be continued from."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import softplus

from gan_core import data
from gan_core.checkpoint import read_checkpoint, same_state
from gan_core.data.mixtures import reach
from gan_core.errors import BadValue
from gan_core.gans import recipes
from gan_core.objectives.losses import losses
from gan_core.runs import frames as files
from gan_core.runs.frames import LATTICE, RECORD, SIDE, FrameFile
from gan_core.runs.store import Run, RunState, RunStore
from gan_core.training import audience, forking, journal, reshaping
from gan_core.training.control import current_hparams
from gan_core.training.frames import Camera, centres, lattice
from gan_core.training.session import Session
from gan_core.training.trainer import Trainer
from tests.made_runs import end_all

RECIPE = recipes.get("points")
SMALL = {"generator_widths": (16, 16), "discriminator_widths": (16, 16), "batch_size": 16}


@pytest.fixture
def store(home: Path) -> Iterator[RunStore]:
    store = RunStore()
    yield store
    end_all(store)


def wait(condition: Callable[[], object], seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def trained(steps: int = 20, **changes: Any) -> Trainer:
    trainer = Trainer(RECIPE, RECIPE.settings(SMALL | changes), data.load("two_blobs"))
    for _ in range(steps):
        trainer.train_step()
    return trainer


def one(record: np.ndarray, name: str) -> torch.Tensor:
    return torch.from_numpy(record[name].astype(np.float32))


HARD = (  # settings under which looking could have side effects
    {},
    {"batch_norm": True, "spectral_norm": "both"},
    {"penalty": "r1", "penalty_every": 2, "instance_noise": 0.2, "relativistic": "average"},
    {"feature_matching": True, "minibatch": "discrimination"},
    {"virtual_batch_norm": True, "batch_norm": True, "historical_averaging": 0.1, "unroll_steps": 1},
)


@pytest.mark.parametrize("changes", HARD)
def test_taking_frames_leaves_no_trace(changes: dict[str, Any]) -> None:
    trainers = [trained(0, **changes) for _ in range(2)]
    camera = Camera(trainers[0], "two_blobs")
    before = torch.get_rng_state()
    for _ in range(4):
        camera.take()
        modes = {name: [part.training for part in network.modules()] for name, network in trainers[1].networks.items()}
        assert modes == {
            name: [part.training for part in network.modules()] for name, network in trainers[0].networks.items()
        }
        for trainer in trainers:
            trainer.train_step()
    assert torch.equal(torch.get_rng_state(), before)
    assert same_state(trainers[0].state_dict(), trainers[1].state_dict())


@pytest.mark.parametrize("loss", [name for name in losses if not losses[name].compares])
def test_pulls_are_the_gradients_of_the_loss(loss: str) -> None:
    """Against finite differences of each point's own term, in double precision."""
    trainer = trained(loss=loss)
    record = Camera(trainer, "two_blobs").take()
    judge = trainer.networks["discriminator"].double()
    places = one(record, "points")[:40].double()

    def term(points: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            logits = judge(points)
        return torch.stack([losses[loss].generator_terms(logit[None])["adversarial"] for logit in logits])

    step = 1e-5
    for axis in (0, 1):
        shift = torch.zeros(2, dtype=torch.double)
        shift[axis] = step
        slopes = (term(places + shift) - term(places - shift)) / (2 * step)
        torch.testing.assert_close(one(record, "pulls")[:40, axis].double(), -slopes, atol=4e-3, rtol=4e-3)


def test_both_log_losses_follow_from_the_logit_and_its_slope() -> None:
    trainer = trained()
    record = Camera(trainer, "two_blobs").take()
    points = one(record, "points").requires_grad_()
    logits = trainer.networks["discriminator"](points)
    belief = one(record, "logits").sigmoid()[:, None]
    for loss, factor in ((softplus(-logits), 1 - belief), (-softplus(logits), belief)):
        (slopes,) = torch.autograd.grad(loss.sum(), points, retain_graph=True)
        torch.testing.assert_close(factor * one(record, "slopes"), -slopes, atol=5e-3, rtol=5e-3)


def test_a_relativistic_or_feature_matching_pull_sees_the_data() -> None:
    plain, matching = trained(), trained(feature_matching=True)
    assert not np.allclose(
        Camera(plain, "two_blobs").take()["pulls"], Camera(matching, "two_blobs").take()["pulls"], atol=1e-2
    )


def test_the_field_and_the_lattice_lie_where_they_say() -> None:
    trainer = trained()
    record = Camera(trainer, "two_blobs").take()
    half = reach("two_blobs")
    x, y = half * ((np.array([5, 30]) + 0.5) / SIDE * 2 - 1)
    with torch.no_grad():
        logit = trainer.networks["discriminator"](torch.tensor([[x, y]], dtype=torch.float32))
        corner = trainer.networks["generator"](lattice(2)[-1:])
    assert record["field"][30, 5] == pytest.approx(float(logit), abs=4e-3)  # row: y, column: x
    assert np.allclose(record["warp"][-1, -1], corner, atol=4e-3)
    assert centres(half, SIDE).shape == (SIDE * SIDE, 2)
    assert record["density"].astype(float).sum() == pytest.approx(1, abs=0.02)
    assert record["step"] == 20


def test_the_density_is_counted_anew_in_every_third_frame_and_where_asked() -> None:
    trainer = trained()
    camera, fresh = Camera(trainer, "two_blobs"), Camera(trainer, "two_blobs")
    same = []
    for _ in range(7):
        trainer.train_step()
        same.append(np.array_equal(camera.take(whole=False)["density"], fresh.take()["density"]))
    assert same == [True, False, False] * 2 + [True]


@pytest.mark.parametrize("size", [1, 2, 5])
def test_the_lattice_has_the_noise_between_its_lines(size: int) -> None:
    made = lattice(size)
    assert made.shape == (LATTICE**2, size)
    shares = torch.erf(made[:, 0].unique() / 2**0.5)
    assert torch.allclose(shares.diff(), shares.diff()[0].expand_as(shares.diff()), atol=1e-4)
    assert not made[:, 2:].any()


def test_uniform_noise_is_uniform() -> None:
    hparams = RECIPE.settings(SMALL | {"noise": "uniform"})
    generator = RECIPE.networks(hparams, data.source("ring8").spec(2))["generator"]
    seen: list[torch.Tensor] = []
    generator.layers.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    generator(torch.randn(20_000, 2))
    counts = torch.histc(seen[0], 10, -1, 1) / seen[0].numel()
    assert torch.allclose(counts, torch.full((10,), 0.1), atol=0.006)


# --- files -----------------------------------------------------------------------------------------------------------


def record_at(step: int) -> np.ndarray:
    made = np.zeros((), RECORD)
    made["step"] = step
    made["points"] = step
    return made


def test_a_file_keeps_every_frame_and_ignores_what_was_cut_short(tmp_path: Path) -> None:
    kept = FrameFile(tmp_path)
    assert len(kept) == 0
    assert not len(kept.steps())
    for step in (0, 3, 3, 8):
        kept.append(record_at(step))
    with kept.path.open("ab") as file:
        file.write(b"half a record")
    assert kept.steps().tolist() == [0, 3, 3, 8]
    kept.append(record_at(9))
    assert kept.steps().tolist() == [0, 3, 3, 8, 9]
    assert kept.read(np.array([4, 0]))["points"][:, 0, 0].tolist() == [9, 0]
    kept.cut(3)
    assert kept.steps().tolist() == [0, 3, 3]
    kept.cut(100)
    assert len(kept) == 3


def test_a_long_file_is_thinned_in_its_older_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST", 8)
    kept = FrameFile(tmp_path)
    for step in range(9):
        kept.append(record_at(step))
    assert kept.steps().tolist() == [0, 2, 4, 5, 6, 7, 8]


def test_half_of_the_frames_can_go_and_the_newest_stays(tmp_path: Path) -> None:
    kept = FrameFile(tmp_path)
    assert kept.halve() == 0
    for step in range(8):
        kept.append(record_at(step))
    assert kept.halve() == 4 * RECORD.itemsize
    assert kept.steps().tolist() == [1, 3, 5, 7]
    kept.halve()
    assert kept.halve() == 0
    assert kept.steps().tolist() == [3, 7]


# --- in a session ----------------------------------------------------------------------------------------------------


def new_run(store: RunStore, steps: int = 0, **changes: Any) -> Run:
    return store.create(RECIPE.plan("two_blobs", 2, steps, SMALL | changes))


def taken(store: RunStore, id: str) -> FrameFile:
    return FrameFile(store.folder(id))


def test_frames_come_while_somebody_watches(store: RunStore) -> None:
    run = new_run(store)
    session = Session(store, run.id).start()
    wait(lambda: store.get(run.id).step > 0)
    quiet = len(taken(store, run.id))
    end = time.monotonic() + 1.0
    while time.monotonic() < end:
        audience.watch(run.id)
        time.sleep(0.05)
    assert len(taken(store, run.id)) >= quiet + 2
    session.pause()
    wait(lambda: store.get(run.id).state is RunState.PAUSED)
    assert taken(store, run.id).steps()[-1] == store.get(run.id).step
    session.edit(loss="least_squares")  # the arrows change, also while nothing trains
    count = len(taken(store, run.id))
    audience.watch(run.id)
    wait(lambda: len(taken(store, run.id)) > count)
    session.step(1, only="generator")
    wait(lambda: taken(store, run.id).steps()[-1] == store.get(run.id).step > 0)


def test_a_run_pauses_at_the_requested_step(store: RunStore) -> None:
    run = new_run(store)
    session = Session(store, run.id).start(paused=True)
    wait(lambda: store.get(run.id).state is RunState.PAUSED)
    session.run_to(37)
    wait(lambda: store.get(run.id).step == 37 and store.get(run.id).state is RunState.PAUSED)
    with pytest.raises(BadValue, match="already trained for 37 steps"):
        session.run_to(30)
    session.resume()
    wait(lambda: store.get(run.id).step > 60)


@pytest.mark.flaky(reruns=2)  # other work on the machine slows it
def test_a_pace_slows_a_run_down_and_commands_are_obeyed_meanwhile(store: RunStore) -> None:
    run = new_run(store)
    session = Session(store, run.id).start()
    wait(lambda: store.get(run.id).step > 5)
    with pytest.raises(BadValue, match="between 0 and 1000"):
        session.set_pace(-1)
    session.set_pace(0.2)
    time.sleep(0.5)
    before = session.trainer.step
    time.sleep(0.5)
    assert session.trainer.step <= before + 1
    asked = time.monotonic()
    session.pause()
    wait(lambda: store.get(run.id).state is RunState.PAUSED)
    assert time.monotonic() - asked < 1.5
    session.set_pace(0)
    session.resume()
    wait(lambda: session.trainer.step > before + 20)


def test_continuing_from_a_frame_is_continuing_from_that_step(store: RunStore) -> None:
    """Edits and single-player steps in between are done again; every later step is the same bit for bit."""
    run = new_run(store)
    session = Session(store, run.id).start(paused=True)
    wait(lambda: store.get(run.id).state is RunState.PAUSED)
    for command in (
        lambda: session.step(30),
        lambda: session.edit(loss="least_squares", generator_rate=1e-3),
        lambda: session.step(6, only="discriminator"),
        lambda: session.step(30),
    ):
        before = (store.get(run.id).step, len(store.events(run.id)))
        command()
        wait(lambda before=before: (store.get(run.id).step, len(store.events(run.id))) != before)
        wait(lambda: store.get(run.id).state is RunState.PAUSED)
    wait(lambda: store.get(run.id).step == 66)
    session.save()
    wait(lambda: any(kept.step == 66 for kept in store.checkpoints(run.id)))
    paused_again(store, run, 33)
    other = paused_again(store, run, 50)
    other.run_to(66)
    wait(lambda: paused_at(store, other.run_id, 66))
    # the remaining single-player steps are not repeated: from here both players train, as in the first run
    assert same_state(states(store, run.id), states(store, other.run_id))
    with pytest.raises(BadValue, match="can't continue from step 99"):
        forking.again(store, store.get(run.id), 99)


def paused_at(store: RunStore, id: str, step: int) -> bool:
    found = store.get(id)
    return (found.step, found.state) == (step, RunState.PAUSED)


def paused_again(store: RunStore, run: Run, step: int) -> Session:
    made = forking.again(store, store.get(run.id), step)
    session = Session(store, made.id).start(paused=True)
    wait(lambda: store.get(made.id).state is RunState.PAUSED)
    session.run_to(step)
    wait(lambda: paused_at(store, made.id, step))
    assert current_hparams(store, made).loss == "least_squares"
    return session


def states(store: RunStore, id: str) -> dict[str, Any]:
    state = read_checkpoint(store.checkpoints(id)[-1].path)
    return {name: state[name] for name in ("networks", "average", "optimizers", "generator", "batches", "step")}


def test_frames_after_the_step_that_a_run_goes_back_to_are_dropped(store: RunStore) -> None:
    run = new_run(store, steps=40)
    assert Session(store, run.id).start().join(30)
    kept = taken(store, run.id)
    assert kept.steps()[-1] == 40
    later = kept.read(slice(-1, None))[0]
    later["step"] = 77  # as after a crash between two checkpoints
    kept.append(later)
    session = Session(store, run.id).start(paused=True)
    wait(lambda: session.join(0) or kept.steps()[-1] == 40)
    assert kept.steps()[-1] == 40


def test_checkpoints_of_points_reach_back_to_the_first(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "LADDER", 4)
    monkeypatch.setattr(journal, "CHECKPOINT", 0.0)
    monkeypatch.setattr(journal, "BUDGET", 10.0)
    run = new_run(store, steps=40)
    assert Session(store, run.id).start().join(60)
    steps = [kept.step for kept in store.checkpoints(run.id)]
    assert len(steps) == 7
    assert steps[-1] == 40
    assert steps[0] <= 5
    assert max(np.diff(steps[:5])) <= 24


def test_frames_count_for_the_quota_and_are_thinned_by_it(store: RunStore) -> None:
    run = new_run(store, steps=3)
    assert Session(store, run.id).start().join(30)
    kept, before = taken(store, run.id), store.size()
    for step in range(4, 40):
        kept.append(record_at(step))
    assert store.size() == before + 36 * RECORD.itemsize
    store.enforce_quota(store.size() - 10 * RECORD.itemsize)
    assert len(kept) < 30
    assert kept.steps()[-1] == 39


# --- other networks that keep what fits ------------------------------------------------------------------------------


def test_a_reshaped_run_keeps_the_layers_that_fit_and_their_moments(store: RunStore) -> None:
    run = new_run(store, steps=25)
    assert Session(store, run.id).start().join(30)
    made = reshaping.reshape(store, store.get(run.id), {"generator_widths": "16,16,8", "activation": "relu"})
    old, new = states(store, run.id), states(store, made.id)
    assert made.step == new["step"] == 25
    assert made.parent == run.id
    for name in ("layers.0.weight", "layers.2.bias"):
        assert torch.equal(old["networks"]["generator"][name], new["networks"]["generator"][name])
    assert "layers.4.weight" in new["networks"]["generator"]
    assert new["networks"]["generator"]["point.weight"].shape == (2, 8)
    assert same_state(old["networks"]["discriminator"], new["networks"]["discriminator"])
    assert same_state(old["optimizers"]["discriminator"], new["optimizers"]["discriminator"])
    assert sorted(new["optimizers"]["generator"]) == [0, 1, 2, 3]
    payload = store.events(made.id)[0].payload
    assert payload["layers"] == {"generator": [2, 4], "discriminator": [3, 3]}
    assert (payload["kept"], payload["fresh"]) == (["generator", "discriminator"], [])
    session = Session(store, made.id).start()
    wait(lambda: store.get(made.id).step > 30)
    session.stop()
    assert session.join(30)
    assert store.get(made.id).state is RunState.STOPPED


def test_reshaping_that_keeps_nothing_is_refused(store: RunStore) -> None:
    run = new_run(store, steps=5)
    assert Session(store, run.id).start().join(30)
    with pytest.raises(BadValue, match="seed can't change while weights are kept"):
        reshaping.reshape(store, store.get(run.id), {"seed": 4})
    with pytest.raises(BadValue, match="generator_widths"):
        reshaping.reshape(store, store.get(run.id), {"generator_widths": "0"})
    assert len(store.runs()) == 1
