"""Every remedy that a text names exists and does what it says: each is applied to a run that trains."""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from gan_core.doctor import diagnosis  # noqa: F401  registers the rules
from gan_core.doctor.remedies import offered, remedies
from gan_core.doctor.rule import rules
from gan_core.errors import BadValue, UnknownName
from gan_core.gans import recipes
from gan_core.hparams import TrainingHParams, rebuilt
from gan_core.knobs import changed, clocks, knobs, to_dict
from gan_core.runs.store import RunState, RunStore
from gan_core.training.control import current_hparams, fork_with
from gan_core.training.session import Session
from tests.training.test_forking import finished, fork_payload, store, trained, wait

__all__ = ["store"]

PRESETS = {
    f"{recipe.name}/{preset.name}": preset.remedies
    for recipe in recipes
    for preset in recipe.presets
    if preset.remedies
}


UNBOUNDED = changed(recipes.get("points").hparams, {"loss": "wasserstein"})
NOTED = recipes.get("points").objective(UNBOUNDED).remedies(UNBOUNDED)
NAMED = dict.fromkeys(
    name for names in (*PRESETS.values(), NOTED, *(rule.remedies for rule in rules)) for name in names
)
RUNS: dict[str, tuple[str, str, int]] = {  # a recipe for each set of players and losses: recipe, data, size
    "points": ("points", "ring8", 2),
    "dcgan": ("dcgan", "digits", 8),
    "pix2pix": ("pix2pix", "digits_coloured", 8),
    "feature_net": ("feature_net", "digits", 8),
}


def test_texts_name_existing_remedies_and_every_remedy_is_named() -> None:
    assert set(NAMED) == set(remedies.names())
    # settings can't repair data, or a discriminator that doesn't see the label
    assert [rule.name for rule in rules if not rule.remedies] == ["data_range", "label_ignored"]


def test_a_text_that_names_no_remedy_is_refused() -> None:
    with pytest.raises(UnknownName, match="Valid: r1"):
        offered(["r2"], recipes.get("points").hparams)


ILL: tuple[dict[str, Any], ...] = (  # settings that a remedy changes
    {"schedule": "constant"},
    {"schedule": "linear"},
    {"identity_weight": 0.0},
    {"loss": "non_saturating", "label_flipping": 0.2, "instance_noise": 0.5},
)


@cache
def all_settings() -> tuple[TrainingHParams, ...]:
    return tuple(
        recipe.settings(changes)
        for recipe in recipes
        for changes in ILL
        if changes.keys() <= knobs(recipe.hparams).keys()
    )


@pytest.mark.parametrize("name", NAMED)
def test_some_run_can_take_each(name: str) -> None:
    taken = [hparams for hparams in all_settings() if offered([name], hparams)]
    assert taken, name
    for hparams in taken:
        changes = offered([name], hparams)[name]
        new = changed(hparams, changes)
        assert {knob: getattr(new, knob) for knob in changes} == changes
        remedies.get(name).words.format(**changes)


def plan(recipe: str) -> Any:
    name, data, size = RUNS[recipe]
    found = recipes.get(name)
    settings = to_dict(found.tiny) | ({"schedule": "linear", "decay_steps": 1000} if name != "feature_net" else {})
    return found.plan(data, size, 0, settings)


@pytest.mark.parametrize("recipe", RUNS)
def test_each_is_applied_to_a_run_that_continues(store: RunStore, recipe: str) -> None:
    run = store.create(plan(recipe))
    session = Session(store, run.id).start(paused=True)
    wait(lambda: session.status.state is RunState.PAUSED)
    session.step(3)
    wait(lambda: session.status.step == 3 and store.checkpoints(run.id))
    session.save()
    applied = 0
    for name in (name for name in NAMED if not remedies.get(name).back):
        before = current_hparams(store, run)
        found = offered([name], before)
        if not found:
            continue
        changes = found[name]
        if rebuilt(before, changed(before, changes)):
            with pytest.raises(BadValue, match="Fork the run"):
                session.apply(name)
            continue
        seen = store.events(run.id)[-1].id
        session.apply(name)
        wait(lambda seen=seen: [e for e in store.events(run.id, seen) if e.kind == "edit"])  # type: ignore[misc]
        (edit,) = (event for event in store.events(run.id, seen) if event.kind == "edit")
        at = edit.step
        assert changed(before, edit.payload["changes"]) == changed(before, changes)
        assert edit.payload.get("begun", []) == sorted(clocks(before, changes))
        session.step(2)
        wait(lambda at=at: session.status.step == at + 2 and session.status.state is RunState.PAUSED)  # type: ignore[misc]
        assert session.trainer.hparams == current_hparams(store, run) == changed(before, changes)
        assert all(session.trainer.began[clock].step == at for clock in clocks(before, changes))
        rows = store.metrics(run.id, since=at)
        losses = [column for name, column in rows.columns.items() if name.endswith("/loss")]
        assert losses
        assert all(math.isfinite(value) for column in losses for value in column)
        applied += 1
    assert applied >= (2 if recipe in ("feature_net", "pix2pix") else 8)


