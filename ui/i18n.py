"""Languages, through gettext. English texts stand in the code; `locale/zh_CN.po` is compiled in memory.

    _("Train")                      the text in the visitor's language
    N_("Train")                     the text itself, marked for the catalogue and translated where it is shown

The language is a part of the URL (`?lang=zh`), so that a link keeps it; else it is the browser's.
"""

from __future__ import annotations

import gettext
import io
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

LANGUAGES = {"en": "English", "zh": "中文"}
CATALOGUES = {"zh": Path(__file__).with_name("locale") / "zh_CN.po"}
DEFAULT = "en"
STATE = "language"  # key of the session's state

_forced: ContextVar[str | None] = ContextVar("language", default=None)


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The catalogue of a language; English has none and needs none."""
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
    """The language of the visitor whose page is being drawn."""
    forced = _forced.get()
    if forced is not None:
        return forced
    if get_script_run_ctx(suppress_warning=True) is None:
        return DEFAULT
    return str(st.session_state.get(STATE, DEFAULT))


@contextmanager
def using(chosen: str) -> Iterator[None]:
    """Texts in a given language, whoever asks."""
    token = _forced.set(chosen)
    try:
        yield
    finally:
        _forced.reset(token)


def _(text: str) -> str:
    """The text in the visitor's language; a text that the catalogue lacks stays English."""
    return translations(language()).gettext(text) if text else ""


def N_(text: str) -> str:  # noqa: N802  gettext's own name
    """Marks a text for the catalogue."""
    return text


def choose() -> str:
    """Settles the visitor's language from the URL, an earlier choice or the browser, and writes it to the URL."""
    asked = st.query_params.get("lang")
    if asked in LANGUAGES:
        st.session_state[STATE] = asked
    elif STATE not in st.session_state:
        locale = (st.context.locale or DEFAULT).lower()
        st.session_state[STATE] = "zh" if locale.startswith("zh") else DEFAULT
    chosen = str(st.session_state[STATE])
    if asked != chosen:
        st.query_params["lang"] = chosen
    return chosen


def switch(chosen: str) -> None:
    """The visitor picks a language."""
    st.session_state[STATE] = chosen
    st.query_params["lang"] = chosen
