"""The tabs' callbacks as plain functions: what a visitor does, step by step, and what goes wrong."""

from __future__ import annotations

import base64
import io
import random
import re
import time
from dataclasses import replace
from html import unescape
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fastapi
import gradio as gr
import numpy as np
import pytest
import torch
from imageio_ffmpeg import count_frames_and_secs
from PIL import Image

from gan_core.errors import BadCheckpoint, BadData, BadValue, UnknownName
from gan_core.latent.attributes import Leakage
from gan_core.latent.edits import Edit
from gan_core.latent.files import Work, write_directions, write_work
from gan_core.latent.inversion import prepared
from gan_core.latent.measured import Measured
from gan_core.latent.mixing import Band
from gan_core.latent.sliders import SLOTS
from gan_core.models import discriminators
from tabs import (
    drag,
    draw,
    editing,
    enlarge,
    inpaint,
    inside,
    interpolation,
    marks,
    mixing,
    models,
    my_picture,
    translate,
)
from tabs.editing_parts import Parts
from tests.made_models import make_model
from tests.studio.built_tabs import built, events, overwritten
from tests.studio.conftest import ENCODER, TRANSLATORS
from tests.studio_serving import STYLED
from ui.languages import using
from ui.studio.models.marks import name_of
from ui.studio.models.opened import Opened, offered, opened
from ui.studio.requests import calls
from ui.studio.requests.calls import callback, streaming
from ui.studio.requests.jobs import News, workshop
from ui.studio.view import share, surprise
from ui.studio.view.attribution import attribution_page
from ui.studio.view.measured import leakage_page
from ui.studio.view.pictures import MARK, MARK_KEY, drawn, file_of, picture, settings_in
from ui.studio.view.view import Change, View, first_view, parsed, points_of, view_at
from ui.studio.view.visit import Visit
from ui.studio.widgets import parts

pytestmark = pytest.mark.usefixtures("shelf")
VISIT, FACE, STRIP, UNDO, REDO, MODEL, SEED, PSI, LABEL = range(9)
SLIDERS = slice(9, 9 + SLOTS)


def plain(value: Any) -> Any:
    """The value inside an update."""
    return value.get("value") if isinstance(value, dict) and value.get("__type__") == "update" else value


def controls(scene: list[Any]) -> list[Any]:
    """The values that the controls have after a scene, as the next callback gets them."""
    values = [plain(value) for value in scene]
    return [values[SEED], values[PSI], values[LABEL], *values[SLIDERS], *values[10 + SLOTS : 13 + SLOTS]]


def pixels(address: str) -> bytes:
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as image:
        return image.tobytes()


def array(address: str) -> np.ndarray:
    """The picture of an address, at its original size, (H, W, 3)."""
    with Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def studio_pictures_of(view: View) -> np.ndarray:
    return np.asarray(picture(view).convert("RGB"))


def arrived(link: str = "?seed=4") -> tuple[Visit, list[Any], list[Any]]:
    scene = editing.arrive(link)
    assert len(scene) == Parts.OUTPUTS
    return scene[VISIT], controls(scene), scene


def test_a_slider_changes_the_picture_at_once_and_a_step_when_it_is_let_go() -> None:
    visit, values, scene = arrived()
    values[3] = 3.0
    moved = editing.move(None, visit, *values)
    assert pixels(moved["now"]) != pixels(scene[FACE]["now"])
    settled = editing.settle(visit, *values)
    assert pixels(settled[FACE]["now"]) == pixels(moved["now"])
    assert pixels(settled[FACE]["before"]) == pixels(scene[FACE]["now"])
    assert settled[FACE]["query"].endswith(f"edits={visit.slots[0].replace(' ', '+')}*3")
    assert len(settled[STRIP]["items"]) == 2
    again = editing.arrive("?" + settled[FACE]["query"])
    assert pixels(again[FACE]["now"]) == pixels(moved["now"])


def test_undo_redo_another_and_reset() -> None:
    visit, values, scene = arrived()
    values[3] = 2.0
    after = editing.another(visit, *values)
    assert plain(after[SEED]) != 4
    assert plain(after[SLIDERS.start]) == 2.0
    back = editing.undo(after[VISIT], *controls(after))
    assert (plain(back[SEED]), plain(back[SLIDERS.start])) == (4, 2.0)
    first = editing.undo(back[VISIT], *controls(back))
    assert pixels(first[FACE]["now"]) == pixels(scene[FACE]["now"])
    assert not first[UNDO]["interactive"]
    assert first[REDO]["interactive"]
    forth = editing.redo(first[VISIT], *controls(first))
    assert plain(forth[SLIDERS.start]) == 2.0
    chosen = editing.revisit(gr.EventData(None, {"place": 2}), forth[VISIT])
    assert plain(chosen[SEED]) == plain(after[SEED])
    clean = editing.reset(chosen[VISIT], *controls(chosen))
    assert [plain(value) for value in clean[SLIDERS]] == [0.0] * SLOTS


def test_any_direction_with_its_layers_and_another_one_after_it() -> None:
    visit, values, _ = arrived()
    picked = editing.pick(visit, "SeFa 2", *values)
    values = controls(picked)
    values[-3:] = [4.0, 1, 2]
    settled = editing.settle(picked[VISIT], *values)
    assert "SeFa+2*4@1-2" in settled[FACE]["query"]
    next_one = editing.pick(settled[VISIT], "SeFa 3", *values)
    assert next_one[VISIT].others == (Change("SeFa 2", 4.0, (1, 2)),)
    assert controls(next_one)[-3] == 0.0
    back = editing.pick(next_one[VISIT], "SeFa 2", *controls(next_one))
    assert controls(back)[-3:] == [4.0, 1, 2]
    with pytest.raises(BadValue, match="no direction named nobody"):
        editing.pick(visit, "nobody", *values)


def test_another_model_has_its_own_sliders_and_classes() -> None:
    visit, values, _ = arrived()
    scene = editing.choose_model(visit, "cgan.tiny", *values)
    assert scene[VISIT].model == "cgan.tiny"
    assert scene[LABEL]["visible"]
    assert not scene[PSI]["visible"]
    values = controls(scene)
    values[2] = 7
    assert "class=7" in editing.settle(scene[VISIT], *values)[FACE]["query"]


