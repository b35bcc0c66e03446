"""The tabs that turn a picture into another: translate, draw, inpaint. Actions of visitors, and errors."""

from __future__ import annotations

import base64
import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from gan_core.data import avatars
from gan_core.data.avatars.pencil import draw_pencil
from gan_core.errors import BadData, BadValue, GanscopeError, UnknownName
from gan_core.models import listing
from gan_core.models.card import read_card
from gan_core.pictures.photos import sample_photo
from tabs import draw, inpaint, translate
from tests.studio.conftest import CYCLE, DRAWING, FILLING
from tests.studio_serving import ROOT
from ui.studio.models.cache import MOST_MODELS, models
from ui.studio.models.image_models import direction_choices, examples, open_image_model
from ui.studio.view.pictures import MARK, lossless_url

pytestmark = pytest.mark.usefixtures("shelf")
SIDE = 8
GIVEN, THERE, BACK, APART = range(2, 6)


def picture(value: dict[str, Any]) -> Image.Image:
    """The picture that a piece of the page shows."""
    with Image.open(io.BytesIO(base64.b64decode(value["now"].partition(",")[2]))) as image:
        return image.convert("RGB")


def same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return picture(one).tobytes() == picture(other).tobytes()


def written(folder: Path, name: str = "own.png", size: tuple[int, int] = (30, 20), seed: int = 0) -> Path:
    path = folder / name
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), dtype=np.uint8)).save(path)
    return path


def content(download: dict[str, str]) -> io.BytesIO:
    return io.BytesIO(base64.b64decode(download["content"]))


def sheet(mode: str = "RGB", colour: Any = "white", side: int = SIDE) -> str:
    return lossless_url(Image.new(mode, (side, side), colour))


# --- models ----------------------------------------------------------------------------------------------------------


def test_models_stay_open_up_to_a_bound_and_others_are_refused() -> None:
    assert open_image_model(CYCLE, ("unpaired",)) is open_image_model(CYCLE, ("unpaired",))
    for name, task in ((DRAWING, "paired"), (FILLING, "inpainting"), (CYCLE, "unpaired")):
        open_image_model(name, (task,))
    assert len(models.items()) <= MOST_MODELS
    with pytest.raises(BadValue, match="doesn't support"):
        open_image_model(CYCLE, ("paired",))
    with pytest.raises(UnknownName, match="There is no model named"):
        open_image_model("../../etc", ("paired",))


def test_examples_are_cut_from_the_sheet_beside_the_card(shelf: Path) -> None:
    card = read_card(shelf / CYCLE)
    first, second = examples(card, "a"), examples(card, "b")
    assert {image.size for image in first + second} == {(SIDE, SIDE)}
    assert len(first) == len(second) >= 6
    assert examples(card, "truth") == []
    with Image.open(shelf / CYCLE / "sample.png") as whole:
        assert first[0].tobytes() == whole.convert("RGB").crop((0, 0, SIDE, SIDE)).tobytes()


# --- translate -------------------------------------------------------------------------------------------------------


def test_a_model_begins_with_an_example_and_leads_back_where_it_can() -> None:
    directions, strength, own, strip, *faces, first, second, words = translate.choose(translate.Source(), CYCLE)
    assert (strength["value"], strength["visible"]) == (1.0, True)
    assert [value for _, value in directions["choices"]] == ["a_to_b", "b_to_a"]
    assert directions["choices"][0][0] == "Grey → Coloured"
    assert strip["place"] == 0
    assert picture(faces[0]).tobytes() == own.picture.tobytes()
    assert not same(faces[0], faces[1])
    assert first["visible"]
    assert second["visible"]
    assert "differs by" in words
    _, strength, *_, first, second, words = translate.choose(own, DRAWING)
    assert not strength["visible"]
    assert (first["visible"], second["visible"], words) == (False, False, "")


def test_the_other_direction_takes_an_example_of_the_other_kind_but_ones_own_picture_stays(tmp_path: Path) -> None:
    scene = translate.press_at(CYCLE, "a_to_b", 1)
    turned = translate.turn(scene[0], CYCLE, "b_to_a")
    assert turned[0].place == 1
    assert not same(turned[GIVEN], scene[GIVEN])
    path = written(tmp_path)
    direction, *mine = translate.take(str(path), CYCLE, "a_to_b")
    assert direction["value"] in ("a_to_b", "b_to_a")
    assert not path.exists()
    assert mine[1]["place"] == -1
    assert same(translate.turn(mine[0], CYCLE, "b_to_a")[GIVEN], mine[GIVEN])
    other = translate.choose(mine[0], DRAWING)
    assert same(other[2 + GIVEN], mine[GIVEN])


