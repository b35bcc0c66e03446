"""Translations with gettext. The code contains the English texts; `locale/zh_CN.po` is compiled in memory.

    _("Train")                      the text in the visitor's language
    N_("Train")                     marks the text for the catalogue; translated where it is shown

A front end sets the visitor's language with `using`, or with a function in `language_of_visitor` (see i18n.py).
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

LANGUAGES = {"en": "English", "zh": "中文"}
CATALOGUES = {"zh": Path(__file__).with_name("locale") / "zh_CN.po"}
DEFAULT = "en"

language_of_visitor: list[Callable[[], str]] = []  # lets a front end determine the visitor's language

_forced: ContextVar[str | None] = ContextVar("language", default=None)


@cache
def translations(language: str) -> gettext.NullTranslations:
    """Returns the catalogue of a language; English needs none."""
    if language not in CATALOGUES:
        return gettext.NullTranslations()
    from babel.messages.mofile import write_mo
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with CATALOGUES[language].open("rb") as file:
        write_mo(compiled, read_po(file))
    compiled.seek(0)
    return gettext.GNUTranslations(compiled)


def language() -> str:
    """Returns the language of the visitor whose page is being rendered."""
    forced = _forced.get()
    if forced is not None:
        return forced
    return language_of_visitor[0]() if language_of_visitor else DEFAULT


@contextmanager
def using(chosen: str) -> Iterator[None]:
    """Forces a language within the block."""
    token = _forced.set(chosen)
    try:
        yield
    finally:
        _forced.reset(token)


def _(text: str) -> str:
    """Returns the text in the visitor's language; English if the catalogue lacks it."""
    return translations(language()).gettext(text) if text else ""


def N_(text: str) -> str:  # noqa: N802  gettext's own name
    """Marks a text for the catalogue."""
    return text