def test_a_saved_picture_brings_its_settings_back(tmp_path: Path) -> None:
    visit, values, scene = arrived()
    values[4] = -1.5
    saved = editing.download(visit, *values)
    assert saved["name"] == f"{STYLED}-seed4.png"
    path = tmp_path / "saved.png"
    path.write_bytes(base64.b64decode(saved["content"]))
    read = editing.read_back(str(path), visit, *controls(scene))
    assert plain(read[SLIDERS.start + 1]) == -1.5
    assert not path.exists()


def asked_at(host: str) -> gr.Request:
    """A request as a callback gets it, behind a proxy that speaks HTTPS."""
    headers = [(b"host", host.encode()), (b"x-forwarded-proto", b"https")]
    scope = {"type": "http", "method": "POST", "scheme": "http", "path": "/", "query_string": b"", "headers": headers}
    return gr.Request(fastapi.Request(scope))


def test_a_card_to_share_shows_picture_and_words_and_brings_its_settings_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    visit, values, scene = arrived()
    values[4] = -1.5
    links: list[str] = []
    card_of = share.share_card
    monkeypatch.setattr(editing, "share_card", lambda view, address: links.append(address) or card_of(view, address))
    saved = editing.share(asked_at("faces.example"), visit, *values)
    assert links == ["https://faces.example/"]
    assert saved["name"] == f"{STYLED}-seed4-card.png"
    content = base64.b64decode(saved["content"])
    with Image.open(io.BytesIO(content)) as card:
        assert card.size == (share.WIDTH, share.HEIGHT)
        assert card.text[MARK_KEY] == MARK
        beside = np.asarray(card.convert("L"))[:, share.HEIGHT :]
    assert (beside < 128).sum() > 1_000  # the title's colour
    assert (beside[-share.MARGIN * 3 :] < 180).any()  # link and note
    path = tmp_path / "card.png"
    path.write_bytes(content)
    read = editing.read_back(str(path), visit, *controls(scene))
    assert (plain(read[SEED]), plain(read[SLIDERS.start + 1])) == (4, -1.5)


def test_a_surprise_is_the_clearest_of_several_and_can_be_undone(monkeypatch: pytest.MonkeyPatch) -> None:
    visit, values, scene = arrived()
    seen: list[tuple[list[View], np.ndarray]] = []
    clearness = surprise.clearness

    def noted(model: Opened, views: list[View]) -> np.ndarray:
        seen.append((views, clearness(model, views)))
        return seen[-1][1]

    monkeypatch.setattr(surprise, "clearness", noted)
    after = editing.surprise_me(visit, *values)
    (views, scores), query = seen[0], after[FACE]["query"]
    assert query == views[int(scores.argmax())].query()
    moved = [plain(value) for value in after[SLIDERS] if plain(value)]
    assert len(moved) == surprise.MOVED
    assert all(surprise.STRENGTHS[0] <= abs(value) <= surprise.STRENGTHS[1] for value in moved)
    assert len({surprise.surprise(STYLED, visit.slots, random.Random(seed)).seed for seed in range(4)}) == 4
    back = editing.undo(after[VISIT], *controls(after))
    assert pixels(back[FACE]["now"]) == pixels(scene[FACE]["now"])


def test_a_surprise_of_a_model_with_classes_and_of_none(monkeypatch: pytest.MonkeyPatch) -> None:
    visit, values, _ = arrived("?model=cgan.tiny")
    labels = {surprise.surprise("cgan.tiny", visit.slots, random.Random(seed)).label for seed in range(12)}
    assert len(labels) > 3
    assert "class=" in editing.surprise_me(visit, *values)[FACE]["query"]
    assert editing.surprise_me(Visit(), *values) == [gr.skip()] * Parts.OUTPUTS


def test_a_foreign_picture_is_refused_and_the_picture_stays(tmp_path: Path) -> None:
    visit, values, _ = arrived()
    path = tmp_path / "other.png"
    Image.new("RGB", (64, 64)).save(path)
    with pytest.raises(BadData, match="contains no Studio settings"):
        editing.read_back(str(path), visit, *values)
    assert not path.exists()


def saved_edits(folder: Path, model: str = STYLED) -> Path:
    """A file of two edits, one of them along a direction without a slider."""
    visit, values, _ = arrived(f"?model={model}&seed=4&edits=PCA 2*2.5,SeFa 3*-4")
    path = folder / "edit.safetensors"
    path.write_bytes(base64.b64decode(editing.save_edit(visit, *values)["content"]))
    return path


def test_edits_are_saved_and_put_onto_another_picture(tmp_path: Path) -> None:
    visit, values, _ = arrived()
    with pytest.raises(BadValue, match="no edits to save"):
        editing.save_edit(visit, *values)
    path = saved_edits(tmp_path)
    visit, values, _ = arrived("?seed=9")
    read = editing.read_back(str(path), visit, *values)
    assert not path.exists()
    assert (plain(read[SEED]), plain(read[SLIDERS.start + 1]), plain(read[SLIDERS.start])) == (9, 2.5, 0.0)
    assert read[FACE]["query"].endswith("edits=PCA+2*2.5,SeFa+3*-4")
    again = editing.arrive("?" + read[FACE]["query"])
    assert pixels(again[FACE]["now"]) == pixels(read[FACE]["now"])


def foreign(folder: Path) -> Path:
    return saved_edits(folder, "dcgan.tiny")


def cut_off(folder: Path) -> Path:
    path = saved_edits(folder)
    path.write_bytes(path.read_bytes()[:100])
    return path


def directions_instead(folder: Path) -> Path:
    model = opened(STYLED)
    write_directions(folder / "edit.safetensors", model.explorer, [model.directions["PCA 1"]])
    return folder / "edit.safetensors"


