"""What a page may load, as headers of every answer. Both front ends build their pages with inline scripts and styles of
their frameworks, so those are allowed; nothing is loaded from, or sent to, another server.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

POLICY = {
    "default-src": "'self'",
    "script-src": "'self' 'unsafe-inline' 'unsafe-eval' 'wasm-unsafe-eval' blob:",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "media-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' data: blob:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
}
OTHERS = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Permissions-Policy": "geolocation=()"}


class SecurityHeaders:
    """Adds them to answers that don't have them. An ASGI middleware.

    `changes` replace parts of POLICY; "" leaves one out.
    """

    def __init__(self, app: ASGIApp, changes: Mapping[str, str] | None = None) -> None:
        self.app = app
        policy = "; ".join(f"{name} {value}" for name, value in (POLICY | dict(changes or {})).items() if value)
        added = {"Content-Security-Policy": policy, **OTHERS}
        self._added = [(name.lower().encode(), value.encode()) for name, value in added.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = list(message.get("headers", ()))
                given = {name.lower() for name, _ in headers}
                message = {**message, "headers": headers + [one for one in self._added if one[0] not in given]}
            await send(message)

        await self.app(scope, receive, sent)
