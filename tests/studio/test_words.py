"""The tab From words: sentences in two languages, unknown words, refining, undo, and refusals."""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from pathlib import Path

import gradio as gr
import pytest
from PIL import Image

from gan_core.errors import BadValue, UnknownName
from gan_core.models.card import read_card, write_card
from tabs import words
from tests.made_models import make_drawer, make_model, make_reader
from tests.studio.built_tabs import built, overwritten
from ui.languages import using
from ui.studio.models import word_models
from ui.studio.requests.calls import callback
from ui.studio.view.asked import Asked, parsed

DRAWER, SEARCHED = "stackgan.tiny", "stylegan2.faces"
SENTENCE = "a woman with red hair and a wand"


@pytest.fixture
def shelf(home: Path) -> Path:
    """A model that follows words, one of faces that doesn't, and a CLIP of the latter's size."""
    make_drawer(DRAWER)
    make_model("stylegan2.tiny", folder=home / "models" / SEARCHED)
    place = home / "models" / SEARCHED
    write_card(place, replace(read_card(place), name=SEARCHED, data="avatars"))
    make_reader("clip.tiny", 8)
    return home


def draw(text: str, made: words.Made, model: str = DRAWER, seed: int = 3, variety: float = 1.0) -> list[object]:
    return callback(words.draw)(text, model, seed, variety, word_models.CLIP, made)


@pytest.mark.usefixtures("shelf")
def test_a_sentence_gives_four_pictures_and_its_unknown_words_are_marked() -> None:
    assert list(word_models.drawing()) == [DRAWER]
    assert list(word_models.searchable()) == [SEARCHED]
    assert word_models.guides() == (word_models.CLIP,)
    made, pictures, marked, undo, maps = words.draw(SENTENCE, DRAWER, 3, 1.0, word_models.CLIP, words.Made())
    assert pictures.count("<img") == words.PICTURES
    assert '<mark class="unknown">wand</mark>' in marked
    assert "<span>red</span>" in marked
    assert "as the same word" in marked
    assert maps == ""
    assert not undo["interactive"]
    assert words.draw(SENTENCE, DRAWER, 3, 1.0, word_models.CLIP, words.Made())[1] == pictures
    assert words.draw("一个男人，没有帽子", DRAWER, 3, 1.0, word_models.CLIP, made)[1] != pictures
    same = words.draw(SENTENCE, DRAWER, 3, 0.0, word_models.CLIP, made)[0].drawn
    assert same is not None
    assert (same.pictures == same.pictures[:1]).all()
    with Image.open(io.BytesIO(base64.b64decode(words.save(made)["content"]))) as file:
        assert file.format == "PNG"


@pytest.mark.usefixtures("shelf")
def test_a_model_that_knows_no_words_is_searched_and_refined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(words, "STEPS", 8)
    made = words.draw(SENTENCE, SEARCHED, 3, 1.0, word_models.CLIP, words.Made())[0]
    steps = list(words.refine(SENTENCE, SEARCHED, word_models.CLIP, 3, made))
    found, pictures, _marked, undo, _maps, progress = steps[-1]
    assert progress == ""
    assert pictures.count("<img") == words.PICTURES
    assert undo["interactive"]
    assert words.given(found, 2).model == SEARCHED
    text, *_asked, before, _pictures, _words, _undo, _maps = words.undo(found)
    assert text == SENTENCE
    assert before.drawn is made.drawn
    with pytest.raises(BadValue, match="nothing to undo"):
        words.undo(replace(made, past=()))
    with pytest.raises(BadValue, match="Click “Refine” first"):
        words.given(made, 1)


@pytest.mark.usefixtures("shelf")
def test_sentences_that_cannot_be_drawn_are_reported_and_nothing_is_lost() -> None:
    made = words.draw(SENTENCE, DRAWER, 3, 1.0, word_models.CLIP, words.Made())[0]
    for text, message in (
        ("", "Write a sentence"), ("red " * 2500, "up to 400 characters, not 10,000"),
        ("qwertz", "None of these words"), ("рыжая женщина", "None of these words"),
        ("<script>alert(1)</script>", "None of these words"),
    ):  # fmt: skip
        with pytest.raises(BadValue, match=message):
            words.draw(text, DRAWER, 3, 1.0, word_models.CLIP, made)
        with pytest.raises(BadValue, match=message):
            next(words.refine(text, SEARCHED, word_models.CLIP, 3, made))
    assert made.drawn is not None
    with pytest.raises(BadValue, match="no picture yet"):
        words.save(words.Made())
    with pytest.raises(BadValue, match=r"Unknown guide 'x'\. Valid: clip"):
        next(words.refine(SENTENCE, SEARCHED, "x", 3, made))
    with pytest.raises(UnknownName):
        words.draw(SENTENCE, "nobody", 3, 1.0, word_models.CLIP, made)
    marked = words.draw("red <b>hair</b>", DRAWER, 3, 1.0, word_models.CLIP, made)[2]
    assert "<b>" not in marked