@pytest.mark.parametrize(
    ("make", "says"),
    [(foreign, "belongs to another model"), (cut_off, "can't be read"), (directions_instead, "has the format")],
)
def test_a_file_of_edits_that_does_not_fit_is_reported_and_the_picture_stays(
    tmp_path: Path, make: Any, says: str
) -> None:
    path = make(tmp_path)
    visit, values, _ = arrived()
    with pytest.raises(BadCheckpoint, match=says) as caught:
        editing.read_back(str(path), visit, *values)
    assert str(tmp_path) not in str(caught.value)
    assert not path.exists()


def test_edits_along_missing_directions_are_left_out_and_reported(tmp_path: Path) -> None:
    model = opened(STYLED)
    own = replace(model.directions["PCA 1"], name="mine")
    path = tmp_path / "edit.safetensors"
    write_work(path, model.explorer, Work("x", (Edit(own, 1.0), Edit(model.directions["PCA 2"], 1.5, (0, 2)))))
    visit, values, _ = arrived()
    with pytest.warns(UserWarning, match="no direction named mine"):
        read = editing.read_back(str(path), visit, *values)
    assert read[VISIT].others == (Change("PCA 2", 1.5, (0, 1)),)


def test_a_bad_link_is_reported_and_shows_a_picture() -> None:
    with pytest.warns(UserWarning, match="The truncation must be between 0 and 1.5"):
        scene = editing.arrive("?psi=9&seed=2")
    assert plain(scene[SEED]) == 2
    assert scene[FACE]["now"].startswith("data:image/")


def test_an_empty_shelf_shows_a_helpful_message(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GANSCOPE_HOME", str(tmp_path))
    scene = editing.arrive("")
    assert "There are no models yet." in scene[FACE]["wait"]
    assert "There are no models" in models.models()
    assert editing.move(None, Visit(), 0, 1, None) == gr.skip()


def test_errors_are_sentences_in_the_pages_language() -> None:
    with using("zh"):
        call = callback(interpolation.keyframes)
    with pytest.raises(gr.Error) as caught:
        call(STYLED, "1")
    assert "需要 2 到 8 个关键帧" in caught.value.message


def test_internal_errors_show_no_details(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise RuntimeError("/secret/path")

    with pytest.raises(gr.Error, match="This is a bug in GANscope") as caught:
        callback(broken)()
    assert "secret" not in caught.value.message
    assert "/secret/path" in caplog.text


# --- mixing ----------------------------------------------------------------------------------------------------------


def test_mixing_takes_a_band_from_b() -> None:
    a, b, all_of_b, words = mixing.mix(None, STYLED, 1, 2, "from", 0)
    assert pixels(all_of_b["now"]) == pixels(b["now"]) != pixels(a["now"])
    layers = opened(STYLED).explorer.layers
    _, _, none, words = mixing.mix(None, STYLED, 1, 2, "from", layers)
    assert pixels(none["now"]) == pixels(a["now"])
    assert "Nothing comes from B." in words
    coarse = mixing.mix(None, STYLED, 1, 2, "coarse", 0)
    assert pixels(coarse[2]["now"]) not in (pixels(a["now"]), pixels(b["now"]))


def test_the_slider_of_layers_is_as_long_as_the_model_is_deep() -> None:
    layers = opened(STYLED).explorer.layers
    assert mixing.layer_slider(STYLED, "from") == gr.update(visible=True, maximum=layers)
    assert not mixing.layer_slider(STYLED, "fine")["visible"]


def test_the_matrix_shows_rows_columns_and_mixtures() -> None:
    *_, html = mixing.matrix(STYLED, 2, 3, 1, "coarse", 0)
    with Image.open(io.BytesIO(base64.b64decode(html.partition("base64,")[2].partition('"')[0]))) as image:
        assert image.size == (4 * 8 + 3 * 2, 3 * 8 + 2 * 2)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("dcgan.tiny", 1, 2, "coarse", 0), "is not style-based"),
        ((STYLED, 1, 2, "other", 0), "Unknown layer range 'other'"),
        ((STYLED, -1, 2, "coarse", 0), "The seed must be a whole number"),
    ],
)
def test_invalid_mixtures(arguments: tuple, says: str) -> None:
    with pytest.raises(BadValue, match=says):
        mixing.mix(None, *arguments)


def test_a_matrix_is_bounded() -> None:
    with pytest.raises(BadValue, match="1 to 6 rows and columns"):
        next(mixing.matrix(STYLED, 7, 3, 1, "coarse", 0))


# --- interpolation ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", list(interpolation.WAYS))
def test_a_path_leads_from_the_first_keyframe_to_the_last(way: str) -> None:
    first, middle, last = (
        pixels(interpolation.between(None, STYLED, "3, 8", way, False, share)["now"]) for share in (0, 0.5, 1)
    )
    assert len({first, middle, last}) == 3
    if way != "spherical":  # which goes through z, without truncation
        strip = interpolation.keyframes(STYLED, "3; 8")["items"]
        assert [first, last] == [pixels(address) for address in strip]


def test_keyframes_are_shown_while_they_are_typed_once_they_are_valid() -> None:
    for unfinished in ("", "3", "3, x"):
        assert interpolation.typed(None, STYLED, unfinished, "linear", False, 0.0) == [gr.skip()] * 2
    face, strip = interpolation.typed(None, STYLED, "3, 8", "linear", False, 0.0)
    assert face["now"] == interpolation.between(None, STYLED, "3, 8", "linear", False, 0.0)["now"]
    assert len(strip["items"]) == 2


