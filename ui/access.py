"""Who may do what. With `GANSCOPE_PASSPHRASE` set, only who entered it may steer; all others watch.

Every action calls `require_steering` itself: a hidden button is no protection.
"""

from __future__ import annotations

import hmac
import os
import time

import streamlit as st

from ui.errors import NotAllowed
from ui.i18n import _

UNLOCKED = "unlocked"  # key of the session's state
DELAY = 0.5  # seconds that a wrong passphrase costs


def passphrase() -> str:
    return os.environ.get("GANSCOPE_PASSPHRASE", "")


def may_steer() -> bool:
    """Whether this visitor may start, stop, edit, upload and delete."""
    return not passphrase() or bool(st.session_state.get(UNLOCKED))


def is_owner() -> bool:
    """Whether this visitor may see the machine's folders and tracebacks: by passphrase, else on the machine itself."""
    return may_steer() if passphrase() else st.context.ip_address is None


def require_steering() -> None:
    """Raises NotAllowed."""
    if not may_steer():
        raise NotAllowed("This is for whoever has the passphrase; you can watch.")


def require_owner() -> None:
    """Raises NotAllowed."""
    if not is_owner():
        raise NotAllowed("Folders of this computer are open to its owner alone.")


def why_locked() -> str | None:
    """The help text of a disabled control, or None."""
    return None if may_steer() else _("Enter the passphrase in the sidebar to use this.")


def unlock_box() -> None:
    """The passphrase field of the sidebar, where one is set."""
    if not passphrase():
        return
    if may_steer():
        if st.button(_("Lock again"), icon=":material/lock_open:", width="stretch"):
            st.session_state[UNLOCKED] = False
            st.rerun()
        return
    typed = st.text_input(
        _("Passphrase"),
        type="password",
        help=_("Everybody can watch. With the passphrase you can also start, stop, edit and delete."),
    )
    if typed and hmac.compare_digest(typed.encode(), passphrase().encode()):
        st.session_state[UNLOCKED] = True
        st.rerun()
    elif typed:
        time.sleep(DELAY)
        st.error(_("That isn't the passphrase."))
