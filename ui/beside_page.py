"""The page Studio: the other app in its place, started at the first visit, one for all visitors."""

from __future__ import annotations

import atexit
import re
from collections.abc import Mapping
from urllib.parse import urlencode, urlsplit

import streamlit as st

from ui import access, beside, offline, style
from ui.beside import Beside, Notice, Stage
from ui.errors import shown
from ui.i18n import STATE, _
from ui.texts import error_sentence, plain

POLL = 0.7  # seconds
USUAL = 20.0  # seconds until a Studio is there, on a small computer
PASSED = ("model", "seed", "psi", "class", "edits", "tab")  # parts of this page's link that are the Studio's
TRY_AGAIN = "studio-again"  # key of the session's state
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})")


@st.cache_resource(show_spinner=False)
def studio() -> Beside:
    """The one of this process. It listens where this app does, so that whoever sees the page can open it."""
    made = Beside(str(st.get_option("server.address") or "0.0.0.0"))
    atexit.register(made.close)
    return made


def show() -> None:
    """The whole page."""
    style.apply("beside.css")
    head = st.empty()
    with shown():
        notice = _begun()
        if notice:
            _placed(notice)
            return
    head.title(_("Studio"), anchor=False)


def _begun() -> Notice | None:
    """The Studio that runs, else None: then it is told how far it is."""
    if st.session_state.pop(TRY_AGAIN, False):
        access.require_steering()
        studio().start()
    status = studio().look()
    if status.stage is Stage.ABSENT and access.may_steer():
        studio().start()
        status = studio().look()
    if status.stage is Stage.ABSENT:
        st.info(_("The Studio doesn't run yet. Whoever has the passphrase starts it by opening this page."),
                icon=":material/lock:")  # fmt: skip
    if status.notice is None:
        _waiting()
    return status.notice


@st.fragment(run_every=POLL)
def _waiting() -> None:
    """Looks again and again, until the Studio is there or has failed."""
    status = studio().look()
    if status.stage is Stage.READY:
        st.rerun()
    if status.reason:
        st.error(plain(error_sentence(status.reason)), icon=":material/error:")
        if access.is_owner():
            st.caption(plain(str(beside.log())))
        if access.may_steer() and st.button(_("Try again"), icon=":material/refresh:", key="studio-retry"):
            st.session_state[TRY_AGAIN] = True
            st.rerun()
    elif status.stage is Stage.STARTING:
        share = status.seconds / (status.seconds + USUAL / 3)
        words = _("Opening the Studio … {seconds} s").format(seconds=round(status.seconds))
        st.progress(share, words)
        st.caption(_("This takes some 20 seconds once; then it is open for everybody who visits this page."))


def _placed(notice: Notice) -> None:
    """The Studio, and how else to get to it."""
    address = f"http://{visited_host()}:{notice.port}"
    with st.container(horizontal=True, vertical_alignment="center", key="studio-bar"):
        st.link_button(
            _("Open in its own window"), f"{address}/?{urlencode(asked() | _language())}",
            icon=":material/open_in_new:", type="tertiary",
        )  # fmt: skip
        network = offline.network_address()
        if notice.open and network and access.is_owner():
            words = _("Others in your network can play along at {address}")
            st.caption(":material/group: " + words.format(address=plain(f"http://{network}:{notice.port}")))
    with st.container(key="studio-frame"):
        st.iframe(_source(address), height=900, alt=_("The Studio"))


def _source(address: str) -> str:
    """What the frame shows. The theme of the first look stays, because another address would begin anew in it."""
    query = asked() | _language()
    key = f"studio-source:{address}?{urlencode(query)}"
    if key not in st.session_state:
        theme = {"__theme": st.context.theme.type} if st.context.theme.type in ("light", "dark") else {}
        st.session_state[key] = f"{address}/?{urlencode(query | theme)}"
    return str(st.session_state[key])


def asked() -> dict[str, str]:
    """The part of this page's link that says which picture is shown."""
    return {name: st.query_params[name] for name in PASSED if name in st.query_params}


def _language() -> dict[str, str]:
    return {"lang": st.session_state.get(STATE, "en")}


def visited_host(headers: Mapping[str, str] | None = None) -> str:
    """The name by which the visitor reached this computer, as it stands in an address; "localhost" if it is odd."""
    given = (st.context.headers if headers is None else headers).get("Host", "")
    try:
        host = urlsplit(f"//{given}").hostname or ""
    except ValueError:
        host = ""
    if re.fullmatch(r"[0-9a-f:.]*:[0-9a-f:.]*", host):
        return f"[{host}]"
    return host if _HOST.fullmatch(host) else "localhost"