def test_drawing_larger_frames_takes_longer(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANSCOPE_HOME", str(home))
    for name, colours in (("stylegan2.few", 3), ("stylegan2.any", 0)):
        make_model(name, palette=colours)
    few, free = (interpolation._plan(f"stylegan2.{name}", "1 2", True, "MP4", 2, 512).cost for name in ("few", "any"))
    assert few > 2 * free


@pytest.mark.parametrize("kind", list(interpolation.KINDS))
def test_films_are_files_as_they_were_announced(kind: str) -> None:
    said = interpolation.budget(STYLED, "1 2", True, kind, 0.5, 128)
    rate = interpolation.KINDS[kind][0]
    assert said.startswith(f"{rate} frames, 1.0 s long, about ")
    for value, words in interpolation.film(STYLED, "1 2", "linear", True, kind, 0.5, 128):
        if "file" not in value:  # on its way
            continue
        path = Path(value["file"]["path"])
        assert (value["name"], value["video"]) == (f"{STYLED}-way.{kind.lower()}", kind == "MP4")
        assert words.startswith(f"{rate} frames, 1.0 s")
        if kind == "MP4":
            frames, seconds = count_frames_and_secs(str(path))
            assert (frames, round(seconds, 1)) == (rate, 1.0)
            continue
        with Image.open(path) as film:
            assert (film.n_frames, film.size) == (rate, (128, 128))
            lasting = 0
            for place in range(film.n_frames):
                film.seek(place)
                film.load()
                lasting += film.info["duration"]
            assert lasting == 1000
    assert not path.exists()  # Gradio has copied it by then


def test_a_film_that_would_take_too_long_is_refused_before_it_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = STYLED, "1 2 3 4 5 6 7 8", True, "GIF", 4.0, 512
    assert "At most" not in interpolation.budget(*wanted)
    monkeypatch.setitem(interpolation._drawing, STYLED, 0.5)
    monkeypatch.setenv("GANSCOPE_HOSTED", "1")
    assert "640 frames, 32.0 s long, about 38.6 MB. It takes about 335 s to make." in interpolation.budget(*wanted)
    assert "At most 120 s are allowed here" in interpolation.budget(*wanted)
    model, seeds, closed, *rest = wanted
    with pytest.raises(BadValue, match="would take about 335 seconds; at most 120 are allowed"):
        next(interpolation.film(model, seeds, "linear", closed, *rest))
    assert interpolation.budget(STYLED, "1", True, "GIF", 4.0, 512) == "An interpolation needs 2 to 8 keyframes, got 1."


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"seeds": "1"}, "needs 2 to 8 keyframes, got 1"),
        ({"seeds": "1 2 x"}, "The seed must be a whole number"),
        ({"way": "nowhere"}, "Unknown interpolation"),
        ({"kind": "AVI"}, "Unknown file type 'AVI'"),
        ({"seconds": 60}, "must be 0.5 to 4.0 seconds"),
        ({"size": 4096}, "one of 128, 256, 512 pixels"),
    ],
)
def test_invalid_films(change: dict[str, Any], says: str) -> None:
    wanted = {"seeds": "1 2", "way": "linear", "closed": True, "kind": "GIF", "seconds": 1, "size": 128} | change
    with pytest.raises(BadValue, match=says):
        next(interpolation.film(STYLED, **wanted))


@pytest.mark.parametrize("way", interpolation.WAYS)
@pytest.mark.parametrize("closed", [True, False])
def test_a_keyframe_leads_to_its_place_on_the_path(way: str, closed: bool) -> None:
    known = range(1, interpolation.MOST_KEYFRAMES + 1)
    seeds = ", ".join(map(str, known))
    strip = interpolation.keyframes(STYLED, seeds)
    assert (strip["label"], len(strip["items"])) == ("Keyframe", len(known))
    for place, seed in enumerate(known):
        event = gr.EventData(None, {"place": place})
        share, face = interpolation.to_keyframe(event, STYLED, seeds, way, closed)
        there = studio_pictures_of(View(STYLED, seed, 0.7)).astype(int)
        assert np.abs(array(face["now"]) - there).max() <= 2
        for moved in (share, round(share / 0.005) * 0.005):  # the slider's own steps
            assert interpolation.between(None, STYLED, seeds, way, closed, moved)["now"] == face["now"]
    with pytest.raises(BadValue, match="no keyframe at position 8"):
        interpolation.keyframe_at(STYLED, seeds, way, closed, 8)
    page, _tab = built(interpolation)
    assert [one for one in page.fns.values() if one.name == "to_keyframe"]


def test_keyframes_are_added_up_to_a_bound() -> None:
    assert interpolation.more_keyframes("1 2").startswith("1, 2, ")
    with pytest.raises(BadValue, match="at most 8 keyframes"):
        interpolation.more_keyframes("1 2 3 4 5 6 7 8")


# --- models ----------------------------------------------------------------------------------------------------------


def test_every_model_has_a_card_and_those_that_draw_a_link() -> None:
    html = models.models()
    assert html.count("<article>") == 3 + len(TRANSLATORS) + 2 + 1
    assert html.count("href=") == 3
    assert f'href="?model={STYLED}"' in html
    assert "It has learnt next to nothing." in html


# --- my picture ------------------------------------------------------------------------------------------------------


def test_a_users_picture_is_found_again_and_edited(tmp_path: Path) -> None:
    path = tmp_path / "own.png"
    path.write_bytes(file_of(View(STYLED, 11, 0.7)))
    own, target, found, _words, *sliders = my_picture.take(str(path), STYLED)
    assert not path.exists()
    assert "now" not in found
    assert not any(slider.get("interactive") for slider in sliders)
    assert target["now"].startswith("data:image/")
    steps = list(my_picture.find(own, STYLED, 50))
    found, face, words, *sliders = steps[-1]
    assert "Step 50 of 50" in words
    assert all(slider["interactive"] for slider in sliders)
    assert len(steps) > 3
    edited = my_picture.edit(None, found, 4.0, *[0.0] * (SLOTS - 1))
    assert pixels(edited["now"]) != pixels(face["now"])
    chosen = my_picture.choose(found, "dcgan.tiny")
    assert chosen[0].points is None
    assert chosen[1]["now"].startswith("data:image/")
    view = my_picture.given(found, 4.0, *[0.0] * (SLOTS - 1))
    assert view.changes == (Change(opened(STYLED).slots[0], 4.0),)
    with Image.open(io.BytesIO(base64.b64decode(my_picture.save(found, 4.0)["content"]))) as image:
        assert parsed(settings_in(image)) == (view, [])
    there = studio_pictures_of(view)
    assert np.abs(there.astype(int) - array(edited["now"])).max() <= 2  # half precision


