"""Callbacks as Gradio gets them: in the page's language, and with errors as sentences. No traceback reaches a page."""

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
from ui.studio.requests.right_of_way import right_of_way
from ui.texts import error_sentence

logger = logging.getLogger(__name__)
MOST_PLACE = 1e6  # of a place that is pressed
MOST_TOLD = 3  # problems of one link
MOVING = ("GIF", "WEBP", "PNG")  # formats whose further frames are an animation


def spoken(function: Callable[..., Any]) -> Callable[..., Any]:
    """A callback in the language in which the page is being built, with errors that a visitor understands.

    Long jobs stand still meanwhile.
    """
    chosen = language()

    @functools.wraps(function)
    def call(*arguments: Any) -> Any:
        with using(chosen), sentences(), right_of_way.first():
            return function(*arguments)

    return call


def telling(function: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
    """The same for a callback that shows its work step by step."""
    chosen = language()

    @functools.wraps(function)
    def call(*arguments: Any) -> Iterator[Any]:
        steps = function(*arguments)
        while True:
            # the context variable is set for each step alone: a generator may go on in another thread
            with using(chosen), sentences():
                try:
                    step = next(steps)
                except StopIteration:
                    return
            yield step

    return call


@contextmanager
def sentences() -> Iterator[None]:
    """What goes wrong inside becomes one sentence on the page; details of our own mistakes stay in the log."""
    try:
        yield
    except GanscopeError as error:
        raise refusal(error) from None
    except gr.Error:
        raise
    except Exception:
        logger.exception("an unexpected error in the Studio")
        raise sorry() from None


def refusal(error: GanscopeError) -> gr.Error:
    """What a visitor can do something about, as a toast and as the answer to a client."""
    return gr.Error(_safe(error), title=_("Not possible"), print_exception=False)


def sorry() -> gr.Error:
    """Our own mistake."""
    words = _("Something went wrong. This is a bug in GANscope. The picture is unchanged.")
    return gr.Error(words, title=_("Error"), print_exception=False)


def pressed(event: gr.EventData, name: str = "place") -> float:
    """A number that an event carries; raises BadValue where it carries none."""
    value = event._data.get(name) if isinstance(event._data, dict) else None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MOST_PLACE:
        raise BadValue("{name} must be {kind}, not {value!r}.", name=name, kind="a number", value=str(value)[:40])
    return value


def warned(problems: list[GanscopeError]) -> None:
    """Tells what of a link could not be had; the rest is shown all the same."""
    if problems:
        words = " ".join(_safe(problem) for problem in problems[:MOST_TOLD])
        gr.Warning(_("Part of the link was ignored: {reasons}").format(reasons=words))


def moving(image: Image.Image) -> None:
    """Tells that of a picture that moves the first frame alone is used."""
    frames = getattr(image, "n_frames", 1) if image.format in MOVING else 1
    if frames > 1:
        gr.Info(_("This picture is animated: only the first of its {count} frames is used.").format(count=frames))


def _safe(error: GanscopeError) -> str:
    """As a sentence for a toast, which is HTML: a name in a link can be anything."""
    return escape(error_sentence(error), quote=False)