@pytest.mark.parametrize("name", [name for name in NAMED if remedies.get(name).back])
def test_a_rollback_repairs_a_corrupted_run(store: RunStore, name: str) -> None:
    recipe = recipes.get("mlp_gan")
    small = {"generator_widths": (16,), "discriminator_widths": (16,), "latent_size": 4, "batch_size": 8}
    run = store.create(recipe.plan("digits", 8, 0, small))
    session = Session(store, run.id).start(paused=True)
    wait(lambda: session.status.state is RunState.PAUSED)
    session.step(4)
    session.save()
    wait(lambda: [checkpoint.step for checkpoint in store.checkpoints(run.id)][-1:] == [4])
    session.edit(loss="wasserstein", optimizer="sgd", generator_rate=0.1, discriminator_rate=0.1)
    session.resume()
    wait(lambda: any(event.kind == "not_finite" for event in store.events(run.id)))
    newest = store.checkpoints(run.id)[-1].step
    before = recipe.settings(run.spec.hparams) if newest == 4 else session.trainer.hparams
    session.apply(name)
    wait(lambda: session.trainer.hparams == changed(before, offered([name], before)[name]))
    session.step(3)
    wait(lambda: session.status.step == newest + 3)
    losses = store.metrics(run.id, since=newest).columns["generator/loss"]
    assert all(math.isfinite(value) for value in losses)


@pytest.mark.parametrize("recipe", ["points", "dcgan"])
@pytest.mark.parametrize("name", ["r1", "gradient_penalty", "mild_gradient_penalty", "instance_noise", "wasserstein"])
def test_each_continues_from_the_weights_in_a_fork(store: RunStore, recipe: str, name: str) -> None:
    parent = trained(store, recipe, 4, schedule="linear", decay_steps=4)
    changes = offered([name], current_hparams(store, parent))[name]
    made = fork_with(store, parent, name)
    assert made.spec.steps == 8
    assert {knob: made.spec.hparams[knob] for knob in changes} == changes
    start = fork_payload(store, made.id)
    assert start["step"] == 4
    assert "generator" in start["kept"]
    finished(store, made)
    rows = store.metrics(made.id)
    assert rows.steps.tolist() == [5, 6, 7, 8]
    assert min(rows.columns["rate/generator"]) > 0  # their schedule had ended


def test_words_have_their_values() -> None:
    hparams = recipes.get("points").hparams
    for name, changes in offered(NAMED, hparams).items():
        shown = remedies.get(name).words.format(**changes)
        assert "{" not in shown
        for knob, value in remedies.get(name).values.items():
            if (
                isinstance(value, float)
                and value
                and knobs(hparams)[knob].label
                and "{" + knob in remedies.get(name).words
            ):
                assert f"{value:g}" in shown


def test_a_remedy_without_an_effect_is_not_offered() -> None:
    plain = recipes.get("points").hparams
    clipped = changed(plain, {"loss": "wasserstein", "weight_clip": 0.1})
    assert "much_larger_penalty" not in offered(NAMED, clipped)  # there is no penalty
    assert "no_momentum" not in offered(NAMED, changed(plain, {"optimizer": "rmsprop"}))
    assert "longer_schedule" not in offered(NAMED, changed(plain, {"schedule": "constant"}))
    steady = {"penalty": "r1", "penalty_weight": 0.1, "beta1": 0.0, "generator_rate": 1e-3}
    uneven = changed(plain, {"generator_rate": 1e-2, "discriminator_rate": 1e-3})
    assert offered(["steady"], uneven) == {"steady": steady}
    assert offered(["steady"], changed(uneven, steady)) == {}


def test_a_remedy_that_contradicts_the_settings_is_not_offered(home: Path) -> None:
    hinge = changed(recipes.get("dcgan").hparams, {"loss": "hinge"})
    assert "label_smoothing" not in offered(NAMED, hinge)
    unrolled = changed(recipes.get("points").hparams, {"unroll_steps": 2})
    assert not {"r1", "gradient_penalty", "weight_clipping"} & offered(NAMED, unrolled).keys()
    assert "penalty" not in knobs(recipes.get("cyclegan").hparams)
    assert "r1" not in offered(NAMED, recipes.get("cyclegan").hparams)