def test_the_tab_begins_with_an_example_that_can_be_edited_at_once() -> None:
    scene = my_picture.show_example(my_picture.Target(), STYLED)
    own, target, found, words, *sliders = scene
    assert "An example" in words
    assert pixels(target["now"]) != pixels(found["now"])
    assert all(slider["interactive"] for slider in sliders if slider.get("visible"))
    edited = my_picture.edit(None, own, 4.0, *[0.0] * (SLOTS - 1))
    assert pixels(edited["now"]) != pixels(found["now"])
    assert all(isinstance(one, dict) for one in my_picture.show_example(own, STYLED))  # the existing picture is kept
    other = my_picture.choose(own, "dcgan.tiny")
    assert (other[0].model, other[0].example) == ("dcgan.tiny", True)
    with pytest.raises(BadValue, match="click “Start search” first"):
        my_picture.save(my_picture.Target())


def test_a_search_starts_from_what_the_encoder_finds(tmp_path: Path) -> None:
    path = tmp_path / "own.png"
    path.write_bytes(file_of(View(STYLED, 11, 0.7)))
    own = my_picture.take(str(path), STYLED)[0]
    first = next(step for step in my_picture.find(own, STYLED, 50) if isinstance(step[0], my_picture.Target))
    model = opened(STYLED)
    assert model.encode is not None
    expected = model.encode(prepared(own.picture, model.explorer))
    torch.testing.assert_close(first[0].points.ws, expected, atol=1e-4, rtol=1e-3)
    assert ENCODER not in offered()
    assert opened("dcgan.tiny").encode is None


def test_a_picture_of_another_kind_is_reported_to_be_far_off(tmp_path: Path) -> None:
    said = []
    checks = Image.fromarray(np.random.default_rng(0).integers(0, 256, (8, 8, 3), np.uint8))
    for place, one in enumerate((drawn(opened(STYLED).explorer, opened(STYLED).explorer.sample(1, 11))[0], checks)):
        path = tmp_path / f"{place}.png"
        one.save(path)
        own = my_picture.take(str(path), STYLED)[0]
        *_rest, last = my_picture.find(own, STYLED, 50)
        said.append(last[2])
    assert "Unlike this model's pictures" not in said[0]
    assert "Unlike this model's pictures" in said[1]


def free_within(seconds: float) -> bool:
    """Whether no job is running any more."""
    end = time.monotonic() + seconds
    while len(workshop) and time.monotonic() < end:
        time.sleep(0.01)
    return not len(workshop)


@pytest.mark.flaky(reruns=2)  # other work on the machine slows it
def test_leaving_a_search_gives_the_place_to_the_next(tmp_path: Path) -> None:
    path = tmp_path / "own.png"
    Image.new("RGB", (32, 32)).save(path)
    own = my_picture.take(str(path), STYLED)[0]
    search = streaming(my_picture.find)(own, STYLED, 600)
    assert "Searching for a picture" in next(search)[2]
    assert next(step for step in search if "now" in step[1])[1]["now"].startswith("data:image/")
    assert len(workshop) == 1
    del search
    assert free_within(1.0)


def test_sliders_have_their_names_in_the_pages_language() -> None:
    with using("zh"):
        begin = callback(my_picture.show_example)
    labels = [slider["label"] for slider in begin(my_picture.Target(), "cgan.tiny")[4:]]
    assert labels[:2] == ["主成分 1", "主成分 2"]


def test_a_search_needs_a_picture_and_a_number_of_steps(tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="Drop in a picture first"):
        next(my_picture.find(my_picture.Target(), STYLED, 50))
    path = tmp_path / "own.png"
    Image.new("RGB", (32, 32)).save(path)
    own = my_picture.take(str(path), STYLED)[0]
    with pytest.raises(BadValue, match="must be 50 to 600"):
        next(my_picture.find(own, STYLED, 10_000))


# --- inside ----------------------------------------------------------------------------------------------------------


def test_a_channel_is_switched_off_and_on_again() -> None:
    seen, grid, before, after, words, layers = inside.look(STYLED, 1, None)
    assert pixels(before["now"]) == pixels(after["now"])
    assert len(grid["items"]) == len(seen.order)
    assert layers["value"] == seen.layer
    for place in range(len(seen.order)):
        seen, grid, before, after, words = inside.switch(seen, place)
    assert pixels(before["now"]) != pixels(after["now"])
    assert grid["off"] == list(range(len(seen.order)))
    _, _, _, undisturbed, _, _ = inside.look(STYLED, 1, seen.layer)
    assert pixels(undisturbed["now"]) == pixels(before["now"])
    assert inside.all_on(seen)[4].startswith("0 of ")
    with pytest.raises(BadValue, match="no channel at position 999"):
        inside.switch(seen, 999)
    assert words.startswith(f"{len(seen.order)} of ")


def test_an_unknown_model_has_no_inside() -> None:
    with pytest.raises(UnknownName, match="There is no model named 'nobody'"):
        inside.look("nobody", 1, None)


def test_what_the_discriminator_looks_at_is_shown_with_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    html = inside.looked_at(STYLED, 1)
    assert re.search(r"output \(logit\) is -?\d+\.\d\d\.", html)
    assert re.search(r"Completeness error with 200 steps: \d+\.\d %", html)
    assert html.count('<img src="data:image/') == 2
    assert inside.still_looked_at(True, STYLED, 1) == html
    assert inside.still_looked_at(True, STYLED, 2) != html
    assert inside.still_looked_at(False, STYLED, 2) == ""
    edited = inside.looked_at(STYLED, 11, EDITED)  # a face from another tab
    assert inside.still_looked_at(True, STYLED, 11, EDITED) == edited != inside.looked_at(STYLED, 11)
    assert edited == attribution_page(opened(STYLED), inside.given(inside.look(STYLED, 11, None, EDITED)[0]))
    page, _tab = built(inside)
    for function in page.fns.values():
        if function.name in ("looked_at", "still_looked_at"):
            assert any(isinstance(one, gr.State) and one.value is None for one in function.inputs)
    assert inside.still_leaking(False, STYLED) == ""
    assert inside.still_leaking(True, STYLED) == inside.leakage(STYLED)
    with using("zh"):
        assert "\u5b8c\u5907\u6027" in inside.looked_at(STYLED, 1)
    monkeypatch.setattr(discriminators, "discriminator_of", lambda name: discriminators.discriminator_from("dcgan", {}))
    assert inside.looked_at(STYLED, 1) == '<p class="quiet">The file of this model contains no discriminator.</p>'


