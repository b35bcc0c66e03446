"""Links, history, files and scheduling: the basis of the Studio's tabs."""

from __future__ import annotations

import io
import shutil
import threading
from dataclasses import replace
from pathlib import Path

import fastapi
import pytest
from PIL import Image

from gan_core.errors import BadCheckpoint, BadData, BadValue, GanscopeError, UnknownName
from gan_core.latent.files import DIRECTIONS, write_directions
from gan_core.latent.sliders import SLOTS
from gan_core.models.card import read_card, write_card
from tests.made_models import make_drawer, make_model
from tests.studio_serving import STYLED
from ui.studio.models import marks, word_models
from ui.studio.models import opened as studio_models
from ui.studio.models.opened import hosted, offered, opened
from ui.studio.preview import Pictures
from ui.studio.requests.latest import Latest
from ui.studio.requests.uploads import MOST_BYTES, clean, received
from ui.studio.view import pictures
from ui.studio.view.history import MOST, History
from ui.studio.view.view import Change, View, first_view, parsed
from ui.studio.view.visit import Visit, at_view, slider_values, view_of
from ui.studio.view.words import direction_words

FULL = View(STYLED, 7, 0.5, None, (Change("PCA 1", 1.5), Change("SeFa 2", -12.0), Change("PCA 2", 2.0, (0, 2))))


def same(one: Image.Image, other: Image.Image) -> bool:
    return one.tobytes() == other.tobytes()


def test_the_style_based_model_comes_first_and_judges_are_left_out(shelf: Path) -> None:
    assert next(iter(offered())) == STYLED
    assert len(opened(STYLED).slots) == SLOTS


def test_a_link_gives_the_same_picture(shelf: Path) -> None:
    view, problems = parsed("?" + FULL.query())
    assert (view, problems) == (FULL, [])
    assert same(pictures.picture(view), pictures.picture(FULL))
    assert not same(pictures.picture(FULL), pictures.picture(FULL.before))


def test_a_link_of_a_model_with_classes(shelf: Path) -> None:
    view, problems = parsed("model=cgan.tiny&class=7&seed=3")
    assert view == View("cgan.tiny", 3, 1.0, 7)
    assert not problems


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("model=nobody", "There is no model named 'nobody'"),
        ("model=../../etc", "There is no model named"),
        ("seed=-1", "The seed must be a whole number"),
        ("seed=99999999999999999999", "The seed must be a whole number"),
        ("psi=7", "The truncation must be between 0 and 1.5"),
        ("psi=nan", "The truncation must be between"),
        ("class=3", "is unconditional"),
        ("model=cgan.tiny&class=10", "The class must be between 0 and 9"),
        ("model=cgan.tiny&class=000000999", "The class must be between 0 and 9"),
        ("edits=smile*1", "The model has no direction named smile. Valid: PCA 1, PCA 2"),
        ("edits=PCA 1", "isn't a valid edit"),
        ("edits=PCA 1*21", "The strength must be between"),
        ("edits=PCA 1*1@0-99", "Layers must be a range within"),
        ("edits=" + ",".join(["PCA 1*1"] * 25), "There can be at most 24 edits, not 25."),
        ("edits=" + "x" * 5000, "The link is longer than 4000 characters."),
    ],
)
def test_problems_of_a_link_are_reported_and_a_picture_is_still_shown(shelf: Path, query: str, says: str) -> None:
    view, problems = parsed(query)
    assert says in str(problems[0])
    assert view is not None
    assert replace(view, changes=()) == first_view(view.model)
    assert pictures.picture(view).width == 8


