"""The visitor's language in Streamlit: a part of the URL (`?lang=zh`), so that a link keeps it; else the browser's."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui import languages
from ui.languages import CATALOGUES, DEFAULT, LANGUAGES, N_, _, language, translations, using

__all__ = ["CATALOGUES", "LANGUAGES", "N_", "STATE", "_", "choose", "language", "switch", "switcher", "translations",
           "using", "write"]  # fmt: skip

STATE = "language"  # keys of the session's state
SWITCH = "language-switch"


def _of_session() -> str:
    if get_script_run_ctx(suppress_warning=True) is None:
        return DEFAULT
    return str(st.session_state.get(STATE, DEFAULT))


languages.asked[:] = [_of_session]


def choose() -> str:
    """Settles the visitor's language from the URL, an earlier choice or the browser."""
    asked = st.query_params.get("lang")
    if asked in LANGUAGES:
        st.session_state[STATE] = asked
    elif STATE not in st.session_state:
        locale = (st.context.locale or DEFAULT).lower()
        st.session_state[STATE] = "zh" if locale.startswith("zh") else DEFAULT
    return str(st.session_state[STATE])


def write() -> None:
    """Puts the language into the URL; once the page is known, or the browser would take it for the page before."""
    if st.query_params.get("lang") != language():
        st.query_params["lang"] = language()


def switcher() -> None:
    """The visitor picks a language."""
    st.session_state[SWITCH] = language()  # the URL's, also after the browser's Back
    st.segmented_control(
        _("Language"), list(LANGUAGES), key=SWITCH, format_func=lambda code: LANGUAGES[code], required=True,
        on_change=lambda: switch(st.session_state[SWITCH]), label_visibility="collapsed",
    )  # fmt: skip


def switch(chosen: str) -> None:
    """From now on in that language."""
    st.session_state[STATE] = chosen
    st.query_params["lang"] = chosen