def test_what_was_measured_is_shown_in_words_and_as_a_heat_map(monkeypatch: pytest.MonkeyPatch) -> None:
    advised = f"ganscope directions {STYLED} --method attributes."
    assert f"To learn and measure them, run {advised}" in inside.leakage(STYLED)
    assert "Measured on this model" not in mixing.mix(None, STYLED, 1, 2, "coarse", 0)[3]
    model = opened(STYLED)
    assert "must be published as a model first" in leakage_page(replace(model, name="run:mine"))
    named = replace(model.directions["PCA 1"], name="hat: cap", kind="attribute")
    known = replace(model)
    vars(known)["directions"] = {named.name: named}
    assert f"To measure them, run ganscope measure {STYLED}." in leakage_page(known)
    values = ("hat: none", "hat: cap", "hair: bob")
    moves = torch.tensor([[0.1, 1.2, -0.2], [0.9, 0.8, 1.0]])
    changes = {"hat": 0.7, "hair": 0.3, "beard": 0.1}
    measured = Measured(Leakage(("hat: cap", "hair: bob"), values, moves), {"coarse": Band((0, 3), changes)})
    monkeypatch.setitem(model.__dict__, "measured", measured)
    html = inside.leakage(STYLED)
    assert "1 of 2 directions change their own feature at least 3 times as much" in html
    assert html.count('class="own"') == 2
    assert 'title="Hat: cap +1.20">+1.20</td>' in html
    assert 'title="Hat: none +0.90">+0.90</td>' in html
    words = mixing.mix(None, STYLED, 1, 2, "coarse", 0)[3]
    assert words.endswith("with the share of pictures: Hat 70 %, Hair 30 %.")
    with using("zh"):
        assert "帽子 70 %" in callback(mixing.mix)(None, STYLED, 1, 2, "coarse", 0)[3]


# --- own slider ------------------------------------------------------------------------------------------------------


def marked(said: str, model: str = STYLED) -> marks.Marked:
    """The first samples marked with these letters."""
    state = marks.show(model, 7)[0]
    for place, letter in enumerate(said):
        for _ in range(".yn".index(letter)):
            state = marks.mark_at(state, place)[0]
    return state


def test_marks_make_a_slider_that_a_link_holds() -> None:
    state = marked("yynnyynn.yn")
    _, grid, words, _ = marks.show(STYLED, 7)
    assert len(grid["items"]) == 24
    assert marks.mark_at(state, 8)[1]["labels"][8] == "Sample 9: yes"
    assert words.startswith("0 yes, 0 no")
    *_, html = marks.make(state)
    assert html.count("data:image") == 1
    assert "(chance: 50 %)" in html
    link = unescape(html.partition('href="')[2].partition('"')[0])
    scene = editing.arrive(link)
    name = "own 7 yynnyynn.yn............."
    assert scene[VISIT].slots[0] == name
    assert (plain(scene[SLIDERS.start]), scene[SLIDERS.start]["label"]) == (2.0, "Custom slider")
    assert pixels(scene[FACE]["now"]) != pixels(scene[FACE]["before"])
    values = controls(scene)
    values[3] = 0.0
    settled = editing.settle(scene[VISIT], *values)
    assert settled[VISIT].slots[0] == name
    assert pixels(settled[FACE]["now"]) == pixels(scene[FACE]["before"])
    saved = editing.save_edit(scene[VISIT], *controls(scene))
    assert base64.b64decode(saved["content"])


@pytest.mark.parametrize(
    ("said", "says"),
    [("y" * 12, "All images have the same label"), ("n" * 12, "the same label"), ("yn", "Label 10 to"),
     ("", "Label 10 to")],
)  # fmt: skip
def test_marks_that_make_no_slider_are_reported(said: str, says: str) -> None:
    state = marked(said)
    with pytest.raises(BadValue, match=says):
        list(marks.make(state))
    query = f"seed=3&edits={name_of(7, state.marks)}*2"
    with pytest.warns(UserWarning, match=says):
        scene = editing.arrive("?" + query)
    assert pixels(scene[FACE]["now"]) == pixels(editing.arrive("?seed=3")[FACE]["now"])


def test_without_pictures_no_slider_can_be_made() -> None:
    with pytest.raises(BadValue, match="Mark some pictures first"):
        list(marks.make(marks.Marked()))
    with pytest.raises(BadValue, match="no picture at position 99"):
        marks.mark_at(marked(""), 99)


# --- drag ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether a handle arrives is tested in tests/latent/test_drag.py."""
    monkeypatch.setattr(drag, "STEPS", 15)


@pytest.mark.usefixtures("few_steps")
def test_points_are_placed_and_dragged() -> None:
    hold, value, _ = drag.begin(STYLED, 3)
    assert value["side"] == 8
    for x, y in ((0.3, 0.3), (0.6, 0.3)):
        hold, value, words = drag.put_at(hold, x, y)
    assert len(value["places"]) == 2
    assert "Drag" in words
    assert value["alt"] == "A picture generated by Tiny StyleGAN2, seed 3"
    assert "arrow keys" in value["hint"]
    moved, last, words = list(drag.pull(hold))[-1]
    assert last["alt"] == "A picture generated by Tiny StyleGAN2"
    assert moved.points is not hold.points
    assert last["places"] == []
    assert "pixels to go" in words
    assert drag.clear(hold)[0].places == ()


def test_invalid_drags() -> None:
    hold = drag.begin(STYLED, 3)[0]
    with pytest.raises(BadValue, match="Click a point"):
        next(drag.pull(hold))
    for x, y in ((1.5, 0.5), (0.5, -0.1), (float("nan"), 0.5)):
        with pytest.raises(BadValue, match="is outside the picture"):
            drag.put_at(hold, x, y)
    for _ in range(2 * drag.MOST_PAIRS):
        hold = drag.put_at(hold, 1.01, -0.01)[0]
    assert hold.places[0] == (7.0, 0.0)
    with pytest.raises(BadValue, match="at most 8 arrows"):
        drag.put_at(hold, 0, 0)