@pytest.mark.usefixtures("shelf")
def test_each_words_influence_is_shown_in_the_chosen_picture() -> None:
    made = words.draw(SENTENCE, DRAWER, 3, 1.0, word_models.CLIP, words.Made())[0]
    shown = callback(words.act)(made, 2)
    assert shown.count("<img") == 8  # of "a woman with red hair and a wand"
    assert "<b>wand</b>" in shown
    assert "left out" in shown
    assert "Attention" not in shown
    assert shown != words.act(made, 1)
    with pytest.raises(BadValue, match="no picture yet"):
        words.act(words.Made(), 1)
    found = words.draw(SENTENCE, SEARCHED, 3, 1.0, word_models.CLIP, words.Made())[0]
    with pytest.raises(BadValue, match="found by a search"):
        words.act(found, 1)


def test_a_model_with_attention_shows_its_maps_too(home: Path) -> None:
    make_drawer("stackgan.attentive", attention=True)
    made = words.draw("red <b>hair</b>", "stackgan.attentive", 3, 1.0, None, words.Made())[0]
    shown = words.act(made, 1)
    assert shown.count("<img") == 2 * 4  # red, b, hair, b
    assert "add up to 100 %" in shown
    with using("zh"):
        assert words.act(made, 1).count("<img") == 8


@pytest.mark.usefixtures("shelf")
def test_a_link_opens_the_tab_as_it_was() -> None:
    usual = (SENTENCE, DRAWER, 13, 1.0, word_models.CLIP)
    link = f"?tab=words&model=x&words-text=a+blue+hat&words-model={DRAWER}&words-seed=7&words-variety=0.5"
    found = words._opening(link, *usual, words.Made())
    assert found[:5] == ["a blue hat", DRAWER, 7, 0.5, word_models.CLIP]
    made = found[5]
    assert made.asked == Asked("a blue hat", DRAWER, 7, 0.5, word_models.CLIP)
    again = words.draw("a blue hat", DRAWER, 7, 0.5, word_models.CLIP, made)
    assert all(value == gr.skip() for value in again)  # repeating the same isn't a step to undo
    assert all(value == gr.skip() for value in words._opening(link, *usual, made))
    plain = words._opening("?tab=words&seed=9", *usual, words.Made())
    assert plain[5].asked == Asked(*usual)
    assert parsed("?words-text=%E7%BA%A2%E8%89%B2%E5%A4%B4%E5%8F%91", Asked(*usual))[0] == Asked("红色头发", *usual[1:])


@pytest.mark.usefixtures("shelf")
@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("text=", "Write a sentence"), ("text=qwertz", "None of these words"), ("text=" + "red+" * 200, "up to 400"),
        ("model=%3Cb%3E", "no model named '<b>'"), ("seed=-4", "between 0 and"), ("seed=1e3", "between 0 and"),
        ("variety=nan", "between 0 and 1.5, got nan"), ("variety=2", "between 0 and 1.5"),
        ("guide=x", "Unknown guide 'x'"),
        ("text=" + "red+" * 1100, "longer than 4000 characters"),
    ],
)  # fmt: skip
def test_a_bad_part_of_a_link_is_reported_and_the_default_used(part: str, message: str) -> None:
    usual = Asked(SENTENCE, DRAWER, 13, 1.0, word_models.CLIP)
    asked, problems = parsed(f"?words-{part}", usual)
    assert asked == usual
    assert len(problems) == 1
    assert message in str(problems[0])


def test_the_first_sentence_is_in_the_pages_language() -> None:
    with using("zh"):
        assert "头发" in words._first("zh") or "长发" in words._first("zh")
    assert "hair" in words._first("en")


@pytest.mark.usefixtures("shelf")
def test_undo_brings_back_the_request_for_the_link() -> None:
    first = words.draw(SENTENCE, DRAWER, 1, 1.0, word_models.CLIP, words.Made())
    second = words.draw("a man", DRAWER, 2, 0.3, word_models.CLIP, first[0])[0]
    back = words.undo(second)
    assert back[:5] == [SENTENCE, DRAWER, 1, 1.0, word_models.CLIP]
    assert back[6] == first[1]
    assert words.draw(*back[:5], back[5]) == [gr.skip()] * words.SCENE  # the changed fields draw nothing again
    page, _tab = built(words)
    (undo,) = (one for one in page.fns.values() if one.name == "undo")
    linked = [one for one in page.fns.values() if one.js == words.LINK and one.trigger_after == undo._id]
    assert [one.inputs for one in linked] == [undo.outputs[:5]]


@pytest.mark.usefixtures("shelf")
def test_drawing_or_undoing_stops_a_search() -> None:
    page, tab = built(words)
    assert overwritten(page, tab) == []


@pytest.mark.usefixtures("shelf")
def test_the_bar_of_a_stopped_search_goes_once_nothing_more_arrives() -> None:
    """Emptied by the event that stops the search, it would be filled again by what is still on its way."""
    page, _tab = built(words)
    (search,) = (one for one in page.fns.values() if one.api_name == "refine_words")
    bar = search.outputs[-1]
    (stopping,) = (one for one in page.fns.values() if search._id in one.cancels)
    assert not stopping.outputs
    following = (one for one in page.fns.values() if one.trigger_after is not None)
    (after,) = (one for one in following if page.fns[one.trigger_after].targets == stopping.targets)
    assert (after.outputs, after.fn()) == ([bar], "")