def test_a_link_can_ask_for_few_sliders_that_must_be_made_first(shelf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(marks, "made", lambda explorer, name: made.append(name) or opened(STYLED).direction("PCA 1"))
    names = [f"own {seed} {'yn' * 12}" for seed in range(100, 100 + 2 * SLOTS)]
    view, problems = parsed("edits=" + ",".join(f"{name}*1" for name in names))
    assert view is not None
    assert [change.direction for change in view.changes] == names[:SLOTS]
    assert made == names[:SLOTS]
    assert str(problems[0]) == "There can be at most 6 sliders of your own in a link, not 12."
    opened(STYLED)._custom.clear()


def test_good_parts_of_a_bad_link_are_kept(shelf: Path) -> None:
    view, problems = parsed("seed=5&psi=9&edits=nobody*1,PCA 2*2")
    assert view == View(STYLED, 5, 0.7, None, (Change("PCA 2", 2.0),))
    assert len(problems) == 2


def test_an_empty_shelf(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from gan_core.models import listing

    monkeypatch.setattr(listing, "BUNDLED", tmp_path)
    assert parsed("seed=3") == (None, [])


def test_sliders_show_a_view_and_give_it_back(shelf: Path) -> None:
    visit = at_view(Visit(), FULL)
    sliders = slider_values(visit, FULL)
    assert sliders == [1.5, 0, 0, 0, 0, 0]
    assert visit.others == FULL.changes[1:]
    assert view_of(visit, [7, 0.5, None, *sliders, 0, 0, 1]) == FULL


def test_a_chosen_direction_and_its_layers(shelf: Path) -> None:
    visit = replace(at_view(Visit(), FULL.before), chosen="SeFa 3")
    layers = opened(STYLED).explorer.layers
    everywhere = view_of(visit, [7, 0.5, None, *[0] * SLOTS, 2.0, 0, layers - 1])
    some = view_of(visit, [7, 0.5, None, *[0] * SLOTS, 2.0, 2, 1])
    assert everywhere.changes == (Change("SeFa 3", 2.0),)
    assert some.changes == (Change("SeFa 3", 2.0, (1, 2)),)


def test_history_goes_back_and_forth_and_forgets_what_was_undone() -> None:
    views = [View("a", seed) for seed in range(4)]
    history = History()
    for view in (*views, views[-1]):
        history = history.with_view(view)
    assert len(history.views) == 4
    back = history.at(history.place - 2)
    assert (back.shown, back.can_undo, back.can_redo) == (views[1], True, True)
    assert back.with_view(View("b")).views == (views[0], views[1], View("b"))
    assert back.at(-5).shown == views[0]
    for seed in range(50):
        history = history.with_view(View("c", seed))
    assert len(history.views) == MOST
    assert not history.can_redo


def test_a_saved_picture_carries_its_settings_and_its_mark(shelf: Path) -> None:
    content = pictures.file_of(FULL)
    with Image.open(io.BytesIO(content)) as image:
        assert image.text["Software"] == "generated by GANscope"
        assert image.width >= 512
        assert parsed(pictures.settings_in(image))[0] == FULL


def test_a_picture_from_elsewhere_has_no_settings() -> None:
    with pytest.raises(BadData, match="contains no Studio settings"):
        pictures.settings_in(Image.new("RGB", (9, 9)))


# --- uploads ---------------------------------------------------------------------------------------------------------


def saved(path: Path, image: Image.Image, **options: object) -> Path:
    image.save(path, **options)
    return path


def bomb(path: Path) -> Path:
    """A PNG of 100 megapixels in some kilobytes."""
    return saved(path, Image.new("1", (10_000, 10_000)))


def large(path: Path) -> Path:
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(MOST_BYTES))
    return path


def text(path: Path) -> Path:
    path.write_text("<svg onload=alert(1)>")
    return path


def cut(path: Path) -> Path:
    saved(path, Image.effect_noise((64, 64), 9))
    path.write_bytes(path.read_bytes()[:400])
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (bomb, "more than 25 megapixels"),
        (large, "larger than 10 MB"),
        (text, "isn't a picture in an accepted format"),
        (lambda path: saved(path, Image.new("RGB", (1, 1))), "smaller than 8 pixels"),
        (cut, "damaged or incomplete"),
    ],
)
def test_bad_uploads_are_refused_and_deleted(tmp_path: Path, make, says: str) -> None:  # type: ignore[no-untyped-def]
    path = make(tmp_path / "own.png")
    with pytest.raises(BadData, match=says) as caught, received(str(path)) as image:
        clean(image)
    assert str(tmp_path) not in str(caught.value)
    assert not path.exists()


def test_a_missing_upload_is_reported_without_its_path(tmp_path: Path) -> None:
    with pytest.raises(BadData, match="didn't arrive") as caught, received(str(tmp_path / "gone.png")):
        pass
    assert str(tmp_path) not in str(caught.value)