# --- one face in several tabs ----------------------------------------------------------------------------------------

EDITED = View(STYLED, 11, 0.5, None, (Change("PCA 1", 3.0),))


@pytest.mark.usefixtures("few_steps")
def test_a_drag_is_undone_and_saved_with_its_path() -> None:
    hold, first, _ = drag.begin(STYLED, 3)
    with pytest.raises(BadValue, match="no drag to undo"):
        drag.undo(hold)
    for x, y in ((0.3, 0.4), (0.6, 0.4)):
        hold = drag.put_at(hold, x, y)[0]
    hold = list(drag.pull(hold, 0.2))[-1][0]
    saved = base64.b64decode(drag.save(hold, 3)["content"])
    with Image.open(io.BytesIO(saved)) as image:
        settings = image.text["GANscope"]
    side = opened(STYLED).explorer.image_shape[-1]
    assert settings.startswith(f"model={STYLED}&seed=3")
    assert settings.endswith(f"drag={0.3 * (side - 1):.0f}%2C{0.4 * (side - 1):.0f}%2C{0.6 * (side - 1):.0f}%2C"
                             f"{0.4 * (side - 1):.0f}%400.2")  # fmt: skip
    back, shown_again, _ = drag.undo(hold)
    assert shown_again["now"] == first["now"]
    assert back.places  # the arrows are back
    assert back.past == ()


def test_a_mixture_is_saved_with_its_settings_and_is_a_face_of_its_own() -> None:
    shown = mixing.mix(None, STYLED, 1, 2, "coarse", 0)[2]
    view = mixing.mixture(STYLED, 1, 2, "coarse", 0)
    assert np.abs(array(shown["now"]) - studio_pictures_of(view)).max() <= 2
    with Image.open(io.BytesIO(base64.b64decode(mixing.save(STYLED, 1, 2, "coarse", 0)["content"]))) as image:
        assert parsed(settings_in(image)) == (view, [])
    scene = editing.arrive("?" + view.query())
    assert array(scene[FACE]["now"]).tolist() == studio_pictures_of(view).tolist()
    visit, values = scene[VISIT], controls(scene)
    settled = editing.settle(visit, *values)
    assert settled[FACE]["query"] == view.query()
    other = editing.another(settled[0], *values)
    assert "point" not in other[FACE]["query"]
    back = editing.undo(other[VISIT], *controls(other))
    assert back[FACE]["query"] == view.query()


def test_mixing_takes_a_face_as_a_or_as_b_until_another_seed_is_chosen() -> None:
    model, seed, face = mixing.take_as(0, EDITED)
    assert (model["value"], seed, face) == (STYLED, 11, EDITED)
    a, b, *_ = mixing.mix(None, STYLED, 11, 11, "coarse", 0, EDITED, None)
    assert array(a["now"]).tolist() == studio_pictures_of(EDITED).tolist() != array(b["now"]).tolist()
    assert array(mixing.mix(None, STYLED, 12, 11, "coarse", 0, EDITED, None)[0]["now"]).tolist() == (
        studio_pictures_of(View(STYLED, 12, 0.7)).tolist()
    )  # fmt: skip
    with pytest.raises(BadValue, match="is not style-based"):
        mixing.take_as(1, first_view("dcgan.tiny"))


def test_inside_and_drag_take_a_face_and_give_theirs() -> None:
    _model, seed, face = inside.take(EDITED)
    seen, _grid, before, *_ = inside.look(STYLED, seed, None, face)
    assert array(before["now"]).tolist() == studio_pictures_of(EDITED).tolist()
    assert inside.given(seen) == EDITED
    off = inside.switch(seen, 0)
    with Image.open(io.BytesIO(base64.b64decode(inside.save(off[0])["content"]))) as image:
        settings = settings_in(image)
        assert settings.endswith(f"&layer={off[0].layer}&off={seen.order[0]}".replace(" ", "+"))
        assert parsed(settings)[0] == EDITED
    with pytest.raises(BadValue, match="no picture yet"):
        inside.save(inside.Look())
    _model, seed, face = drag.take(EDITED)
    hold, board, _ = drag.begin(STYLED, seed, face)
    assert array(board["now"]).tolist() == studio_pictures_of(EDITED).tolist()
    assert np.abs(studio_pictures_of(drag.given(hold, seed)).astype(int) - array(board["now"])).max() <= 2
    with pytest.raises(BadValue, match="needs a style-based model"):
        drag.take(first_view("dcgan.tiny"))


def test_edited_faces_are_keyframes_of_a_film() -> None:
    model, seeds = interpolation.take(EDITED, STYLED, "1, 2")
    assert model["value"] == STYLED
    assert re.fullmatch(r"1, 2, #[0-9a-f]{10}", seeds)
    strip = interpolation.keyframes(STYLED, seeds)
    assert array(strip["items"][2]).tolist() == studio_pictures_of(EDITED).tolist()
    end = interpolation.between(None, STYLED, seeds, "linear", False, 1.0)
    assert array(end["now"]).tolist() == studio_pictures_of(EDITED).tolist()
    view = interpolation.given(STYLED, seeds, "linear", False, 1.0)
    assert np.abs(studio_pictures_of(view).astype(int) - studio_pictures_of(EDITED)).max() <= 2
    eight = ", ".join(map(str, range(8)))
    assert interpolation.take(EDITED, STYLED, eight)[1].count(",") == 7  # the last one was replaced
    assert interpolation.take(first_view("dcgan.tiny"), STYLED, seeds)[1].startswith("1, 2, #")
    with pytest.raises(BadValue, match="belongs to another model"):
        interpolation.keyframes("dcgan.tiny", seeds)
    with pytest.raises(BadValue, match="is no longer stored"):
        interpolation.keyframes(STYLED, "1, #0123456789")


