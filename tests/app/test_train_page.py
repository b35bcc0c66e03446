"""Home, Train and the projector without a browser: start, edit, links, passphrase, language."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from gan_core.gans import Recipe, recipes
from gan_core.knobs import knob_type, knobs, to_dict
from gan_core.models import listing
from gan_core.runs.store import Event, Run, RunState, RunStore
from gan_core.training.control import current_hparams
from gan_core.training.reasons import of_fault
from gan_core.training.recorder import Fault
from gan_core.training.session import Session
from tests.app.messages import all_messages
from tests.app.pages import page, sound, wait
from tests.conftest import example
from tests.made_models import make_seer
from tests.made_runs import make_run, trained
from ui import metric_names
from ui.classroom.live import board, figures, forks, projector
from ui.classroom.live.downloads import csv_of
from ui.classroom.live.feed import feed
from ui.classroom.shell import access, knob_widgets
from ui.classroom.shell.i18n import using
from ui.classroom.train import page as setup_page
from ui.classroom.train import train_choices
from ui.texts import plain, sentence


def tiny_run(store: RunStore, **changes: Any) -> tuple[Run, Session]:
    recipe = recipes.get("mlp_gan")
    values = {"generator_widths": (8,), "discriminator_widths": (8,), "batch_size": 4} | changes
    run = store.create(recipe.plan("digits", 8, 0, values))
    session = Session(store, run.id).start()
    wait(lambda: store.get(run.id).step > 0)
    return run, session


def errors(test: AppTest) -> str:
    return "\n".join(element.value for element in test.error)


def header(payload: bytes) -> dict[str, Any]:
    size = int.from_bytes(payload[:4], "little")
    decoded: dict[str, Any] = json.loads(payload[4 : 4 + size])
    return decoded


def only_run(store: RunStore) -> Run:
    runs = store.runs()
    assert len(runs) == 1
    return runs[0]


def test_home_when_nothing_runs(store: RunStore) -> None:
    test = page("home")
    assert test.button(key="first-gan").label == "Train my first GAN"
    assert any("Nothing is training" in element.value for element in test.markdown)


def test_a_preset_starts_a_run(store: RunStore) -> None:
    test = page("train")
    sound(test.button(key="preset-mlp_gan-digits_30s").click().run())
    run = only_run(store)
    assert run.spec.preset == "digits_30s"
    assert test.query_params["run"] in (run.id, [run.id])
    wait(lambda: store.get(run.id).step > 0)


def test_a_preset_requested_by_home_starts(store: RunStore) -> None:
    page("train", {"start-preset": {"recipe": "mlp_gan", "preset": "digits_30s"}})
    assert only_run(store).spec.preset == "digits_30s"


def test_a_link_reproduces_the_settings(store: RunStore) -> None:
    test = page("train", recipe="dcgan", data="digits", size="16", steps="50", loss="hinge", seed="3", channels="8")
    assert not test.warning
    sound(test.button(key="train").click().run())
    spec = only_run(store).spec
    assert (spec.recipe, spec.data, spec.size, spec.steps) == ("dcgan", "digits", 16, 50)
    assert (spec.hparams["loss"], spec.hparams["seed"], spec.hparams["channels"]) == ("hinge", 3, 8)


def test_a_widget_writes_the_link(store: RunStore) -> None:
    test = page("train", recipe="mlp_gan")
    loss = next(box for box in test.selectbox if box.label == "Loss")
    sound(loss.set_value("hinge").run())
    assert test.query_params["loss"] in ("hinge", ["hinge"])
    assert "seed" not in test.query_params


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ({"recipe": "dcgam"}, "dcgam"),
        ({"recipe": "dcgan", "data": "folder:/etc/../nowhere", "size": "17"}, "17"),
        ({"data": "nothing"}, "nothing"),
        ({"steps": "-4"}, "-4"),
        ({"generator_rate": "9"}, "9"),
        ({"fooo": "1"}, "fooo"),
        ({"preset": "gone"}, "gone"),
        ({"loss": "wasserstein", "label_smoothing": "0.1"}, "smoothing"),
        ({"data": "upload:../../etc/passwd"}, "passwd"),
        ({"seed": "<b>x</b>"}, "Seed"),
    ],
)
def test_a_bad_link_is_reported_and_the_default_used(store: RunStore, query: dict[str, str], named: str) -> None:
    test = page("train", **query)
    assert any(named in element.value.replace("\\", "") for element in test.warning)
    assert not store.runs()


# one recipe for each set of knobs
SETS = {type(recipe.hparams): recipe for recipe in train_choices.offered()}.values()


@pytest.mark.parametrize("recipe", SETS, ids=lambda recipe: recipe.name)
def test_every_set_of_knobs_can_be_drawn(
    store: RunStore, recipe: Recipe, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(listing, "BUNDLED", Path(listing.__file__).parents[2] / "pretrained")  # some recipes borrow
    test = page("train", recipe=recipe.name)
    assert not test.warning
    shown = {one.key.partition(f".{recipe.name}.")[2] for one in (*test.text_input, *test.selectbox) if one.key}
    assert "seed" in shown
    # typed values are used as typed, or refused by the label of the field
    fields = [one for one in test.text_input if one.key and f".{recipe.name}." in one.key]
    valid = [field.value for field in fields]
    for place, field in enumerate(fields):
        field.set_value(BAD[place % len(BAD)])
    next(one for one in test.text_input if one.key and one.key.startswith("steps")).set_value("1e12")
    sound(test.run())
    train = test.button(key="train")
    assert train.disabled
    message = errors(test).replace("\\", "")
    assert message.startswith("Correct these fields first: Steps, ")
    assert train.help.replace("\\", "") == message
    described = knobs(recipe.hparams)
    for field in fields:
        name = field.key.rpartition(".")[2]
        if knob_type(type(recipe.hparams), name) is str:  # accepts any text, which is parsed when the run is created
            continue
        label = described[name].label
        assert label in message
        below = [one.value for one in test.markdown if one.value.startswith(f":red[{plain(label + ' must ')}")]
        assert below, field.key
    assert not any("_" in one.value for one in (*test.error, *test.markdown) if " must " in one.value)
    for field, text in zip(fields, valid, strict=True):
        test.text_input(key=field.key).set_value(text)
    next(one for one in test.text_input if one.key and one.key.startswith("steps")).set_value("7")
    sound(test.run())
    assert not test.error, errors(test)
    assert not test.button(key="train").disabled


BAD = ("", "abc", "1e12", "-1", "0,5", "nan", "12abc", "1e999")


def test_what_is_typed_is_used_as_typed(store: RunStore) -> None:
    test = page("train", recipe="mlp_gan", size="8")
    typed = {"Batch size (images)": " 1.6e1 ", "Generator layer widths": "16-8,", "Beta 1": "1e-2", "Seed": "００７"}
    for label, text in typed.items():
        next(one for one in test.text_input if one.label == label).set_value(text)
    next(one for one in test.text_input if one.key and one.key.startswith("steps")).set_value("5e0")
    sound(test.run())
    sound(test.button(key="train").click().run())
    spec = only_run(store).spec
    assert spec.steps == 5
    kept = {name: spec.hparams[name] for name in ("batch_size", "generator_widths", "beta1", "seed")}
    assert kept == {"batch_size": 16, "generator_widths": [16, 8], "beta1": 0.01, "seed": 7}


def test_an_error_disappears_with_its_cause(store: RunStore) -> None:
    test = page("train", recipe="mlp_gan")
    layers = next(one for one in test.text_input if one.label == "Generator layer widths")
    for text, said in (("-64", "'-64'"), ("0", "between 1 and 8192"), ("64", "")):
        sound(layers.set_value(text).run())
        below = [one.value.replace("\\", "") for one in test.markdown if one.value.startswith(":red[")]
        assert len(below) == len(test.error) == bool(said)
        assert all(said in one and "Generator layer widths" in one for one in below)
    slope = next(one for one in test.text_input if one.label == "Negative slope")
    sound(slope.set_value("abc").run())
    assert test.button(key="train").disabled
    activation = next(one for one in test.selectbox if one.label == "Activation")
    sound(activation.set_value("relu").run())  # which removes the field, so that nobody could correct it
    assert not test.error
    assert not test.button(key="train").disabled


def test_a_running_run_ignores_invalid_fields(store: RunStore) -> None:
    run, _session = tiny_run(store)
    test = page("train", {"edit-panel": True, "fork-panel": True}, run=run.id)
    sound(test.button(key="pause").click().run())
    wait(lambda: store.get(run.id).state is RunState.PAUSED)
    sound(test.run())
    typed = (("Learning rate of the generator", "0,001"), ("Batch size (images)", "1e12"), ("Beta 1", "0.25"))
    for label, text in typed:
        next(one for one in test.text_input if one.label == label and one.key.startswith("edit-")).set_value(text)
    sound(next(button for button in test.button if button.label == "Apply").click().run())
    assert "Correct these fields first: Learning rate of the generator, Batch size." in errors(test).replace("\\", "")
    seed = next(one for one in test.text_input if one.label == "Seed" and one.key.startswith("fork-"))
    sound(seed.set_value("-1").run())
    assert "Correct these fields first: Seed." in errors(test).replace("\\", "")
    assert not [button for button in test.button if button.label == "Fork and train"]
    still = store.get(run.id).step
    sound(test.text_input(key="step-count").set_value("1e5").run())
    sound(test.button(key="step-both").click().run())
    assert "Steps per click must be between 1 and 10000" in errors(test).replace("\\", "")
    assert not [event for event in store.events(run.id) if event.kind == "edit"]
    assert (len(store.runs()), store.get(run.id).step) == (1, still)
    sound(test.text_input(key="step-count").set_value("2e0").run())
    sound(test.button(key="step-both").click().run())
    wait(lambda: store.get(run.id).step == still + 2)


def test_the_page_offers_remedies_and_applies_what_it_shows(store: RunStore) -> None:
    recipe = recipes.get("points")
    preset = recipe.preset("collapses")
    settings = {**preset.hparams, "generator_widths": (8,), "discriminator_widths": (8,)}
    run = store.create(recipe.plan("ring8", 2, 0, settings, "collapses"))
    session = Session(store, run.id).start(paused=True)
    wait(lambda: store.get(run.id).state is RunState.PAUSED)
    session.step(3)
    wait(lambda: store.get(run.id).step == 3)
    board_shown = header(board.encoded(feed(store, run.id), preset.look_for, None))["board"]
    named = {remedy["name"]: remedy["label"] for remedy in board_shown["remedies"]}
    assert list(named) == list(preset.remedies)
    assert named["mild_gradient_penalty"] == "Add a gradient penalty of weight 1"
    test = page("train", {"remedy-asked": (run.id, "mild_gradient_penalty")}, run=run.id)
    table = next(one.value for one in test.markdown if one.value.startswith("| Setting"))
    assert "| Penalty | None | Gradient penalty |" in table
    assert "| Penalty weight | 10 | 1 |" in table
    sound(test.button(key="remedy-here").click().run())
    wait(lambda: [event for event in store.events(run.id) if event.kind == "edit"])
    assert current_hparams(store, run).penalty == "gradient_penalty"
    test = page("train", {"remedy-asked": (run.id, "instance_noise")}, run=run.id)
    assert any("continues from step 3: all networks keep their weights" in one.value for one in test.markdown)
    sound(test.button(key="remedy-fork").click().run())
    made = next(other for other in store.runs() if other.parent == run.id)
    assert (made.step, made.spec.hparams["instance_noise"], made.spec.hparams["penalty"]) == (
        3,
        0.7,
        "gradient_penalty",
    )
    shown = page("train", run=made.id)
    assert any("at step 3; all networks kept their weights" in one.value for one in shown.caption)


def test_a_model_to_borrow_from_is_chosen_among_those_that_fit(store: RunStore) -> None:
    make_seer("features.mine", size=32)
    make_seer("features.grey", channels=1, size=32)
    make_seer("features.small", size=8)
    test = page("train", recipe="projected_gan", data="avatars", size="32", judge="features.mine")
    assert test.query_params["judge"] in ("features.mine", ["features.mine"])
    assert test.query_params["judge_channels"] in (
        "4",
        ["4"],
    )  # must match the model, so there are no controls for them
    net = test.selectbox(next(one.key for one in test.selectbox if one.label == "Feature net"))
    assert not any(one.label.startswith("Feature net channels") for one in test.text_input)
    assert net.options == ["None", "Tiny judge", "EfficientNet-Lite0 (ImageNet)"]
    assert not errors(test)
    sound(net.set_value("").run())
    assert any(one.label.startswith("Feature net channels") for one in test.text_input)
    bad = page("train", recipe="projected_gan", data="avatars", size="32", judge="features.grey")
    assert "can't use features.grey with images of shape 3 x 32 x 32. Valid for Feature net: " in errors(bad).replace(
        "\\", ""
    )
    assert bad.button(key="train").disabled
    assert not store.runs()
    gone = page("train", recipe="projected_gan", judge="features.nosuch")
    assert "features.nosuch" in errors(gone).replace("\\", "")


def test_settings_that_do_not_fit_are_reported(store: RunStore) -> None:
    test = page("train", recipe="mlp_gan", loss="wasserstein")
    smoothing = next(box for box in test.text_input if box.label == "Label smoothing")
    sound(smoothing.set_value("0.1").run())
    assert "Label smoothing cannot be used" in errors(test)
    assert test.button(key="train").disabled
    assert not store.runs()


def test_a_note_on_the_settings_offers_the_change_it_suggests(store: RunStore) -> None:
    test = page("train", recipe="mlp_gan", loss="wasserstein")
    assert any("scores of a Wasserstein critic diverge" in one.value for one in test.info)
    sound(test.button(key="setup-remedy-gradient_penalty").click().run())
    assert test.query_params["penalty"] in ("gradient_penalty", ["gradient_penalty"])
    assert not any("scores of a Wasserstein critic diverge" in one.value for one in test.info)
    assert not [button for button in test.button if button.key and button.key.startswith("setup-remedy")]


def test_points_have_no_size_and_are_drawn(store: RunStore) -> None:
    test = page("train", recipe="points", data="spiral")
    labels = {box.label for box in test.selectbox}
    assert "Data" in labels
    assert "Image size" not in labels
    data_box = next(box for box in test.selectbox if box.label == "Data")
    assert not any("digits" in option.lower() for option in data_box.options)
    sound(test.button(key="train").click().run())
    run = only_run(store)
    assert (run.spec.data, run.spec.size) == ("spiral", 2)
    wait(lambda: store.get(run.id).step > 0)
    wait(lambda: store.previews(run.id))
    shown = header(board.encoded(feed(store, run.id), "", None))["board"]
    assert shown["pixelated"] is False
    assert shown["facts"][0][0] == "Points per second"
    assert "px" not in page("train", run=run.id).title[0].value


def test_knobs_without_an_effect_are_left_out(store: RunStore) -> None:
    test = page("train", recipe="dcgan")
    assert not any(box.label.startswith("Penalty weight") for box in test.text_input)
    assert any("Penalty weight" in element.value for element in test.caption)
    penalty = next(box for box in test.selectbox if box.label == "Penalty")
    sound(penalty.set_value("r1").run())
    weight = next(box for box in test.text_input if box.label.startswith("Penalty weight"))
    sound(weight.set_value("3").run())
    assert [group.label for group in test.expander if "changed" in group.label] == ["Objective · 2 changed"]
    sound(test.button(key="train").click().run())
    assert only_run(store).spec.hparams["penalty_weight"] == 3.0


def test_the_networks_of_another_body_are_left_out(store: RunStore) -> None:
    labels = {box.label for box in page("train", recipe="cgan").text_input}
    assert "Generator layer widths" in labels
    labels = {box.label for box in page("train", recipe="cgan", body="dcgan").text_input}
    assert "Generator layer widths" not in labels


def test_every_group_of_knobs_has_a_title() -> None:
    groups = {knob.group for recipe in recipes for knob in knobs(recipe.hparams).values()}
    assert groups <= knob_widgets.GROUPS.keys()


def test_what_the_browser_holds_is_not_sent_again(store: RunStore) -> None:
    run, session = tiny_run(store)
    store.send(run.id, "stop")
    assert session.join(20)
    watched = feed(store, run.id)
    watched.run(fresh=True)
    everything = board.encoded(watched, "", None)
    sent = header(everything)["board"]
    held = {"samples": sent["samples"]["version"], "curves": sent["version"], "question": 7}
    again = board.encoded(watched, "", None, held=held)
    assert "panels" not in header(again)
    assert "bytes" not in header(again)["board"]["samples"]
    assert header(again)["board"]["answers"] == 7
    assert "panels" in header(board.encoded(watched, "", None, held=held | {"curves": sent["version"] - 1}))
    assert "panels" not in header(board.encoded(watched, "", None, held=held | {"curves": board.LATER}))
    assert len(again) < len(everything) / 2


def test_the_replay_pool_of_a_cyclegan_is_shown(store: RunStore) -> None:
    recipe = recipes.get("cyclegan")
    settings = to_dict(replace(recipe.tiny, pool_size=20))
    run = store.create(recipe.plan("digits_coloured_unpaired", 8, 30, settings))
    assert Session(store, run.id).start().join(240)
    watched = feed(store, run.id)
    watched.run(fresh=True)
    everything = board.encoded(watched, "", None)
    shown = header(everything)["board"]
    assert shown["words"]["pool"] == "Replay pool: 20 of 20 images"
    oldest = store.metrics(run.id).columns["pool_oldest"][-1]
    assert f"oldest {round(oldest)}." in shown["words"]["poolNote"]
    assert shown["pool"]["bytes"] > 0
    assert any(panel["file"] == "pool-age" for panel in header(everything)["panels"])
    again = header(board.encoded(watched, "", None, held={"pool": shown["pool"]["version"]}))["board"]
    assert "bytes" not in again["pool"]
    assert header(board.encoded(watched, "", None, large=True))["board"]["pool"] is None


def test_a_run_without_a_pool_shows_none(store: RunStore) -> None:
    run, session = tiny_run(store)
    store.send(run.id, "stop")
    assert session.join(20)
    shown = header(board.encoded(feed(store, run.id), "", None))["board"]
    assert shown["pool"] is None
    assert shown["words"]["pool"] == shown["words"]["poolNote"] == ""


def test_a_feature_net_is_shown_though_it_draws_no_samples(store: RunStore) -> None:
    run = store.create(recipes.get("feature_net").plan("digits", 8, 0, {"channels": 4, "max_channels": 8}))
    Session(store, run.id).start()
    wait(lambda: store.get(run.id).step > 0)
    opened = {"edit-panel": True, "fork-panel": True, "download-panel": True, "network-panel": True}
    test = page("train", opened, run=run.id)
    assert not errors(test)
    assert not [button for button in test.button if button.label == "Generate samples"]


def test_pause_step_edit_resume_stop(store: RunStore) -> None:
    run, session = tiny_run(store)
    test = page("train", {"edit-panel": True}, run=run.id)
    sound(test.button(key="pause").click().run())
    wait(lambda: store.get(run.id).state is RunState.PAUSED)
    still = store.get(run.id).step
    sound(test.run())
    sound(test.button(key="step-d").click().run())
    wait(lambda: store.get(run.id).step == still + 1)
    rate = next(box for box in test.text_input if box.label == "Learning rate of the generator")
    rate.set_value("0.001")
    apply = next(button for button in test.button if button.label == "Apply")
    sound(apply.click().run())
    wait(lambda: any(event.kind == "edit" for event in store.events(run.id)))
    assert test.button(key="resume").label == "Resume"
    sound(test.button(key="resume").click().run())
    wait(lambda: store.get(run.id).step > still + 1)
    sound(test.run())
    sound(test.button(key="stop").click().run())
    assert session.join(20)
    sound(test.run())
    assert test.button(key="resume-ended").label == "Resume"


def test_steps_of_one_player_raise_no_alarm(store: RunStore) -> None:
    run, _session = tiny_run(store)
    test = page("train", run=run.id)
    sound(test.button(key="pause").click().run())
    wait(lambda: store.get(run.id).state is RunState.PAUSED)
    for key in ("step-d", "step-d", "step-d", "step-d", "step-g", "step-g", "step-g", "step-g"):
        before = store.get(run.id).step
        sound(test.run())
        sound(test.button(key=key).click().run())
        wait(lambda before=before: store.get(run.id).step == before + 1)
        for large in (False, True):  # the run's page, and the projector
            watched = feed(store, run.id)
            watched.run(fresh=True)
            shown = header(board.encoded(watched, "", None, large=large))["board"]
            assert not any("is NaN or infinite" in finding["what"] for finding in shown["findings"])
    metrics = store.metrics(run.id)
    assert not metrics.broken
    assert metrics.measured("generator/loss")[-8:].tolist() == [False] * 4 + [True] * 4
    sound(page("projector", run=run.id))


def test_the_projector_shows_one_chart_and_the_scores_if_there_are_any(store: RunStore) -> None:
    runs = {trained(store, "wgan"): "scores", trained(store, "vae"): "terms", make_run(store): "losses"}
    for run, chart in runs.items():
        message = board.encoded(feed(store, run), "", None, large=True, files=projector.CHARTS)
        assert [panel["file"] for panel in header(message)["panels"]] == [chart]


def test_networks_and_phases_have_words() -> None:
    for recipe in recipes:
        networks = recipe.build(recipe.tiny, example(recipe).spec)
        phases = recipe.objective(recipe.tiny).phases(recipe.tiny)
        assert {*networks} <= {*forks.NETWORKS}, recipe.name
        names = {
            f"{part}{phase.name}{end}" for phase in phases for part, end in (("", "/loss"), ("gradient_norm/", ""))
        }
        assert names <= {*metric_names.NAMES}, recipe.name
    assert forks.network_words(["generator_ab", "recogniser"]) == "Generator a to b, Recognition network"
    assert metric_names.metric_name("generator/adversarial_16") == "Adversarial, 16 px"
    assert metric_names.metric_name("discriminator/drift") == "Discriminator: drift"


def test_marks_name_no_internals() -> None:
    faults = ("discriminator/real", "gradient_norm/penalty")
    events = [Event(1, 3, 0.0, "not_finite", {"term": term, "value": "nan"}) for term in faults]
    events.append(Event(2, 4, 0.0, "gradient_warning", {"phase": "generator", "norm": 1234.0}))
    assert [mark.text for mark in figures.marks(events)] == [
        "Discriminator, real data became nan", "Penalty gradient norm became nan", "Generator gradient norm: 1234",
    ]  # fmt: skip


def test_a_runs_message_names_no_internals() -> None:
    faults = (Fault(3, "discriminator/real", math.nan), Fault(3, "gradient_norm/penalty", math.inf, (0, 2)))
    assert [sentence(*of_fault(fault)).partition(". ")[0] for fault in faults] == [
        "The loss term “Discriminator, real data” became nan at step 3",
        "The gradient norm of “Penalty” became inf on rank(s) 0, 2 at step 3",
    ]


def test_a_corrupted_weight_raises_the_alarm(store: RunStore) -> None:
    run, session = tiny_run(store)
    session.pause()
    wait(lambda: store.get(run.id).state is RunState.PAUSED)
    next(session.trainer.networks["generator"].parameters()).data.fill_(float("nan"))
    session.step(1, only="generator")
    wait(lambda: any(event.kind == "not_finite" for event in store.events(run.id)))
    watched = feed(store, run.id)
    watched.run(fresh=True)
    assert watched.findings()[0].kind == "not_finite"
    assert csv_of(store.metrics(run.id)).decode().splitlines()[-1].count("nan") >= 2


def test_training_for_longer_explains_what_happens_to_the_rate(store: RunStore) -> None:
    values = {"generator_widths": (8,), "discriminator_widths": (8,), "batch_size": 4}
    recipe = recipes.get("mlp_gan")
    for decay, words in (
        ({"schedule": "linear", "decay_steps": 10}, " (learning rate decays again)"),
        ({}, ""),
    ):
        run = store.create(recipe.plan("digits", 8, 10, values | decay))
        assert Session(store, run.id).start().join(60)
        test = page("train", run=run.id)
        longer = test.button(key="longer")
        assert longer.label == f"Train 10 more steps{words}"
        sound(longer.click().run())
        wait(lambda run=run: store.get(run.id).step == 20)
        assert store.get(run.id).spec.steps == 20
        assert (store.metrics(run.id).columns["rate/generator"] > 0).all()


def test_steps_beyond_the_schedule_are_warned_of(store: RunStore) -> None:
    test = page("train", recipe="points", preset="ring8", steps="7000")
    assert any("reach 0 at step 5" in box.value and "2,000 steps" in box.value for box in test.warning)
    assert not page("train", recipe="points", preset="ring8").warning


def test_a_fork_is_a_run_of_its_own(store: RunStore) -> None:
    run, _session = tiny_run(store)
    test = page("train", {"fork-panel": True}, run=run.id)
    seed = next(box for box in test.text_input if box.key and box.key.startswith("fork-") and box.label == "Seed")
    seed.set_value("5")
    fork = next(button for button in test.button if button.label == "Fork and train")
    sound(fork.click().run())
    forked = next(other for other in store.runs() if other.parent == run.id)
    assert forked.spec.hparams["seed"] == 5
    wait(lambda: store.get(forked.id).state is RunState.RUNNING)


def test_a_missing_run_is_reported(store: RunStore) -> None:
    assert "no run named" in errors(page("train", run="20200101-000000-abcd")).replace("\\", "")
    assert "no run named" in errors(page("projector", run="../../x")).replace("\\", "")


def test_a_failed_run_shows_its_traceback_collapsed(store: RunStore) -> None:
    run = store.create(recipes.get("mlp_gan").plan("digits", 8, 10, {}))
    token = store.claim(run.id)
    store.set_state(run.id, token, RunState.FAILED, "{error}", {"error": "boom"}, "Traceback (most recent call last)")
    store.release(run.id, token)
    test = page("train", run=run.id)
    assert [box.value for box in test.code if "Traceback" in box.value]
    assert "boom" in header(board.encoded(feed(store, run.id), "", None))["board"]["notice"]


def test_names_of_users_are_plain_text(store: RunStore) -> None:
    run, _session = tiny_run(store)
    store.rename(run.id, "<b>x</b> **y** :red[z] [a](http://b)")
    title = page("train", run=run.id).title[0].value
    for mark in ("**", ":red[", "](", "<b>"):
        assert mark not in title.replace("\\" + mark[0], "\\ ")


def test_without_the_passphrase_visitors_only_watch(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _session = tiny_run(store)
    monkeypatch.setenv("GANSCOPE_PASSPHRASE", "sesame")
    test = page("train", run=run.id)
    assert all(test.button(key=key).disabled for key in ("pause", "step-both", "step-d", "step-g", "save", "stop"))
    setup = page("train")
    assert setup.button(key="train").disabled
    assert setup.button(key="preset-mlp_gan-digits_30s").disabled
    assert page("home").button(key="first-gan").disabled
    unlocked = page("train", {access.KEY: access.keys.new("sesame")}, run=run.id)
    assert not unlocked.button(key="pause").disabled


@pytest.mark.parametrize("action", ["pause", "stop", "save", "resume", "rollback", "step", "resume_ended"])
def test_actions_check_the_passphrase_themselves(store: RunStore, monkeypatch: pytest.MonkeyPatch, action: str) -> None:
    from ui.classroom.shell import sessions
    from ui.classroom.shell.errors import NotAllowed

    monkeypatch.setenv("GANSCOPE_PASSPHRASE", "sesame")
    run = store.create(recipes.get("mlp_gan").plan("digits", 8, 10, {}))
    store.release(run.id, store.claim(run.id))  # no process will train it
    with pytest.raises(NotAllowed):
        getattr(sessions, action)(run.id)
    with pytest.raises(NotAllowed):
        sessions.edit(run.id, {"batch_size": 8})
    with pytest.raises(NotAllowed):
        sessions.start(run.spec)
    with pytest.raises(NotAllowed):
        sessions.fork(run.id, {})


def test_chinese_leaves_no_english_label(store: RunStore) -> None:
    same = {text for text in all_messages() if _chinese(text) == text}
    run, _session = tiny_run(store)
    tests = [page("home", {"language": "zh"}), page("train", {"language": "zh"})]
    opened = {"edit-panel": True, "fork-panel": True, "download-panel": True, "network-panel": True}
    tests += [page("train", {"language": "zh"} | opened, run=run.id), page("projector", {"language": "zh"}, run=run.id)]
    labels = {
        element.label
        for test in tests
        for kind in (test.button, test.selectbox, test.number_input, test.text_input, test.toggle, test.checkbox)
        for element in kind
    }
    labels |= {element.value for test in tests for kind in (test.title, test.subheader) for element in kind}
    english = {label for label in labels if label.isascii() and label not in same}
    assert not english
    with using("zh"):
        shown = header(board.encoded(feed(store, run.id), "", None))
    words = [shown["board"]["state"]["word"], *shown["board"]["words"].values(), *shown["board"]["advice"]]
    words += [panel["title"] for panel in shown["panels"]] + [panel["unit"] for panel in shown["panels"]]
    assert not {word for word in words if word and word.isascii() and word != "D(x), D(G(z))"}


def _chinese(text: str) -> str:
    from ui.classroom.shell.i18n import _

    with using("zh"):
        return _(text)


def test_equations_fit_the_column() -> None:
    for recipe in recipes:
        equation = recipe.equation(recipe.hparams) if recipe.equation else ""
        lines = setup_page.narrow(equation).replace(r"\footnotesize", "").replace(r"\quad", "").split(r"\\[4pt]")
        assert bare("".join(lines)) == bare(equation.replace(r"\qquad", ""))  # nothing is lost
        for line in lines:
            assert len(re.sub(r"\\[a-zA-Z]+|[{}\\]", "", bare(line))) <= 42, line
            assert line.count("[") == line.count("]"), line
            assert line.count("(") == line.count(")"), line


def bare(equation: str) -> str:
    return "".join(equation.split())