def test_a_good_upload_is_turned_upright_and_stripped(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "where I live"
    path = saved(tmp_path / "photo.jpg", Image.new("CMYK", (40, 20)), exif=exif)
    with received(str(path)) as image:
        cleaned = clean(image)
    assert (cleaned.mode, cleaned.size) == ("RGB", (20, 40))
    assert not cleaned.getexif()
    assert not cleaned.info
    assert not path.exists()


# --- turns -----------------------------------------------------------------------------------------------------------


def test_only_the_newest_request_of_a_visitor_is_answered() -> None:
    latest, started, free = Latest(at_once=1), threading.Event(), threading.Event()
    made: dict[str, object] = {}

    def slow() -> str:
        started.set()
        free.wait(20)
        return "first"

    def ask(visitor: str, name: str) -> threading.Thread:
        thread = threading.Thread(target=lambda: made.update({name: latest(visitor, lambda: name)}))
        thread.start()
        return thread

    threads = [threading.Thread(target=lambda: made.update(first=latest("one", slow)))]
    threads[0].start()
    assert started.wait(20)
    for visitor, name in (("one", "second"), ("two", "other"), ("one", "third")):
        threads.append(ask(visitor, name))
        while latest._newest.get(visitor) != len(threads) - 1:  # it has sent a request and waits for its turn
            pass
    free.set()
    for thread in threads:
        thread.join(20)
    assert made == {"first": "first", "second": None, "other": "other", "third": "third"}


# --- where it runs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environment", "expected"),
    [({}, False), ({"SPACE_ID": "me/mine"}, True), ({"GANSCOPE_HOSTED": "1"}, True),
     ({"SPACE_ID": "me/mine", "GANSCOPE_HOSTED": "0"}, False)],
)  # fmt: skip
def test_hosted_is_the_default_in_a_space(
    environment: dict[str, str], expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SPACE_ID", "GANSCOPE_HOSTED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert hosted() is expected


def test_a_folder_is_opened_by_its_user_and_not_for_strangers(
    shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "friend"
    shutil.copytree(shelf / "dcgan.tiny", folder)
    monkeypatch.setattr(studio_models, "_added", {})
    monkeypatch.setenv("GANSCOPE_HOSTED", "1")
    with pytest.raises(BadValue, match="this Studio is public"):
        studio_models.add(str(folder))
    monkeypatch.setenv("GANSCOPE_HOSTED", "0")
    name = studio_models.add(str(folder))
    assert name == "dcgan.tiny (friend)"
    assert pictures.picture(View(name, 3)).tobytes() == pictures.picture(View("dcgan.tiny", 3)).tobytes()
    assert parsed("model=dcgan.tiny (friend)")[1] == []


def replaced(folder: Path, name: str, by: Path) -> None:
    """As publishing a model again does it."""
    shutil.rmtree(folder / name)
    shutil.copytree(by, folder / name)


def test_a_model_that_was_replaced_is_opened_again(shelf: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_model("dcgan.tiny", folder=home / "other", seed=1)
    shutil.copytree(shelf / "dcgan.tiny", home / "models" / "mine")
    monkeypatch.setenv("GANSCOPE_HOME", str(home))
    view, query = View("mine", 3), fastapi.Request({
        "type": "http", "path": "/preview.png", "query_string": b"model=mine&seed=3", "headers": [], "client": None,
        "server": ("studio", 80), "scheme": "http",
    })  # fmt: skip
    previews = Pictures()

    def seen() -> list[object]:
        return [
            opened("mine").card.sha256,
            pictures.picture(view).tobytes(),
            pictures.small(view),
            previews(query).body,
        ]

    before = seen()
    assert seen() == before
    replaced(home / "models", "mine", home / "other")
    after = seen()
    assert [old == new for old, new in zip(before, after, strict=True)] == [False] * 4
    assert after[0] == read_card(home / "other").sha256
    shutil.rmtree(home / "models" / "mine")
    with pytest.raises(UnknownName):
        opened("mine")


def test_a_model_of_words_that_was_replaced_is_opened_again(home: Path) -> None:
    make_drawer("stackgan.tiny")
    shutil.copytree(home / "models" / "stackgan.tiny", home / "first")
    first = word_models.open_drawing("stackgan.tiny")
    assert word_models.open_drawing("stackgan.tiny") is first
    card = read_card(home / "first")
    write_card(home / "models" / "stackgan.tiny", replace(card, sha256="0" * 64))
    with pytest.raises(BadCheckpoint):
        word_models.open_drawing("stackgan.tiny")
    replaced(home / "models", "stackgan.tiny", home / "first")
    assert word_models.open_drawing("stackgan.tiny").card == first.card


def test_named_directions_come_first_and_the_preferred_of_several(shelf: Path, tmp_path: Path) -> None:
    """Those that came with the model, as sliders in a fixed order."""
    folder = tmp_path / "named"
    shutil.copytree(shelf / STYLED, folder)
    plain = opened(STYLED)
    names = {"glasses: sun": 0.5, "mouth: smile": 0.3, "mouth: laugh": 0.9, "gaze: left": 2.0}
    vectors = [plain.directions[f"PCA {place + 1}"] for place in range(len(names))]
    named = [
        replace(one, name=name, kind="attribute", facts={"moves": moves})
        for one, (name, moves) in zip(vectors, names.items(), strict=True)
    ]
    write_directions(folder / DIRECTIONS, plain.explorer, named)
    model = studio_models.Opened("named", plain.card, plain.explorer, folder)
    assert model.slots == ("mouth: laugh", "glasses: sun", "gaze: left", "mouth: smile", "PCA 1", "PCA 2")
    words = [direction_words(name) for name in model.slots]
    assert direction_words("eye_colour: grey") == "Eye colour: grey"
    assert words == ["Laughter", "Sunglasses", "Gaze: left", "Smile", "Principal component 1", "Principal component 2"]


@pytest.mark.parametrize("name", ["hf://somebody/model", "../models/stylegan2.tiny", "/tmp", "."])
def test_no_path_and_no_address_is_opened(shelf: Path, name: str) -> None:
    with pytest.raises(GanscopeError, match="There is no model named"):
        opened(name)
