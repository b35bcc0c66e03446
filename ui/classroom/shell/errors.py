"""Errors on a page: a sentence for the user, details for the log. Tracebacks never reach a page."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import streamlit as st

from gan_core.errors import GanscopeError
from ui.classroom.shell.i18n import _
from ui.texts import error_sentence, plain

logger = logging.getLogger(__name__)


class NotAllowed(GanscopeError):
    """The visitor may watch but not do this."""


@contextmanager
def showing_errors() -> Iterator[None]:
    """Shows an exception of the block as a sentence and continues after the block; also a decorator.

        with showing_errors():
            control.pause()

    Control flow of Streamlit (`st.stop`, `st.rerun`) passes through: it doesn't derive from Exception.
    """
    try:
        yield
    except GanscopeError as error:
        st.error(plain(error_sentence(error)), icon=":material/error:")
    except Exception:
        logger.exception("an unexpected error on a page")
        st.error(
            _("Something went wrong. This is a bug in GANscope; the server log has the details. Training continues."),
            icon=":material/error:",
        )