def test_strength_shows_less_of_the_change() -> None:
    scenes = {strength: translate.press_at(CYCLE, "a_to_b", 1, strength) for strength in (0, 0.5, 1, None)}
    assert same(scenes[0][THERE], scenes[0][GIVEN])  # this one has no framing
    assert same(scenes[1][THERE], scenes[None][THERE])  # as the card says
    given, half, whole = (np.asarray(picture(scenes[share][THERE]), float) for share in (0, 0.5, 1))
    assert np.abs(half - (given + whole) / 2).max() <= 1
    own = scenes[1][0]
    assert same(translate.turn(own, CYCLE, "a_to_b", 0.5)[THERE], scenes[0.5][THERE])
    assert translate.save(own, CYCLE, "a_to_b", 0.5) != translate.save(own, CYCLE, "a_to_b", 1)
    with pytest.raises(BadValue, match=r"must be between 0\.0 and 1\.0"):
        translate.press_at(CYCLE, "a_to_b", 1, 1.5)
    translate.press_at(
        DRAWING, next(iter(open_image_model(DRAWING, ("paired",)).directions)), 0, 0.5
    )  # not passed: no such knob


def test_a_translated_picture_is_saved_with_its_mark() -> None:
    scene = translate.press(gr.EventData(None, {"place": 0}), CYCLE, "a_to_b")
    with Image.open(content(translate.save(scene[0], CYCLE, "a_to_b"))) as image:
        assert image.width == 512
        assert image.text["Software"] == MARK
    with pytest.raises(BadValue, match="Drop in a picture first"):
        translate.save(translate.Source(), CYCLE, "a_to_b")


def test_a_photo_of_the_webcam_is_translated() -> None:
    _direction, *scene = translate.take_photo(lossless_url(Image.new("RGB", (64, 48), "red")), CYCLE, "a_to_b")
    assert picture(scene[GIVEN]).getpixel((0, 0)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((CYCLE, "sideways", 0), "has no direction 'sideways'. Valid: a_to_b, b_to_a"),
        ((CYCLE, "a_to_b", 99), "no example at position 99"),
        ((FILLING, "a_to_b", 0), "doesn't support"),
    ],
)
def test_invalid_translations(arguments: tuple, says: str) -> None:
    with pytest.raises(BadValue, match=says):
        translate.press_at(*arguments)


@pytest.mark.parametrize(
    ("size", "says"), [((1, 1), "smaller than 8 pixels"), ((6000, 5000), "more than 25 megapixels")]
)
@pytest.mark.parametrize("take", [translate.take, inpaint.take])
def test_pictures_of_impossible_sizes_are_refused_and_deleted(
    tmp_path: Path, take: Any, size: tuple[int, int], says: str
) -> None:
    path = tmp_path / "own.png"
    Image.new("1", size).save(path)
    more = (CYCLE, "a_to_b") if take is translate.take else (FILLING,)
    with pytest.raises(BadData, match=says):
        take(str(path), *more)
    assert not path.exists()


