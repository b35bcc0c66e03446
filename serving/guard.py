"""The guard in front of all routes: sizes, keys, rates, headers, logs and figures. An ASGI middleware.

The Studio's own paths pass with its own guard; they are only logged and counted.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import math
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from typing import Any

from limits import parse_many
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from serving import logs
from serving.errors import Refused
from serving.figures import Figures
from serving.settings import Key, Settings
from ui.studio.requests.uploads import LARGE_BYTES, MOST_BYTES

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

API = "/v1/"
OPEN = ("/healthz", "/readyz", "/openapi.json")  # paths that need no key
METRICS = "/metrics"
METHODS = ("GET", "HEAD", "POST", "DELETE", "OPTIONS", "PUT", "PATCH")
NOTES = "ganscope"  # key in a request's scope: values for the log
FORM = 100_000  # bytes of a form in addition to its files
MOST_JSON = 2_000_000  # bytes
SIZES = {  # bytes of a body, by path
    "/v1/translate": MOST_BYTES + FORM, "/v1/invert": MOST_BYTES + FORM, "/v1/inpaint": 2 * MOST_BYTES + FORM,
    "/v1/upscale": LARGE_BYTES + FORM,
}  # fmt: skip
DRAINED = 16_000_000  # bytes of a body that is too large which are read, so that the client sees the answer
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
}  # fmt: skip
WORDS = {404: "There is no such address. /openapi.json lists those that there are.",
         405: "This address takes another method. /openapi.json lists it."}  # fmt: skip

logger = logging.getLogger(__name__)


def ours(path: str) -> bool:
    """Whether a path belongs to the service and not to the Studio."""
    return path.startswith(API) or path in (*OPEN, METRICS, "/v1")


class Guard:
    """Guards an application."""

    def __init__(self, app: Any, settings: Settings, figures: Figures) -> None:
        self.app = app
        self._figures = figures
        self._keys = [(key, _digest(key.secret.encode())) for key in settings.keys]
        self._rates = parse_many(settings.rate) if settings.rate else []
        self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began, status = time.perf_counter(), 0
        mine = ours(scope["path"])
        id = secrets.token_hex(8)
        notes: dict[str, Any] = {}
        scope[NOTES] = notes

        async def sent(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                if mine:
                    message = {**message, "headers": _with_ours(message["headers"], id)}
            await send(message)

        try:
            await self._passed(scope, receive, sent, mine)
        except ClientDisconnect:
            status = status or 499
        except Exception:
            logger.exception("an unexpected error", extra={logs.FACTS: {"id": id}})
            if status:  # the answer has already begun
                raise
            await _refuse(Refused(500, "Something went wrong in the server."), scope, receive, sent)
        finally:
            seconds = time.perf_counter() - began
            route = notes.pop("route", None) or _route(scope, mine)
            self._figures.requests.labels(route, str(status)).inc()
            self._figures.seconds.labels(route).observe(seconds)
            method = scope["method"] if scope["method"] in METHODS else "other"
            logs.request({"id": id, "method": method, "route": route, "status": status,
                          "milliseconds": round(1000 * seconds, 1), **notes})  # fmt: skip

    async def _passed(self, scope: Scope, receive: Receive, send: Send, mine: bool) -> None:
        if not mine:
            await self.app(scope, receive, send)
            return
        try:
            self._admit(scope)
            receive = _bounded(scope, receive)
        except Refused as refused:
            await _drain(receive)
            await _refuse(refused, scope, receive, send)
            return
        await self.app(scope, receive, send)

    def _admit(self, scope: Scope) -> None:
        """Raises Refused for a wrong key, or for a client that calls too often."""
        path = str(scope["path"])
        if path in OPEN:
            return
        client = scope.get("client") or ("unknown", 0)
        who = str(client[0])
        if self._keys:
            key = self._known(_headers(scope))
            if key is None:
                self._hit(f"refused {who}")  # guesses are slowed down, too
                raise Refused(401, "A valid key is needed: Authorization: Bearer KEY.", {"WWW-Authenticate": "Bearer"})
            who = f"key {key.name}"
        scope[NOTES]["client"] = who
        if path != METRICS:
            self._hit(who)

    def _hit(self, who: str) -> None:
        for rate in self._rates:
            if not self._limiter.hit(rate, who):
                reset = self._limiter.get_window_stats(rate, who).reset_time - time.time()
                raise Refused(
                    429, f"This client may make {rate.amount} requests each {_period(rate)}. Try again later.",
                    {"Retry-After": str(max(1, math.ceil(reset)))},
                )  # fmt: skip

    def _known(self, headers: Mapping[str, str]) -> Key | None:
        """The key that a request carries; all keys are compared, each in constant time."""
        kind, _, value = headers.get("authorization", "").partition(" ")
        secret = value.strip() if kind.lower() == "bearer" else headers.get("x-api-key", "")
        given = _digest(secret.encode("utf-8", "replace"))
        found = None
        for key, digest in self._keys:
            if hmac.compare_digest(digest, given):
                found = key
        return found


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()


def _period(rate: Any) -> str:
    name = str(rate.GRANULARITY.name)
    return name if rate.multiples == 1 else f"{rate.multiples} {name}s"


def _headers(scope: Scope) -> dict[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}


def _with_ours(headers: Any, id: str) -> list[tuple[bytes, bytes]]:
    given = {name.lower() for name, _ in headers}
    added = {**HEADERS, "X-Request-Id": id}
    return [*headers, *((name.lower().encode(), value.encode()) for name, value in added.items()
                        if name.lower().encode() not in given)]  # fmt: skip


def _bounded(scope: Scope, receive: Receive) -> Receive:
    """The body, which is refused (413) once it is longer than its path allows."""
    most = SIZES.get(str(scope["path"]), MOST_JSON)
    too_large = f"The body may have {most:,} bytes at most here."
    declared = _headers(scope).get("content-length", "0")
    if not declared.isdecimal() or len(declared) > 15 or int(declared) > most:
        raise Refused(413, too_large, {"Connection": "close"})
    read = 0

    async def call() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > most:
            raise HTTPException(413, too_large, {"Connection": "close"})
        return message

    return call


async def _drain(receive: Receive) -> None:
    read, more = 0, True
    while more and read < DRAINED:
        message = await receive()
        read += len(message.get("body", b""))
        more = message["type"] == "http.request" and message.get("more_body", False)


async def _refuse(refused: Refused, scope: Scope, receive: Receive, send: Send) -> None:
    with suppress(ClientDisconnect):
        await JSONResponse({"error": str(refused)}, refused.status, refused.headers)(scope, receive, send)


def _route(scope: Scope, mine: bool) -> str:
    """Returns the path of the matching route, so that figures and logs contain no text of clients."""
    if not mine:
        return "studio"
    route = scope.get("route")
    return str(getattr(route, "path", "other"))
