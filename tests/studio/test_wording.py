"""The contrast of the Studio's texts, and how its sentences are put together."""

from __future__ import annotations

import gradio as gr
import pytest

from gan_core.errors import BadValue, GanscopeError, filled, percent
from ui.languages import using
from ui.studio.requests.checks import checked
from ui.studio.requests.jobs import News, takes
from ui.studio.view.words import value_words
from ui.studio.widgets.theme import theme
from ui.texts import error_sentence, paragraph

READABLE = 4.5  # contrast of normal text, WCAG 2.2, 1.4.3


def contrast(one: str, other: str) -> float:
    def luminance(colour: str) -> float:
        shares = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("dark", ["", "_dark"])
def test_texts_are_readable_on_every_background(dark: str) -> None:
    made = theme()

    def colour(name: str) -> str:
        value = str(getattr(made, name + dark))
        return colour(value[1:]) if value.startswith("*") and hasattr(made, value[1:] + dark) else value

    for background in ("body_background_fill", "background_fill_secondary"):
        for text in ("body_text_color", "body_text_color_subdued", "block_title_text_color", "link_text_color"):
            assert contrast(colour(text), colour(background)) >= READABLE, (text, background)
    for fill in ("button_primary_background_fill", "button_primary_background_fill_hover"):
        assert contrast("#ffffff", colour(fill)) >= READABLE, fill


def test_sentences_are_joined_as_in_their_language() -> None:
    assert paragraph("One.", "", "Two.") == "One. Two."
    assert paragraph("一。", "二。", "Three.") == "一。二。Three."
    assert paragraph() == ""
    assert takes(3, 120) == "This takes about 3 s. It stops after 120 s at the latest."
    with using("zh"):
        assert "。 " not in takes(3, 120)
        assert "。 " not in News(2, left=3.0).words
        assert value_words("hat", "beanie") == "帽子：毛线帽"


@pytest.mark.parametrize(
    ("share", "words"),
    [
        (0, "0 %"), (1, "100 %"), (1 - 1e-9, "100 %"), (0.9998, "99.98 %"), (0.996, "99.6 %"), (0.99999, "< 100 %"),
        (0.994, "99 %"), (1.0002, "100.02 %"), (0.004, "0.4 %"), (0.0004, "0.04 %"), (1e-7, "> 0 %"),
        (-1e-7, "< 0 %"), (-0.05, "-5 %"), (2.003, "200 %"), (float("inf"), "inf %"),
    ],
)  # fmt: skip
def test_only_none_is_0_percent_and_only_all_is_100(share: float, words: str) -> None:
    assert percent(share) == words


def test_a_reason_that_is_a_sentence_ends_with_one_stop() -> None:
    reason = BadValue("None of the files can be used. {reasons}", reasons="It is empty.")
    assert str(BadValue("{name} can't be used: {reason}. Choose another.", name="a..b", reason=reason)) == (
        "a..b can't be used: None of the files can be used. It is empty. Choose another."
    )
    assert filled("{name}无法使用：{reason}。", {"name": "图", "reason": "文件是空的。"}) == "图无法使用：文件是空的。"
    assert filled("{name}：{reason}。", {"name": "图", "reason": "no entry."}) == "图：no entry。"
    assert filled("{a} {b} ...", {"a": "../x", "b": "wait..."}) == "../x wait... ..."


def test_percentages_in_sentences_of_the_library_have_a_space() -> None:
    assert filled(
        "{share:.0%} of {count} in {name!r}, {one:.1%}", {"share": 0.74, "count": 3, "name": "x", "one": 1}
    ) == ("74 % of 3 in 'x', 100.0 %")
    assert percent(0.9861, 1) == "98.6 %"
    assert filled("{a:.0f}, {b:.1e}, {c:.2f}", {"a": 3.2e18, "b": 0.0, "c": 2.5}) == "3.2 × 10¹⁸, 0, 2.50"
    assert filled("{a:.1f} {b:.0e}", {"a": float("inf"), "b": float("nan")}) == "inf nan"
    assert filled("{all:.0%}, {nearly:.0%}, {none:.0%}", {"all": 1, "nearly": 0.9998, "none": 0}) == (
        "100 %, 99.98 %, 0 %"
    )
    error: GanscopeError = BadValue("only {share:.0%}", share=0.5)
    assert (str(error), error_sentence(error)) == ("only 50 %", "only 50 %")


def test_numbers_in_refusals_are_written_out() -> None:
    with pytest.raises(BadValue, match="between 0 and 2147483647, got 99999999999999"):
        checked(gr.Number(minimum=0, maximum=2**31 - 1, precision=0), 99_999_999_999_999, "Seed", True)
    with pytest.raises(BadValue, match="at most 20,000 characters, not 20,001"):
        checked(gr.Textbox(), "x" * 20_001, "Sentence", True)
