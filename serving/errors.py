"""Answers instead of a picture: a status and one sentence."""

from __future__ import annotations

from collections.abc import Mapping

from gan_core.errors import BadData, BadValue, GanscopeError, UnknownName

RETRY = 1  # seconds after which a client may retry when the queue is full


class Refused(Exception):
    """A request that is answered with a status and a sentence."""

    def __init__(self, status: int, words: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(words)
        self.status = status
        self.headers = dict(headers or {})


class Busy(Refused):
    """Too many requests are waiting."""

    def __init__(self) -> None:
        super().__init__(429, "Too many requests are waiting. Try again in a moment.", {"Retry-After": str(RETRY)})


class Late(Refused):
    """The server couldn't answer in time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(
            503, f"The server didn't get to this request within {seconds:g} seconds. Try again later.",
            {"Retry-After": str(RETRY)},
        )  # fmt: skip


class Gone(Refused):
    """The client no longer waits for the answer."""

    def __init__(self) -> None:
        super().__init__(499, "The client closed the connection.")


def refusal(error: GanscopeError) -> Refused:
    """Returns the answer to an error of the library: 404 for unknown names, 422 for other bad input, else 503."""
    if isinstance(error, UnknownName):
        return Refused(404, str(error))
    return Refused(422 if isinstance(error, BadValue | BadData) else 503, str(error))
