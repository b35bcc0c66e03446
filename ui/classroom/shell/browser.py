"""What the pages need of the browser itself: its history, a cookie, and what is said when the server is gone.

Drawn by app.py on every page, and not to be seen; `browser.js` does it.
"""

from __future__ import annotations

from typing import Any

import streamlit as st

from ui.classroom.shell import access
from ui.classroom.shell.i18n import _
from ui.classroom.shell.style import read


@st.cache_resource(show_spinner=False)
def _component() -> Any:
    return st.components.v2.component("ganscope_browser", html="<i hidden></i>", js=read("shell/browser.js"))


def keep() -> None:
    """To be called at each drawing of a page."""
    with st.container(key="browser"):
        _component()(data={"cookies": access.to_keep(), "words": _words()}, key="browser-keeper")


def _words() -> dict[str, list[str]]:
    """A title and sentences for each of Streamlit's own messages that are meant for developers."""
    return {
        "gone": [
            _("GANscope isn't responding"),
            _("The server was stopped or the network is down. This page reconnects automatically."),
            _("If GANscope runs on your computer, start it again; otherwise ask whoever runs it. Interrupted runs "
              "can be resumed from their last checkpoint."),
        ],
        "missing": [
            _("Page not found in GANscope"),
            _("This address doesn't exist, so you are on the home page. The other pages are in the sidebar."),
        ],
    }  # fmt: skip
