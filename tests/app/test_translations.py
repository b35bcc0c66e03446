"""Every text that a page can show is in the catalogues, with the same placeholders."""

from __future__ import annotations

import re
import string

import pytest
from babel.messages.pofile import read_po

from tests.app.messages import FRONT, all_messages
from ui.classroom.shell.i18n import CATALOGUES, _, translations, using


def fields(text: str) -> list[tuple[str, str, str]]:
    return sorted(
        (name, spec or "", kind or "") for _text, name, spec, kind in string.Formatter().parse(text) if name is not None
    )


@pytest.mark.parametrize("language", sorted(CATALOGUES))
def test_the_catalogue_lists_every_text(language: str) -> None:
    """Translated or not: a text that isn't translated yet is shown in English."""
    with CATALOGUES[language].open("rb") as file:
        listed = {message.id for message in read_po(file)}
    missing = sorted(all_messages() - listed)
    assert not missing, f"run `python -m tests.app.messages`: {missing}"


@pytest.mark.slow
@pytest.mark.parametrize("language", sorted(CATALOGUES))
def test_every_text_has_a_translation(language: str) -> None:
    catalogue = translations(language)
    known = getattr(catalogue, "_catalog", {})
    missing = sorted(text for text in all_messages() if not known.get(text))
    assert not missing, f"run `python -m tests.app.messages` and translate: {missing}"


@pytest.mark.parametrize("language", sorted(CATALOGUES))
def test_translations_keep_the_placeholders(language: str) -> None:
    with using(language):
        wrong = [text for text in all_messages() if fields(text) != fields(_(text))]
    assert not wrong


def test_chinese_has_chinese_punctuation() -> None:
    with using("zh"):
        words = {_(text) for text in all_messages()}
    narrow = re.compile("[\u4e00-\u9fff][,;?!]|[,:;?!][\u4e00-\u9fff]|[\u4e00-\u9fff]:$")
    assert not [text for text in words if narrow.search(re.sub("`.*?`|下限:上限", "", text))]


def test_no_text_is_an_f_string() -> None:
    """gettext finds only constants; values belong in placeholders."""
    offenders = [
        f"{path.name}:{number}"
        for path in FRONT
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if '_(f"' in line.replace("n_(f", "")
    ]
    assert not offenders


def test_english_needs_no_catalogue() -> None:
    assert _("Train") == "Train"
    with using("zh"):
        assert _("Train") == "训练"


def test_chinese_has_one_form_of_address() -> None:
    texts = getattr(translations("zh"), "_catalog", {}).values()
    formal = [text for text in texts if isinstance(text, str) and "您" in text]
    assert not formal, "the pages say 你"
