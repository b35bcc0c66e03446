"""Access control. With `GANSCOPE_PASSPHRASE` set, only visitors who entered it may steer; all others can watch.

Every action calls `require_steering` itself: hiding a button is no protection. After the passphrase was entered, a
random key in a session cookie keeps the browser unlocked across reloads and tabs.
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

KEY = "key"  # session state key: the visitor's key, if this session was unlocked
LASTS = 12 * 3600  # lifetime of a key in seconds
MOST_KEYS = 10_000
DELAY = 0.5  # seconds of delay after a wrong passphrase


class Keys:
    """The keys that were issued, stored as digests in this process only. Thread-safe.

    Each key is bound to the passphrase at its time: changing the passphrase locks everyone out.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._until: dict[str, float] = {}

    def new(self, passphrase: str) -> str:
        """Returns a key that is valid for LASTS seconds."""
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
    """Returns the cookie's name, with the port, because all ports of a computer share cookies."""
    return f"ganscope-key-{st.get_option('server.port')}"


def to_keep() -> dict[str, str]:
    """Returns the cookie that this visitor's browser should keep, by name; empty if there is none."""
    key = st.session_state.get(KEY)
    return {cookie(): key} if key and may_steer() else {}


def _key() -> str:
    return str(st.session_state.get(KEY) or st.context.cookies.get(cookie(), ""))


def may_steer() -> bool:
    """Whether this visitor may start, stop, edit, upload and delete."""
    return not passphrase() or keys.fits(_key(), passphrase())


def is_owner() -> bool:
    """Whether this visitor may see the computer's folders and tracebacks: by passphrase if set, else only locally."""
    return may_steer() if passphrase() else st.context.ip_address is None


def require_steering() -> None:
    """Raises NotAllowed unless the visitor may steer."""
    if not may_steer():
        raise NotAllowed("Only visitors with the passphrase can do this. You can watch.")


def require_owner() -> None:
    """Raises NotAllowed unless the visitor is the owner."""
    if not is_owner():
        raise NotAllowed("Only the owner of this computer can open its folders.")


def why_locked() -> str | None:
    """Returns the help text of a disabled control, or None."""
    return None if may_steer() else _("Locked: click Unlock and enter the passphrase.")


def unlock_box() -> None:
    """Shows the passphrase field in the sidebar, if a passphrase is set."""
    if not passphrase():
        return
    if not may_steer():
        _ask("passphrase")
    elif st.button(_("Lock"), icon=":material/lock_open:", width="stretch"):
        keys.drop(_key(), passphrase())
        st.session_state.pop(KEY, None)
        st.rerun()


def unlock_line() -> None:
    """Explains disabled buttons to visitors who may only watch, with the way to unlock; also without a sidebar."""
    if may_steer():
        return
    with st.container(horizontal=True, vertical_alignment="center", key="locked"):
        words = _("You can watch. Enter the passphrase to start, stop, edit or delete runs.")
        st.markdown(f":material/lock: {words}", width="content")
        unlock_button()


def unlock_button() -> None:
    """Asks for the passphrase when clicked."""
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
