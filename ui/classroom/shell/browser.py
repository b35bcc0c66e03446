"""What pages need from the browser: its history, a cookie, and the message when the server is gone.

Rendered invisibly by app.py on every page; implemented in `browser.js`.
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
    """Must be called on every rendering of a page."""
    with st.container(key="browser"):
        _component()(data={"cookies": access.to_keep(), "words": _words()}, key="browser-keeper")


def _words() -> dict[str, list[str]]:
    """Returns title and sentences that replace Streamlit's own messages, which are meant for developers."""
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
