"""The visitor's language in Streamlit: from the URL (`?lang=zh`), so that links keep it; else from the browser."""

from __future__ import annotations

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from ui import languages
from ui.languages import CATALOGUES, DEFAULT, LANGUAGES, N_, _, language, translations, using

__all__ = ["CATALOGUES", "LANGUAGES", "N_", "STATE", "_", "choose", "language", "switch", "switcher", "translations",
           "using", "write"]  # fmt: skip

STATE = "language"  # session state keys
SWITCH = "language-switch"


def _of_session() -> str:
    if get_script_run_ctx(suppress_warning=True) is None:
        return DEFAULT
    return str(st.session_state.get(STATE, DEFAULT))


languages.language_of_visitor[:] = [_of_session]


def choose() -> str:
    """Determines the visitor's language from the URL, an earlier choice or the browser."""
    asked = st.query_params.get("lang")
    if asked in LANGUAGES:
        st.session_state[STATE] = asked
    elif STATE not in st.session_state:
        locale = (st.context.locale or DEFAULT).lower()
        st.session_state[STATE] = "zh" if locale.startswith("zh") else DEFAULT
    return str(st.session_state[STATE])


def write() -> None:
    """Writes the language into the URL. Call it after navigation, or it would apply to the previous page."""
    if st.query_params.get("lang") != language():
        st.query_params["lang"] = language()


def switcher() -> None:
    """Shows the language selector."""
    st.session_state[SWITCH] = language()  # that of the URL, also after the browser's Back
    st.segmented_control(
        _("Language"), list(LANGUAGES), key=SWITCH, format_func=lambda code: LANGUAGES[code], required=True,
        on_change=lambda: switch(st.session_state[SWITCH]), label_visibility="collapsed",
    )  # fmt: skip


def switch(chosen: str) -> None:
    """Switches to a language."""
    st.session_state[STATE] = chosen
    st.query_params["lang"] = chosen
