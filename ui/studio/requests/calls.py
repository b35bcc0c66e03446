"""Wrappers for Gradio callbacks: run in the page's language and report errors as sentences, never as tracebacks."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

import gradio as gr
from PIL import Image

from gan_core.errors import BadValue, GanscopeError
from ui.languages import _, language, using
from ui.studio.models.cache import models
from ui.studio.requests.right_of_way import right_of_way
from ui.texts import error_sentence, paragraph

logger = logging.getLogger(__name__)
MOST_PLACE = 1e6  # part of a component that was clicked
MOST_TOLD = 3  # problems reported per link
MOVING = ("GIF", "WEBP", "PNG")  # formats whose further frames are an animation


def callback(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wraps a callback to run in the language of the page being built and to report errors as sentences.

    Long jobs pause meanwhile, and each model is opened once, however many parts of the callback ask for it.
    """
    chosen = language()

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        with using(chosen), sentences(), right_of_way.first(), models.held():
            return function(*arguments)

    return call


def streaming(function: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """The same for a generator callback that shows progress."""
    chosen = language()

    @functools.wraps(function)
    def call(*arguments: Any) -> Iterator[Any]:
        steps = function(*arguments)
        while True:
            # the language is set for each step, because a generator may continue in another thread
            with using(chosen), sentences():
                try:
                    step = next(steps)
                except StopIteration:
                    return
            yield step

    return call


@contextmanager
def sentences() -> Iterator[None]:
    """Turns an exception into one sentence for the page; details of bugs go to the log."""
    try:
        yield
    except GanscopeError as error:
        raise refusal(error) from None
    except gr.Error:
        raise
    except Exception:
        logger.exception("an unexpected error in the Studio")
        raise bug_error() from None


def refusal(error: GanscopeError) -> gr.Error:
    """Returns an error that the visitor can fix, as a toast and as the answer to a client, which needs all names."""
    return gr.Error(_safe(error, all_names=True), title=_("Not possible"), print_exception=False)


def bug_error() -> gr.Error:
    """Returns the error for a bug."""
    words = _("Something went wrong. This is a bug in GANscope. The picture is unchanged.")
    return gr.Error(words, title=_("Error"), print_exception=False)


def event_number(event: gr.EventData, name: str = "place") -> float:
    """Returns a number from an event; raises BadValue if there is none."""
    value = event._data.get(name) if isinstance(event._data, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MOST_PLACE:
        raise BadValue("{name} must be {kind}, not {value!r}.", name=name, kind="a number", value=str(value)[:40])
    return value


def has_value(event: gr.EventData, name: str) -> bool:
    return isinstance(event._data, dict) and name in event._data


def warn_of_ignored(problems: list[GanscopeError]) -> None:
    """Reports which parts of a link were ignored; the rest is shown."""
    if problems:
        words = paragraph(*map(_safe, problems[:MOST_TOLD]))
        gr.Warning(_("Part of the link was ignored: {reasons}").format(reasons=words))


def warn_if_animated(image: Image.Image) -> None:
    """Reports that only the first frame of an animated picture is used."""
    frames = getattr(image, "n_frames", 1) if image.format in MOVING else 1
    if frames > 1:
        gr.Info(_("This picture is animated: only the first of its {count} frames is used.").format(count=frames))


def _safe(error: GanscopeError, all_names: bool = False) -> str:
    """Escapes a sentence for a toast, which is HTML: a name in a link can be anything."""
    return escape(error_sentence(error, all_names), quote=False)