def test_several_files_become_a_zip_and_invalid_ones_are_reported(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    junk = tmp_path / "junk.png"
    junk.write_bytes(b"nothing")
    paths = [written(tmp_path, "one.png"), junk, written(tmp_path / "more", "one.png", seed=1)]
    *steps, (download, words) = translate.batch([str(path) for path in paths], CYCLE, "a_to_b")
    assert "of 3 pictures …" in steps[0][1]
    assert "2 of 3 pictures" in words
    assert "junk.png: This isn't a picture" in words
    with zipfile.ZipFile(content(download)) as archive:
        assert archive.namelist() == ["one.png", "one 2.png"]
        with Image.open(archive.open("one.png")) as image:
            assert (image.size, image.text["Software"]) == ((SIDE, SIDE), MARK)
    assert not any(path.exists() for path in paths)


def test_batches_are_bounded_where_strangers_visit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANSCOPE_HOSTED", "1")
    paths = [str(written(tmp_path, f"{number}.png", (8, 8))) for number in range(25)]
    with pytest.raises(BadValue, match="at most 24 files at once, not 25"):
        list(translate.batch(paths, CYCLE, "a_to_b"))
    assert not list(tmp_path.glob("*.png"))
    with pytest.raises(BadValue, match="Drop in the pictures first"):
        list(translate.batch(None, CYCLE, "a_to_b"))
    junk = tmp_path / "junk.png"
    junk.write_bytes(b"")
    with pytest.raises(BadValue, match="None of the files can be used"):
        list(translate.batch([str(junk)], CYCLE, "a_to_b"))


@pytest.fixture
def bundled(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The models that come with GANscope."""
    monkeypatch.setattr(listing, "BUNDLED", ROOT / "pretrained")


def drawn_pair(folder: Path) -> dict[str, str]:
    """A face that no model was trained on, in pencil and in colour, and a photo, as files."""
    attributes = avatars.sample_attributes(1, 4711)
    colour = avatars.draw_avatars(attributes, 128)[0].transpose(1, 2, 0)  # (C, H, W) -> (H, W, C)
    pencil = draw_pencil(attributes, 128)[0].transpose(1, 2, 0)
    Image.fromarray(colour).save(folder / "colour.png")
    Image.fromarray(pencil).save(folder / "pencil.png")
    sample_photo("china.jpg").save(folder / "photo.png")
    return {name: str(folder / f"{name}.png") for name in ("colour", "pencil", "photo")}


@pytest.mark.usefixtures("bundled")
@pytest.mark.parametrize("asked", ["a_to_b", "b_to_a"])
def test_a_picture_is_translated_in_the_direction_of_its_kind_whatever_was_chosen(tmp_path: Path, asked: str) -> None:
    paths = drawn_pair(tmp_path)
    for name, goes in (("pencil", "a_to_b"), ("colour", "b_to_a")):
        direction, own, *_rest, words = translate.take(paths[name], "cyclegan.avatars", asked)
        assert direction["value"] == goes
        assert "Unlike" not in words
        assert "looks like" not in words
        other = {"a_to_b": "b_to_a", "b_to_a": "a_to_b"}[goes]
        assert "**This looks like a picture for" in translate.turn(own, "cyclegan.avatars", other)[-1]
        assert translate.choose(own, "cyclegan.avatars")[0]["value"] == goes
    direction, own, *_rest, words = translate.take(paths["photo"], "cyclegan.avatars", asked)
    assert direction["value"] == asked
    assert "**Unlike this model's training images**" in words


@pytest.mark.usefixtures("bundled")
def test_pictures_unknown_to_a_model_of_one_direction_are_reported(tmp_path: Path) -> None:
    for model, tab in (("pix2pix.edges2avatars", translate), ("context_encoder.avatars", inpaint)):
        paths = drawn_pair(tmp_path)
        more = ("source_to_target",) if tab is translate else ()
        assert "**Unlike this model's training images**" in tab.take(paths["photo"], model, *more)[-1]
    assert "Unlike" not in inpaint.take(paths["colour"], "context_encoder.avatars")[-1]
    (edges,) = draw._edges(64, 1, 4711)
    edges.save(tmp_path / "edges.png")
    words = translate.take(str(tmp_path / "edges.png"), "pix2pix.edges2avatars", "source_to_target")[-1]
    assert "Unlike" not in words


@pytest.mark.usefixtures("bundled")
def test_the_number_of_files_unknown_to_the_model_is_reported(tmp_path: Path) -> None:
    paths = drawn_pair(tmp_path)
    *_, (_file, message) = translate.batch([*paths.values()], "cyclegan.avatars", "a_to_b")
    assert "3 of 3 pictures were translated." in message
    assert "**Unlike the training images of this direction**: 2." in message  # the photo, and the face in colour


# --- draw ------------------------------------------------------------------------------------------------------------


def test_a_drawing_is_there_with_its_picture_from_the_start() -> None:
    pad, strip, face, words = draw.sheet(DRAWING)
    assert pad["side"] == SIDE
    assert len(strip["items"]) == draw.STARTS
    assert pad["picture"] == strip["items"][0]
    assert words == ""
    drawn, _ = draw.draw(None, pad["picture"], DRAWING)
    assert same(drawn, face)
    other = draw.press(gr.EventData(None, {"place": 3}), DRAWING)
    assert other[0]["picture"] == strip["items"][3]
    assert draw.surprise(DRAWING)[0]["picture"] not in strip["items"]
    with pytest.raises(BadValue, match="no sketch at position 8"):
        draw.press_at(DRAWING, 8)


@pytest.mark.usefixtures("bundled")
def test_lines_are_as_wide_as_the_learnt_ones_and_pale_ones_can_be_traced() -> None:
    pad = draw.sheet("pix2pix.edges2avatars")[0]
    assert 1.5 <= pad["pen"] <= 2.5
    assert picture({"now": pad["guide"]}).getextrema() != ((255, 255),) * 3
    bar = np.full((40, 40), 255, np.uint8)
    bar[:, 10:13] = bar[20:23] = 0
    assert draw._pen([Image.fromarray(bar)]) == 3
    assert draw._pen([Image.new("L", (9, 9), 255)]) == draw._pen([]) == draw.USUAL_PEN


def test_a_line_changes_the_picture_and_an_empty_sheet_shows_a_message() -> None:
    nothing, words = draw.draw(None, sheet(), DRAWING)
    assert "The canvas is empty" in words
    lines = np.full((SIDE, SIDE, 4), 255, np.uint8)
    lines[3:5, :, :3] = 0
    something, words = draw.draw(None, lossless_url(Image.fromarray(lines)), DRAWING)
    assert words == ""
    assert not same(something, nothing)
    assert same(draw.draw(None, sheet("RGBA", (0, 0, 0, 0)), DRAWING)[0], nothing)
    with Image.open(content(draw.save(sheet(), DRAWING))) as image:
        assert image.text["Software"] == MARK


@pytest.mark.parametrize(
    ("drawing", "says"),
    [
        ("", "didn't arrive"),
        (None, "didn't arrive"),
        ("data:image/png;base64,!!!", "didn't arrive"),
        ("data:image/png;base64," + base64.b64encode(b"junk").decode(), "didn't arrive"),
        ("data:image/png;base64," + "A" * 3_000_001, "didn't arrive"),
        (sheet(side=1025), "at most 1024 pixels wide and high"),
        (
            lossless_url(Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)))[:2022],
            "damaged or incomplete",
        ),
    ],
)
def test_invalid_drawings(drawing: Any, says: str) -> None:
    with pytest.raises(BadData, match=says):
        draw.draw(None, drawing, DRAWING)


def test_a_model_of_other_pictures_does_not_draw() -> None:
    with pytest.raises(BadValue, match="doesn't support"):
        draw.sheet(CYCLE)


# --- inpaint ---------------------------------------------------------------------------------------------------------


def mask(part: float) -> str:
    """Painted from the left up to a share."""
    alpha = np.zeros((16, 16, 4), np.uint8)
    alpha[:, : round(16 * part), 3] = 255
    return lossless_url(Image.fromarray(alpha))


def test_an_example_has_a_hole_and_what_is_not_painted_stays() -> None:
    own, pad, strip, face, words = inpaint.paper(inpaint.Source(), FILLING)
    assert words == ""
    assert strip["place"] == 0
    assert own.picture is not None
    again, _ = inpaint.fill(None, pad["mask"], own, FILLING)
    assert same(again, face)
    half = np.asarray(picture(inpaint.fill(None, mask(0.5), own, FILLING)[0]))
    given = np.asarray(own.picture)
    assert np.abs(half[:, 8:].astype(int) - given[:, 8:]).max() <= 1
    assert np.abs(half[:, :8].astype(int) - given[:, :8]).max() > 1


def test_a_mask_of_nothing_and_one_of_everything() -> None:
    own = inpaint.press(gr.EventData(None, {"place": 1}), FILLING)[0]
    face, words = inpaint.fill(None, mask(0), own, FILLING)
    assert "Nothing is masked yet" in words
    assert picture(face).tobytes() == own.picture.tobytes()
    _, words = inpaint.fill(None, mask(1), own, FILLING)
    assert "Everything is masked" in words
    with pytest.raises(BadValue, match="no example at position"):
        inpaint.press_at(FILLING, 999)


def test_ones_own_picture_is_painted_on(tmp_path: Path) -> None:
    path = written(tmp_path)
    own, _pad, strip, _face, words = inpaint.take(str(path), FILLING)
    assert not path.exists()
    assert strip["place"] == -1
    assert "Nothing is masked yet" in words
    assert inpaint.paper(own, FILLING)[0] is own
    with Image.open(content(inpaint.save(mask(0.5), own, FILLING))) as image:
        assert image.text["Software"] == MARK
    with pytest.raises(BadValue, match="Drop in a picture first"):
        inpaint.fill(None, mask(0.5), inpaint.Source(), FILLING)
    with pytest.raises(GanscopeError, match="didn't arrive"):
        inpaint.fill(None, "junk", own, FILLING)


# --- without models --------------------------------------------------------------------------------------------------


def test_a_tab_without_a_model_says_how_to_get_one(tmp_path: Path) -> None:
    """In a process of its own, because Gradio leaves sockets open behind a page that is never served."""
    code = f"""
from pathlib import Path
from gan_core.models import listing
listing.BUNDLED = Path({str(tmp_path)!r})
from tabs import draw, enlarge, inpaint, translate
from ui.studio import server
for language in ("en", "zh"):
    print(server.page([translate, draw, enlarge, inpaint], language).config)
"""
    environment = {**os.environ, "GANSCOPE_HOME": str(tmp_path), "PYTHONIOENCODING": "utf-8"}
    english, chinese = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=120
    ).stdout.splitlines()
    assert english.count("none is available") == english.count("ganscope train") == 4
    assert chinese.count("目前没有可用的") == 4


def test_several_directions_between_the_same_domains_are_numbered() -> None:
    card = SimpleNamespace(data="digits_coloured_unpaired")
    chosen = SimpleNamespace(card=card, directions=("a_to_b", "variant_1", "b_to_a"))
    labels = [label for label, _ in direction_choices(chosen)]  # type: ignore[arg-type]
    assert labels == ["Grey → Coloured (1)", "Grey → Coloured (2)", "Coloured → Grey"]
