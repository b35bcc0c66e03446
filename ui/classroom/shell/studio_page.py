"""The Studio page: embeds the other app, which is started at the first visit and shared by all visitors."""

from __future__ import annotations

import atexit
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

import streamlit as st

from ui import studio_process
from ui.classroom.shell import access, offline, style
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import N_, STATE, _
from ui.studio_process import Notice, Stage, Status, StudioProcess
from ui.texts import error_sentence, plain

POLL = 0.7  # seconds
USUAL = 20.0  # typical seconds until the Studio is ready on a small computer
LATE = 1.5 * USUAL
STARTING = (  # what the Studio is doing before each of its steps, and the share of the progress bar
    N_("step 1 of 3: loading PyTorch and other libraries"),
    N_("step 2 of 3: building the pages"),
    N_("step 3 of 3: waiting for the first response"),
)
SHARES = (0.0, 0.7, 0.95, 1.0)
PASSED = ("model", "seed", "psi", "class", "edits", "tab")  # query parameters that are passed to the Studio
TRY_AGAIN = "studio-again"  # session state key
_HOST = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})")


@st.cache_resource(show_spinner=False)
def studio() -> StudioProcess:
    """Returns this process's Studio. It binds to the same address as this app, so that every visitor can open it."""
    made = StudioProcess(str(st.get_option("server.address") or "0.0.0.0"))
    atexit.register(made.close)
    return made


def show() -> None:
    """Renders the page."""
    style.apply("shell/studio_page.css")
    head = st.empty()
    with showing_errors():
        notice = _begun()
        if notice:
            _placed(notice)
            return
    head.title(_("Studio"), anchor=False)


def _begun() -> Notice | None:
    """Returns the running Studio; None while it starts, with its progress shown."""
    if st.session_state.pop(TRY_AGAIN, False):
        access.require_steering()
        studio().start()
    status = studio().look()
    if status.stage is Stage.ABSENT and access.may_steer():
        studio().start()
        status = studio().look()
    if status.stage is Stage.ABSENT:
        st.info(_("The Studio isn't running. Anyone with the passphrase can start it by opening this page."),
                icon=":material/lock:")  # fmt: skip
    if status.notice is None:
        _waiting()
    return status.notice


@st.fragment(run_every=POLL)
def _waiting() -> None:
    """Polls until the Studio is ready or has failed."""
    status = studio().look()
    if status.stage is Stage.READY:
        st.rerun()
    if status.reason:
        st.error(plain(error_sentence(status.reason)), icon=":material/error:")
        if access.is_owner():
            st.caption(plain(str(studio_process.log())))
        if access.may_steer() and st.button(_("Try again"), icon=":material/refresh:", key="studio-retry"):
            st.session_state[TRY_AGAIN] = True
            st.rerun()
    elif status.stage is Stage.STARTING:
        _progress(status)


def _progress(status: Status) -> None:
    """Shows how far the Studio is, and why it takes long."""
    words = _("Opening the Studio … {seconds} s").format(seconds=round(status.seconds))
    share, end = SHARES[status.steps : status.steps + 2]
    # always moves, and never exceeds the known progress
    share += (end - share) * status.seconds / (status.seconds + USUAL)
    st.progress(share, f"{words} · {_(STARTING[status.steps])}")
    if status.seconds > LATE:
        st.info(
            _("This computer is busy, so opening takes longer than usual. It continues in the background; you can "
              "visit other pages."), icon=":material/hourglass_top:",
        )  # fmt: skip
    else:
        st.caption(_("The first start takes about 20 seconds. After that the Studio is open for everyone."))


def _placed(notice: Notice) -> None:
    """Embeds the Studio, with other ways to open it."""
    address = f"http://{visited_host()}:{notice.port}"
    link = f"{address}/?{urlencode(studio_query() | _language())}"
    with st.container(horizontal=True, vertical_alignment="center", key="studio-bar"):
        st.link_button(_("Open in a new window"), link, icon=":material/open_in_new:", type="tertiary")
        network = offline.network_address()
        if notice.open and network and access.is_owner():
            words = _("Others on your network can use the Studio at {address}")
            st.caption(":material/group: " + words.format(address=plain(f"http://{network}:{notice.port}")))
    with st.container(key="studio-frame"):
        _frame()(data={"source": _source(address), "link": link, "words": _words()}, key="studio")


@st.cache_resource(show_spinner=False)
def _frame() -> Any:
    return st.components.v2.component(
        "ganscope_studio",
        html='<div class="studio"></div>',
        css=style.read("shell/frame.css"),
        js=style.read("shell/frame.js"),
    )


def _words() -> dict[str, str]:
    return {
        "name": _("The Studio"),
        "open": _("Open the Studio"),
        "why": _("Sliders for trained models. The Studio opens in a new tab, at full size."),
    }


def _source(address: str) -> str:
    """Returns the frame's address. It keeps the theme of the first visit, because a new address would reload the
    Studio.
    """
    query = studio_query() | _language()
    key = f"studio-source:{address}?{urlencode(query)}"
    if key not in st.session_state:
        theme = {"__theme": st.context.theme.type} if st.context.theme.type in ("light", "dark") else {}
        st.session_state[key] = f"{address}/?{urlencode(query | theme)}"
    return str(st.session_state[key])


def studio_query() -> dict[str, str]:
    """Returns the query parameters of this page that select the picture."""
    return {name: st.query_params[name] for name in PASSED if name in st.query_params}


def _language() -> dict[str, str]:
    return {"lang": st.session_state.get(STATE, "en")}


def visited_host(headers: Mapping[str, str] | None = None) -> str:
    """Returns the host name by which the visitor reached this computer; "localhost" if it isn't valid."""
    given = (st.context.headers if headers is None else headers).get("Host", "")
    try:
        host = urlsplit(f"//{given}").hostname or ""
    except ValueError:
        host = ""
    if re.fullmatch(r"[0-9a-f:.]*:[0-9a-f:.]*", host):
        return f"[{host}]"
    return host if _HOST.fullmatch(host) else "localhost"
