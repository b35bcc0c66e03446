"""Who may do what. With `GANSCOPE_PASSPHRASE` set, only who entered it may steer; all others watch.

Every action calls `require_steering` itself: a hidden button is no protection. Who entered the passphrase has a random
key in a cookie of this browser, until it is closed, so that a reload or another tab doesn't ask again.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import threading
import time

import streamlit as st

from ui.classroom.shell.errors import NotAllowed
from ui.classroom.shell.i18n import _

KEY = "key"  # key of the session's state: the visitor's own, where this session unlocked
LASTS = 12 * 3600  # seconds that a key is good for
MOST_KEYS = 10_000
DELAY = 0.5  # seconds that a wrong passphrase costs


class Keys:
    """The keys that were given out, as digests and in this process alone. Thread-safe.

    Each is bound to the passphrase of its time: another passphrase locks everybody out.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def new(self, passphrase: str) -> str:
        """A key that is good for LASTS seconds."""
        key, now = secrets.token_urlsafe(32), time.monotonic()
        with self._lock:
            kept = [(digest, until) for digest, until in self._until.items() if until > now]
            self._until = dict(kept[-MOST_KEYS + 1 :]) | {_digest(key, passphrase): now + LASTS}
        return key

    def fits(self, key: str, passphrase: str) -> bool:
        with self._lock:
            return self._until.get(_digest(key, passphrase), 0.0) > time.monotonic()

    def drop(self, key: str, passphrase: str) -> None:
        with self._lock:
            self._until.pop(_digest(key, passphrase), None)


def _digest(key: str, passphrase: str) -> str:
    return hmac.new(passphrase.encode(), key.encode(), hashlib.sha256).hexdigest()


keys = Keys()


def passphrase() -> str:
    return os.environ.get("GANSCOPE_PASSPHRASE", "")


def cookie() -> str:
    """The cookie's name; cookies of one computer are shared by all its ports."""
    return f"ganscope-key-{st.get_option('server.port')}"


def to_keep() -> dict[str, str]:
    """The cookie that this visitor's browser is to keep, by name; empty where there is none."""
    key = st.session_state.get(KEY)
    return {cookie(): key} if key and may_steer() else {}


def _key() -> str:
    return str(st.session_state.get(KEY) or st.context.cookies.get(cookie(), ""))


def may_steer() -> bool:
    """Whether this visitor may start, stop, edit, upload and delete."""
    return not passphrase() or keys.fits(_key(), passphrase())


def is_owner() -> bool:
    """Whether this visitor may see the machine's folders and tracebacks: by passphrase, else on the machine itself."""
    return may_steer() if passphrase() else st.context.ip_address is None


def require_steering() -> None:
    """Raises NotAllowed."""
    if not may_steer():
        raise NotAllowed("Only visitors with the passphrase can do this. You can watch.")


def require_owner() -> None:
    """Raises NotAllowed."""
    if not is_owner():
        raise NotAllowed("Only the owner of this computer can open its folders.")


def why_locked() -> str | None:
    """The help text of a disabled control, or None."""
    return None if may_steer() else _("Locked: click Unlock and enter the passphrase.")


def unlock_box() -> None:
    """The passphrase field of the sidebar, where one is set."""
    if not passphrase():
        return
    if not may_steer():
        _ask("passphrase")
    elif st.button(_("Lock"), icon=":material/lock_open:", width="stretch"):
        keys.drop(_key(), passphrase())
        st.session_state.pop(KEY, None)
        st.rerun()


def unlock_line() -> None:
    """Why buttons are grey, and the way to change that; for who may only watch, also where no sidebar is seen."""
    if may_steer():
        return
    with st.container(horizontal=True, vertical_alignment="center", key="locked"):
        words = _("You can watch. Enter the passphrase to start, stop, edit or delete runs.")
        st.markdown(f":material/lock: {words}", width="content")
        unlock_button()


def unlock_button() -> None:
    """Asks for the passphrase where it is pressed."""
    if may_steer():
        return
    ask = st.popover(_("Unlock"), icon=":material/key:", key="unlock", on_change="rerun")
    if ask.open:
        with ask:
            _ask("passphrase-here")


def _ask(key: str) -> None:
    typed = st.text_input(
        _("Passphrase"), type="password", key=key,
        help=_("Anyone can watch. The passphrase also lets you start, stop, edit and delete runs."),
    )  # fmt: skip
    if typed and hmac.compare_digest(typed.encode(), passphrase().encode()):
        st.session_state[KEY] = keys.new(passphrase())
        st.rerun()
    elif typed:
        time.sleep(DELAY)
        st.error(_("Wrong passphrase."))
