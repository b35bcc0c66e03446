"""The playground without a browser: choices, links, own points, runs, edits, other networks, files."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from gan_core.data.user import drawn_points
from gan_core.gans import recipes
from gan_core.runs.frames import RECORD, FrameFile
from gan_core.runs.store import Run, RunState, RunStore
from gan_core.training import audience
from gan_core.training.control import current_hparams, pace_of
from gan_core.training.session import Session
from tests.app.pages import page, sound, wait
from ui.classroom.live.feed import feed
from ui.classroom.playground import begin, dataflow, exports, hand, layers, plot, settings
from ui.classroom.shell import sessions
from ui.classroom.train.setup import of_run

SMALL: dict[str, Any] = {"generator_widths": (8, 8), "discriminator_widths": (8, 8), "batch_size": 8, "ema": 0.0}


def made(store: RunStore, steps: int = 0, paused: bool = False, **changes: Any) -> Run:
    run = store.create(recipes.get("points").plan("two_blobs", 2, steps, SMALL | changes))
    session = Session(store, run.id).start(paused)
    if steps:
        assert session.join(60)
    else:
        wait(lambda: store.get(run.id).state is (RunState.PAUSED if paused else RunState.RUNNING))
    return store.get(run.id)


def at_rest(store: RunStore, id: str, step: int) -> bool:
    found = store.get(id)
    return (found.step, found.state) == (step, RunState.PAUSED)


def errors(test: AppTest) -> str:
    return "\n".join(element.value for element in test.error).replace("\\", "")


def only_run(store: RunStore) -> Run:
    (run,) = store.runs()
    return run


def header(message: bytes) -> dict[str, Any]:
    size = int.from_bytes(message[:4], "little")
    decoded: dict[str, Any] = json.loads(message[4 : 4 + size])
    return decoded


def query(test: AppTest, name: str) -> str | None:
    found = test.query_params.get(name)
    return found[0] if isinstance(found, list) else found


# --- before a run ----------------------------------------------------------------------------------------


def test_run_starts_an_ordinary_run(store: RunStore) -> None:
    test = page("playground")
    sound(test.button(key="play-run").click().run())
    run = only_run(store)
    assert (run.spec.recipe, run.spec.data, run.spec.steps) == ("points", "two_moons", 0)
    assert run.spec.hparams["ema"] == 0
    assert query(test, "run") == run.id
    wait(lambda: store.get(run.id).step > 0)


def test_step_by_step_starts_paused(store: RunStore) -> None:
    test = page("playground", data="ring8")
    sound(test.button(key="play-step").click().run())
    run = only_run(store)
    wait(lambda: at_rest(store, run.id, 0))
    sound(test.run())
    sound(test.button(key="step-both").click().run())
    wait(lambda: at_rest(store, run.id, 1))
    sound(test.button(key="step-d").click().run())
    wait(lambda: at_rest(store, run.id, 2))


def test_a_link_holds_data_noise_and_settings(store: RunStore) -> None:
    test = page("playground", data="spiral", noise="uniform", latent_size="1", loss="minimax", seed="3")
    assert not test.warning
    sound(test.button(key="play-run").click().run())
    spec = only_run(store).spec
    assert spec.data == "spiral"
    wanted = {"noise": "uniform", "latent_size": 1, "loss": "minimax", "seed": 3, "ema": 0.0}
    assert {name: spec.hparams[name] for name in wanted} == wanted


def test_the_link_contains_the_choices(store: RunStore) -> None:
    test = page("playground")
    sound(test.pills[0].set_value("pinwheel").run())
    assert query(test, "data") == "pinwheel"
    noise = next(box for box in test.selectbox if box.label == "Noise")
    sound(noise.set_value("uniform").run())
    assert query(test, "noise") == "uniform"
    assert query(test, "seed") is None
    assert query(test, "ema") is None


@pytest.mark.parametrize(
    ("link", "named"),
    [
        ({"data": "digits"}, "points"),
        ({"data": "nothing"}, "nothing"),
        ({"data": "drawn:???"}, "can't be read"),
        ({"noise": "pink"}, "pink"),
        ({"latent_size": "0"}, "Latent size"),
        ({"generator_rate": "-1"}, "rate"),
        ({"discriminator_widths": "9999"}, "9999"),
        ({"generator_widths": ",".join(["8"] * 21)}, "20 hidden layers"),
        ({"generator_rate": "1e9"}, "rate"),
        ({"of_another_version": "1"}, "of_another_version"),
    ],
)
def test_a_bad_link_is_reported_and_the_default_used(store: RunStore, link: dict[str, str], named: str) -> None:
    test = page("playground", **link)
    assert any(named in element.value.replace("\\", "") for element in test.warning)
    assert not store.runs()


def test_conflicting_settings_are_reported(store: RunStore) -> None:
    test = page("playground", loss="wasserstein")
    field = next(one for one in test.text_input if one.label.startswith("Latent size"))
    sound(field.set_value("many").run())
    assert "Latent size" in errors(test)
    assert test.button(key="play-run").disabled


def test_a_link_keeps_its_steps(store: RunStore) -> None:
    test = page("playground", data="two_blobs", steps="30", latent_size="1")
    sound(test.pills[0].set_value("ring8").run())
    assert (query(test, "data"), query(test, "steps"), query(test, "latent_size")) == ("ring8", "30", "1")
    sound(test.button(key="play-run").click().run())
    run = only_run(store)
    assert run.spec.steps == 30
    assert begin.link(of_run(run.spec, run.spec.hparams))["steps"] == "30"
    wait(lambda: store.get(run.id).state is RunState.FINISHED)


def test_the_first_points_of_a_run_are_those_against_which_d_is_moved_by_hand(store: RunStore) -> None:
    settings_ = recipes.get("points").settings(SMALL)
    message = plot.of_data("two_blobs", settings_)
    plotted = header(message)["plot"]
    start = 4 + int.from_bytes(message[:4], "little") + plotted["frames"][0]
    first = np.frombuffer(message[start : start + RECORD.itemsize], RECORD)[0]
    run = made(store, steps=1)
    taken = FrameFile(store.folder(run.id)).read(slice(0, 1))[0]
    assert (first["step"], taken["step"]) == (0, 0)
    assert np.array_equal(first["points"], taken["points"])
    assert np.array_equal(first["density"], taken["density"])
    assert header(plot.of_data("two_blobs"))["plot"]["frames"] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("line,30,-0.5,2", {"shape": "line", "direction": 30, "position": -0.5, "steepness": 2}),
        ("circle,0,1,0.5,-3", {"shape": "circle", "x": 0, "y": 1, "radius": 0.5, "steepness": -3}),
        ("line,30,1", None), ("square,1,2,3", None), ("line,a,b,c", None), ("line,nan,0,1", None), ("", None),
    ],
)  # fmt: skip
def test_a_d_that_is_moved_by_hand_is_in_the_link(text: str, found: dict[str, Any] | None) -> None:
    assert hand.read(text) == found


# --- own points ----------------------------------------------------------------------------------------


def own(test: AppTest) -> AppTest:
    return sound(test.pills[0].set_value("own").run())


def test_pasted_points_become_the_data(store: RunStore) -> None:
    test = own(page("playground"))
    test.text_area(key="pasted-points").set_value("0,0\n1,1\n-1 0.5")
    sound(test.button(key="use-pasted").click().run())
    reference = query(test, "data")
    assert reference is not None
    assert drawn_points.points_of(reference) == pytest.approx(np.array([[0, 0], [1, 1], [-1, 0.5]]), abs=0.01)
    sound(test.button(key="play-run").click().run())
    run = only_run(store)
    wait(lambda: store.get(run.id).step > 0)
    assert store.get(run.id).spec.data == reference
    sound(test.run())
    assert "Drawn points" in "".join(element.value for element in test.caption)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "at least 2 points, not 0"),
        ("1,1", "at least 2 points, not 1"),
        ("1,1\n" * 10_001, "at most 10,000 points, not 10,001"),
        ("1,1\n" * 20, "All points are the same"),
        ("1,1\n0,7", "between -3 and 3"),
        ("1,1\nnan,0", "must be numbers"),
        ("1,1\nhello", "Line 2 is 'hello'"),
    ],
)
def test_points_that_cant_be_learnt_from_are_refused(store: RunStore, text: str, named: str) -> None:
    test = own(page("playground"))
    test.text_area(key="pasted-points").set_value(text)
    sound(test.button(key="use-pasted").click().run())
    assert named in errors(test)
    assert query(test, "data") is None


def test_a_link_of_a_large_set_holds_a_part_of_it(store: RunStore) -> None:
    random = np.random.default_rng(0)
    reference = drawn_points.reference(random.uniform(-2, 2, (500, 2)))
    test = page("playground", data=reference)
    assert len(drawn_points.points_of(query(test, "data") or "")) == 300
    assert any("300 of your 500" in element.value for element in test.caption)
    sound(test.button(key="play-run").click().run())
    assert only_run(store).spec.data == reference


# --- a run ----------------------------------------------------------------------------------------


def test_a_run_of_something_else_is_refused(store: RunStore) -> None:
    spec = recipes.get("mlp_gan").plan("digits", 8, 1, {"generator_widths": (8,), "discriminator_widths": (8,)})
    run = store.create(spec)
    test = page("playground", run=run.id)
    assert "doesn't learn points" in errors(test)
    assert "nowhere" in errors(page("playground", run="nowhere"))


def test_an_edit_takes_effect_while_the_run_continues(store: RunStore) -> None:
    run = made(store)
    test = page("playground", run=run.id)
    loss = next(box for box in test.selectbox if box.key and box.key.endswith("-loss"))
    sound(loss.set_value("least_squares").run())
    wait(lambda: getattr(current_hparams(store, run), "loss") == "least_squares")  # noqa: B009  of a subclass
    penalty = next(box for box in test.selectbox if box.key and box.key.endswith("-penalty"))
    sound(penalty.set_value("r1").run())
    wait(lambda: getattr(current_hparams(store, run), "penalty") == "r1")  # noqa: B009
    assert not errors(test)


def test_an_edit_that_contradicts_others_is_reported(store: RunStore) -> None:
    run = made(store, label_smoothing=0.1)
    test = page("playground", run=run.id)
    loss = next(box for box in test.selectbox if box.key and box.key.endswith("-loss"))
    sound(loss.set_value("wasserstein").run())
    assert "smoothing" in errors(test)


def test_a_run_with_other_networks_keeps_the_layers_that_fit(store: RunStore) -> None:
    run = made(store, paused=True)
    sessions_step(store, run, 7)
    test = page("playground", run=run.id)
    field = next(one for one in test.text_input if one.key and one.key.endswith("discriminator_widths"))
    field.set_value("8,8,8")
    sound(test.button(key="reshape").click().run())
    new = store.runs()[0]
    assert new.parent == run.id
    assert store.get(run.id).state is RunState.STOPPED
    wait(lambda: at_rest(store, new.id, 7))
    assert query(test, "run") == new.id
    captions = "".join(element.value for element in test.caption)
    assert "Generator: 3 of 3 layers" in captions
    assert "Discriminator: 3 of 4 layers" in captions


def sessions_step(store: RunStore, run: Run, count: int) -> None:
    from gan_core.training.control import Control

    Control(store, run.id).step(count)
    wait(lambda: at_rest(store, run.id, count))


def test_the_pace_is_sent(store: RunStore) -> None:
    run = made(store)
    test = page("playground", run=run.id)
    sound(test.button_group(key=f"pace-{run.id}-0").set_value(0.125).run())
    wait(lambda: slow(store, run))


def test_the_pace_belongs_to_the_run(store: RunStore) -> None:
    run = made(store)
    sessions.set_pace(run.id, 5.0)
    wait(lambda: pace_of(store.events(run.id)) == 5.0)
    shown = page("playground", run=run.id).button_group(key=f"pace-{run.id}-1")
    assert shown.value == 5.0
    other = sessions.reshape(run.id, {"generator_widths": "8"})
    wait(lambda: pace_of(store.events(other.id)) == 5.0)


def test_the_duality_gap_is_measured_on_click(store: RunStore) -> None:
    run = made(store, paused=True)
    test = page("playground", run=run.id)
    sound(test.button(key="gap").click().run())
    watched = feed(store, run.id)
    assert "Duality gap at step 0: at least" in header(plot.encoded(watched, {}))["plot"]["gap"]
    assert "duality-gap" in {panel["file"] for panel in header(plot.encoded(watched, {}))["panels"]}
    sessions.edit(run.id, {"loss": "hinge"})
    wait(lambda: getattr(current_hparams(store, run), "loss") == "hinge")  # noqa: B009
    assert page("playground", run=run.id).button(key="gap").disabled


def slow(store: RunStore, run: Run) -> bool:
    import time

    before = store.get(run.id).step
    time.sleep(0.8)
    return store.get(run.id).step - before <= 1


def test_continuing_from_a_past_step(store: RunStore) -> None:
    run = made(store, paused=True)
    sessions_step(store, run, 12)
    again = sessions.again(run.id, 5)
    wait(lambda: at_rest(store, again.id, 5))
    assert store.get(run.id).state is RunState.STOPPED
    payload = next(event.payload for event in store.events(again.id) if event.kind == "forked")
    assert "Continued from step 5 of" in settings.kept_words(payload)


def test_two_side_by_side_train_in_step(store: RunStore) -> None:
    link = {"data": "two_blobs", "generator_widths": "8", "discriminator_widths": "8", "batch_size": "8"}
    test = page("playground", **link)
    sound(test.button(key="play-both").click().run())
    first, second = store.runs()
    assert first.spec == second.spec
    assert {query(test, "run"), query(test, "beside")} == {first.id, second.id}
    wait(lambda: all(run.state is RunState.PAUSED for run in store.runs()))
    sound(test.run())
    loss = next(box for box in test.selectbox if box.key and box.key.startswith(f"quick-{first.id}"))
    sound(loss.set_value("least_squares").run())
    sound(test.button(key="pair-both").click().run())
    wait(lambda: [run.step for run in store.runs()] == [1, 1])
    wait(lambda: getattr(current_hparams(store, first), "loss") == "least_squares")  # noqa: B009
    assert getattr(current_hparams(store, second), "loss") == "non_saturating"  # noqa: B009
    sound(test.button(key="pair-run").click().run())
    wait(lambda: [run.step for run in store.runs()] == [41, 41])
    sound(test.run())
    wait(lambda: [run.step for run in store.runs()] == [81, 81])
    sound(test.button(key="pair-stop").click().run())
    wait(lambda: not any(run.is_active for run in store.runs()))


# --- what the browser is sent ----------------------------------------------------------------------------------------


def test_a_poll_brings_only_what_is_new(store: RunStore) -> None:
    run = made(store, steps=30)
    watched = feed(store, run.id)
    first = header(plot.encoded(watched, {}))
    count = len(FrameFile(store.folder(run.id)))
    assert first["plot"]["count"] == count > 0
    assert len(first["plot"]["frames"]) == 1
    assert "known" in first["plot"]
    assert {panel["file"] for panel in first["panels"]} >= {"losses", "divergences", "sliced", "modes"}
    held = {"run": run.id, "count": count, "known": True, "curves": watched.version}
    later = plot.encoded(watched, held)
    assert header(later)["plot"]["frames"] == []
    assert "panels" not in header(later)
    assert len(later) < 9000
    assert len(header(plot.encoded(watched, held | {"count": 0}))["plot"]["frames"]) == 1
    assert len(header(plot.encoded(watched, held | {"count": count + 99}))["plot"]["frames"]) == 1
    past = header(plot.encoded(watched, held | {"at": 0}))["plot"]
    assert (past["at"], len(past["frames"])) == (0, 1)
    assert "checkpoint at step 0" in past["again"]["words"]
    other = header(plot.encoded(watched, held | {"run": "another"}))["plot"]
    assert "known" in other


def test_many_viewers_look_less_often_than_a_few(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    run = made(store, paused=True)
    watched, rests = feed(store, run.id), []
    for viewer in range(30):
        monkeypatch.setattr(plot, "_viewer", lambda viewer=viewer: str(viewer))
        rests.append(header(plot.encoded(watched, {}))["plot"]["rest"])
    assert rests[: plot.FEW] == [plot.LOOK] * plot.FEW
    assert rests[7] == pytest.approx(2 * plot.LOOK)
    assert rests[-1] == plot.LONGEST_REST < audience.LINGERS


def test_a_frame_is_sent_as_it_is_stored(store: RunStore) -> None:
    run = made(store, steps=3)
    message = plot.encoded(feed(store, run.id), {})
    sent = header(message)
    start = 4 + int.from_bytes(message[:4], "little") + sent["plot"]["frames"][0]
    record = np.frombuffer(message[start : start + RECORD.itemsize], RECORD)[0]
    assert record["step"] == 3
    offset, numbers = sent["plot"]["layout"]["field"]
    field = np.frombuffer(message[start + offset : start + offset + 2 * numbers], "<f2")
    assert np.array_equal(field, record["field"].ravel())


@pytest.mark.parametrize(
    ("changes", "reads", "threshold"),
    [
        ({}, "probability", 0.0),
        ({"loss": "least_squares"}, "plain", 0.5),
        ({"loss": "wasserstein"}, "score", None),
        ({"loss": "hinge"}, "score", 0.0),
        ({"relativistic": "average"}, "score", None),
    ],
)
def test_ds_output_is_interpreted_according_to_its_loss(
    store: RunStore, changes: dict[str, Any], reads: str, threshold: float | None
) -> None:
    run = made(store, steps=2, **changes)
    plotted = header(plot.encoded(feed(store, run.id), {}))["plot"]
    assert (plotted["reads"], plotted["threshold"]) == (reads, threshold)


def test_the_layers_of_the_link_are_on_and_unknown_ones_left_out(store: RunStore) -> None:
    run = made(store, steps=2)
    test = page("playground", run=run.id, show="best,warp,nonsense")
    assert query(test, "show") == "best,warp,nonsense"
    names = [item["name"] for group in layers.groups() for item in group["items"]]
    assert len(names) == len(set(names)) == len(layers.NAMES)
    assert set(layers.STANDARD) < set(names)


def test_the_data_flow_describes_the_last_step(store: RunStore) -> None:
    run = made(store, paused=True)
    sessions_step(store, run, 3)
    watched = feed(store, run.id)
    wait(lambda: watched.run(fresh=True).step == 3 and len(watched.history.recent) == 3)
    flow = dataflow.of_run(watched)
    assert len(flow["phases"]) == 5
    assert "G turns 8 noise vectors into points." in flow["phases"][0]["text"]
    assert all("–" not in phase["text"] for phase in flow["phases"])
    from gan_core.training.control import Control

    Control(store, run.id).step(1, only="discriminator")
    wait(lambda: at_rest(store, run.id, 4))
    wait(lambda: watched.run(fresh=True).step == 4 and watched.history.recent.steps[-1] == 4)
    parts = [part for phase in dataflow.of_run(watched)["phases"] for part in phase["parts"]]
    assert "lossD" in parts
    assert "lossG" not in parts


# --- files ----------------------------------------------------------------------------------------


def test_files_of_a_playground(store: RunStore) -> None:
    run = made(store, steps=30)
    test = page("playground", {"save-panel": True}, run=run.id)
    assert not errors(test)
    lines = exports.points_of(run.id).splitlines()
    assert lines[0] == "step,x,y,logit,slope_x,slope_y,pull_x,pull_y"
    assert len(lines) == 401
    assert exports.picture_of(feed(store, run.id)).startswith(b"\x89PNG")
    assert exports.film_of(feed(store, run.id), "gif").startswith(b"GIF89a")
    assert exports.film_of(feed(store, run.id), "mp4")[4:8] == b"ftyp"