@pytest.mark.parametrize("name", [STYLED, "dcgan.tiny", "cgan.tiny"])
def test_a_point_is_a_part_of_a_link_and_belongs_to_its_model(name: str) -> None:
    view = view_at(first_view(name), points_of(replace(first_view(name), seed=5)))
    assert parsed(view.query()) == (view, [])
    there, here = studio_pictures_of(replace(first_view(name), seed=5)), studio_pictures_of(view)
    assert np.abs(there.astype(int) - here).max() <= 2
    other = "dcgan.tiny" if name == STYLED else STYLED
    for link in (f"model={other}&point={view.point}", f"model={name}&point=AAAA", f"model={name}&point=%00",
                 f"model={name}&point={view.point[:-3]}", f"model={name}&point={'_' * 400}"):  # fmt: skip
        found, (problem,) = parsed(link)
        assert "doesn't belong to the model" in str(problem)
        assert found == first_view(found.model)


# --- leaving a tab and coming back -----------------------------------------------------------------------------------


@pytest.mark.parametrize("module", [drag, draw, enlarge, inpaint, inside, marks, my_picture, translate])
def test_coming_back_to_a_tab_keeps_what_was_done_there(module: Any) -> None:
    page, tab = built(module)
    (opening,) = (one for one in events(page, tab, "select") if any(isinstance(out, gr.State) for out in one.outputs))
    values = {number: getattr(block, "value", None) for number, block in page.blocks.items()}

    def opened_once_more() -> list[Any]:
        return list(opening.fn(*(values[one._id] for one in opening.inputs)))

    first = opened_once_more()
    assert first != [gr.skip()] * len(opening.outputs)
    values |= {out._id: plain(value) for out, value in zip(opening.outputs, first, strict=True)}
    assert opened_once_more() == [gr.skip()] * len(opening.outputs)


@pytest.mark.usefixtures("few_steps")
def test_another_face_replaces_what_was_dragged_or_switched_off() -> None:
    hold = drag.begin(STYLED, 11)[0]
    for x, y in ((0.3, 0.4), (0.6, 0.4)):
        hold = drag.put_at(hold, x, y)[0]
    dragged = list(drag.pull(hold))[-1][0]
    for state in (hold, dragged, drag.undo(dragged)[0], drag.clear(hold)[0]):
        assert drag.show_first(state, STYLED, 11) == [gr.skip()] * 3
        for model, seed, face in ((STYLED, 11, EDITED), (STYLED, 12, None)):
            assert drag.show_first(state, model, seed, face)[0].past == ()
    seen = inside.switch(inside.look(STYLED, 11, None)[0], 0)[0]
    assert inside.show_first(seen, STYLED, 11, seen.layer) == [gr.skip()] * 6
    assert inside.show_first(seen, STYLED, 11, seen.layer, EDITED)[0].off == frozenset()


@pytest.mark.parametrize("module", [drag, enlarge, my_picture])
def test_what_replaces_the_picture_stops_the_job_that_works_on_it(module: Any) -> None:
    page, tab = built(module)
    assert overwritten(page, tab) == []


def test_a_slider_of_other_pictures_is_not_shown_with_new_ones() -> None:
    page, _tab = built(marks)
    (shown,) = (one for one in page.fns.values() if one.api_name == "samples")
    (made,) = (one for one in page.fns.values() if one.api_name == "make_slider")
    stopping = {target for one in page.fns.values() if made._id in one.cancels for target in one.targets}
    assert set(shown.targets) <= stopping


@pytest.mark.parametrize("module", [drag, translate])
def test_stop_says_so_and_forgets_deleted_files(module: Any) -> None:
    page, _tab = built(module)
    stopping = [set(one.targets) for one in page.fns.values() if one.cancels]
    (after,) = (
        one
        for one in page.fns.values()
        if one.trigger_after is not None and set(page.fns[one.trigger_after].targets) in stopping
    )
    answer = after.fn()
    assert answer == ("Stopped." if module is drag else [None, "Stopped."])
    assert isinstance(after.outputs[0], gr.File) == (module is translate)


def test_a_begun_search_keeps_its_message_between_two_pictures(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first picture has a share of 0, as the time before it."""
    wanted = my_picture.show_example(my_picture.Target(), STYLED)[0]
    seen = SimpleNamespace(points=wanted.points, step=0, psnr=20.0)
    news = [News(1), News(1, 0.0, seen=seen), News(1, 0.0)]
    monkeypatch.setattr(my_picture.workshop, "run", lambda *_asked: iter(news))
    words = [one[2] for one in my_picture.find(wanted, STYLED, 100)]
    assert words[0] == "Searching for a picture to start from …"
    assert words[1].startswith("Step 0 of 100")
    assert words[2] == gr.skip()


@pytest.mark.parametrize(
    "tab", [draw, editing, enlarge, inpaint, inside, interpolation, marks, mixing, models, my_picture, translate]
)
def test_each_tab_says_that_it_opens_its_model(shelf: Path, tab: Any) -> None:
    """Opening takes seconds on a busy machine, in which the tab would be empty or ask for a click."""
    page, _tab = built(tab)
    shown = [one for one in page.blocks.values() if isinstance(one, gr.HTML) and one.visible is not False]
    waits = [one for one in shown if parts.opening() in f"{one.value} {one.html_template}"]
    assert waits
    assert all("working" in f"{one.html_template} {one.elem_classes}" for one in waits)  # the bar, in studio.css


def test_an_animated_upload_is_reported(shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(calls.gr, "Info", told.append)
    path = tmp_path / "moving.gif"
    frames = [Image.new("RGB", (16, 16), colour) for colour in ("red", "blue")]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    my_picture.take(str(path), STYLED)
    assert told == ["This picture is animated: only the first of its 2 frames is used."]


def test_an_arrow_can_be_drawn_with_the_mouse_pressed(shelf: Path) -> None:
    hold = drag.begin(STYLED, 1)[0]
    way = SimpleNamespace(_data={"x": 0.2, "y": 0.3, "to_x": 0.5, "to_y": 0.6})
    hold = drag.put(way, hold)[0]
    assert len(hold.places) == 2
    hold = drag.put(SimpleNamespace(_data={"x": 0.2, "y": 0.3}), hold)[0]
    hold = drag.put(way, hold)[0]
    assert len(hold.places) == 4
    assert hold.places[3] == hold.places[1]  # the target is where the button was released
