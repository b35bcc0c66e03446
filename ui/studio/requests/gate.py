"""HTTP access control of the Studio: a guard in front of each page's routes.

It strips the visitor's name from the address (`/gradio_api/v-NAME/...`), receives uploads, serves files to their
owners, and passes only the routes that the Studio uses, with valid bodies. Everything else gets a sentence in the
page's language and the right status code.
"""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qs

from gradio.route_utils import API_PREFIX, upload_fn
from gradio.routes import file_upload_statuses
from gradio.server_messages import UnexpectedErrorMessage
from starlette.formparsers import MultiPartException
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response

from ui.languages import _, using
from ui.studio.requests.checks import MOST_DEEP
from ui.studio.requests.files import VISITOR, files, name_of, names_of

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

MISTAKE = "ganscope.mistake"  # key in the request's scope: a list that is filled when an error is the server's fault
MOST_BODY = 8_000_000  # bytes of a call, enough for a drawing
MOST_SESSION = 200  # characters of a session name
NAME = re.compile(r"[A-Za-z0-9_-]{1,200}")
VISITOR_PATH = re.compile(rf"{API_PREFIX}/v-(?P<name>{NAME.pattern})(?=/)")
NAMED = re.compile(r"(?:run|api|call)/(?P<name>[^/]+)/?")
NAMED_VALUES = re.compile(r"call/v2/(?P<name>[^/]+)/?")
ANSWER = re.compile(r"call/(?:v2/)?(?P<name>[^/]+)/(?P<event>[^/]+)/?")
PLAIN = re.compile(
    r"info/?|openapi\.json|app_id/?|startup-events|upload_progress|queue/status|login_check/?|user/?|theme\.css"
)
# Gradio's pages that the Studio doesn't use
CLOSED = re.compile(r"/(?:monitoring|login|logout|gradio_api/deep_link)(?:/|$)")
FIELDS = {"data", "fn_index", "trigger_id", "session_hash", "event_data"}  # keys of a valid call
SHOWN = {".png": "image/png", ".gif": "image/gif", ".webp": "image/webp", ".jpg": "image/jpeg", ".mp4": "video/mp4"}


class Refused(Exception):
    """An answer with status and sentence."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def guarded(page: Any, app_kwargs: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Returns the app options that put the guard in front of a page's routes."""
    page.has_gate = True
    given = dict(app_kwargs or {})
    return {**given, "middleware": [*given.get("middleware", ()), Middleware(Gate, page=page)]}


class Gate:
    """The guard of one page, an ASGI middleware."""

    def __init__(self, app: Any, page: Any) -> None:
        self.app = app
        self.page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        scope = _known(scope)
        try:
            with using(self.page.language):
                answer = await self._answer(scope, receive, send)
        except Refused as refused:
            answer = JSONResponse({"detail": str(refused), "error": str(refused)}, refused.status)
        except ClientDisconnect:
            return
        if answer is not None:
            await answer(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> Response | None:
        """Returns the guard's own answer; None if it passed the request on. Raises Refused."""
        path = str(scope["path"]).removeprefix(str(scope.get("root_path", "")).rstrip("/"))
        if CLOSED.match(path):
            _unknown(path)
        if not path.startswith(f"{API_PREFIX}/"):
            await self.app(scope, receive, send)
            return None
        route = path.removeprefix(f"{API_PREFIX}/")
        reads = scope["method"] in ("GET", "HEAD")
        if reads and (route.startswith("file=")):
            return _file(scope, route.removeprefix("file="))
        if reads:
            return await self._reading(scope, receive, send, route)
        if scope["method"] == "OPTIONS":
            await self.app(scope, receive, send)
            return None
        if scope["method"] != "POST":
            raise Refused(405, _("Only GET and POST are allowed here."))
        if route == "upload":
            return await self._upload(Request(scope, receive))
        await self._calling(scope, receive, send, route)
        return None

    # --- reading -----------------------------------------------------------------------------------------------------

    async def _reading(self, scope: Scope, receive: Receive, send: Send, route: str) -> Response | None:
        if route.startswith("heartbeat/"):
            names = names_of(scope, route.removeprefix("heartbeat/")[:MOST_SESSION])
            files.came(names)
            try:
                await self.app(scope, receive, send)
            finally:
                files.left(names)
            return None
        queue = self.page._queue
        if route == "queue/data" and _query(scope, "session_hash") not in queue.pending_messages_per_session:
            lost = UnexpectedErrorMessage(
                message=_("This session is unknown. Please reload the page."), session_not_found=True
            )
            return PlainTextResponse(f"data: {lost.model_dump_json()}\n\n", media_type="text/event-stream")
        if found := ANSWER.fullmatch(route):
            known = found["event"] in queue.event_ids_to_events or any(
                found["event"] in events for events in queue.pending_event_ids_session.values()
            )
            if not known:
                raise Refused(404, _("There is no running call {event}.").format(event=found["event"][:40]))
        elif route != "queue/data" and not PLAIN.fullmatch(route):
            _unknown(route)
        await self.app(scope, receive, send)
        return None

    # --- calls -------------------------------------------------------------------------------------------------------

    async def _calling(self, scope: Scope, receive: Receive, send: Send, route: str) -> None:
        found, values = NAMED.fullmatch(route), NAMED_VALUES.fullmatch(route)
        if not found and not values and route.rstrip("/") not in ("queue/join", "cancel", "reset"):
            _unknown(route)
        body = _read(await _body(Request(scope, receive)))
        if values:
            self._named_values(values["name"], body)
        elif route.rstrip("/") == "reset":
            body = {"event_id": str(body.get("event_id", ""))}
        elif route.rstrip("/") == "cancel":
            body = {"session_hash": str(body.get("session_hash", "")), "fn_index": _whole(body, "fn_index") or 0,
                    "event_id": str(body.get("event_id", ""))}  # fmt: skip
        else:
            self._call(found["name"] if found else "", body)
            if (
                found
                and not route.startswith("call/")
                and not self.page.api_open
                and self._asked(found["name"], body).queue
            ):
                raise Refused(404, _("This call must be queued: send it to {address}.").format(
                    address=f"{API_PREFIX}/call/{found['name']}"[:60]))  # fmt: skip
        waits = values or route.startswith(("call/", "queue/"))
        if waits and len(self.page._queue) >= (self.page._queue.max_size or math.inf):
            raise Refused(429, _("Too many visitors are using the Studio right now. Try again in a minute."))
        try:
            content = json.dumps(body, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise Refused(400, _("The text in this call isn't valid Unicode.")) from None
        headers = [one for one in scope["headers"] if one[0] not in (b"content-type", b"content-length")]
        headers += [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
        ours: list[bool] = []
        scope = {**scope, "headers": headers, MISTAKE: ours}
        await self.app(scope, _replayed(content, receive), _fault_of_the_caller(ours, send))

    def _call(self, name: str, body: dict[str, Any]) -> None:
        """Checks a function call by number or name. Raises Refused."""
        fns = self.page.fns
        if not isinstance(body.get("data"), list):
            raise Refused(422, _('The body must be an object with a list named "data".'))
        if (number := _whole(body, "fn_index")) is not None:
            if number not in fns or not fns[number].fn:
                _unknown(str(number))
        elif name not in {fn.api_name for fn in fns.values() if fn.fn and fn.api_visibility != "private"}:
            raise Refused(404, _("There is no {kind} named '{name}'. Valid: {valid}.").format(
                kind=_("endpoint"), name=name[:40], valid=", ".join(self._public())))  # fmt: skip
        session = body.get("session_hash")
        if session is not None and (not isinstance(session, str) or len(session) > MOST_SESSION):
            raise Refused(422, _("The session name must be a text of at most {most} characters.").format(
                most=MOST_SESSION))  # fmt: skip
        _whole(body, "trigger_id")
        for unwanted in set(body) - FIELDS:
            del body[unwanted]
        event = body.get("event_data")  # places and flags, nothing that could refer to a file
        body["event_data"] = {
            key: value for key, value in (event if isinstance(event, dict) else {}).items()
            if key != "path" and not isinstance(value, dict | list)
        }  # fmt: skip

    def _asked(self, name: str, body: Mapping[str, Any]) -> Any:
        """Returns the function that a call refers to."""
        fns = self.page.fns
        return (
            fns[body["fn_index"]]
            if body.get("fn_index") is not None
            else next(fn for fn in fns.values() if fn.api_name == name)
        )

    def _named_values(self, name: str, body: dict[str, Any]) -> None:
        """Checks a call with named values. Raises Refused."""
        public = self._public()
        if name not in public:
            raise Refused(404, _("There is no {kind} named '{name}'. Valid: {valid}.").format(
                kind=_("endpoint"), name=name[:40], valid=", ".join(public)))  # fmt: skip
        parameters = self.page.get_api_info()["named_endpoints"][f"/{name}"]["parameters"]
        names = {one["parameter_name"] for one in parameters}
        for given in body:
            if given not in names:
                raise Refused(422, _("There is no {kind} named '{name}'. Valid: {valid}.").format(
                    kind=_("value"), name=given[:40], valid=", ".join(sorted(names))))  # fmt: skip
        for one in parameters:
            if not one["parameter_has_default"] and one["parameter_name"] not in body:
                raise Refused(422, _("This call needs a value named '{name}'.").format(name=one["parameter_name"]))

    def _public(self) -> list[str]:
        return sorted(str(fn.api_name) for fn in self.page.fns.values() if fn.fn and fn.api_visibility == "public")

    # --- uploads -----------------------------------------------------------------------------------------------------

    async def _upload(self, request: Request) -> Response:
        """Stores each uploaded file in its own folder and registers it, so that no other path leads there."""
        owner = name_of(request.scope, request.query_params.get("session_hash"))
        follow = request.query_params.get("upload_id")
        place = files.place()
        try:
            found, _copies, _places = await upload_fn(
                request, str(place), self.page.max_file_size or math.inf, follow, force_move=True,
                upload_progress=file_upload_statuses if follow else None,
            )  # fmt: skip
        except BaseException as error:
            shutil.rmtree(place, ignore_errors=True)
            if isinstance(error, MultiPartException) and "maximum allowed size" in str(error.message):
                most = int(self.page.max_file_size or 0) // 1_000_000
                return PlainTextResponse(_("The file is larger than {size} MB.").format(size=most), 413)
            if isinstance(error, ClientDisconnect) or not isinstance(error, Exception):
                raise
            return PlainTextResponse(_("The upload didn't arrive. Try again."), 400)
        for path in found:
            files.keep(path, owner, uploaded=True)
        return JSONResponse([str(path) for path in found])


def _known(scope: Scope) -> Scope:
    """Moves the visitor's name from the request's address to its scope."""
    found = VISITOR_PATH.search(str(scope["path"]))
    if not found:
        return scope
    path = str(scope["path"]).replace(found.group(), API_PREFIX, 1)
    return {**scope, "path": path, "raw_path": path.encode(), VISITOR: found["name"]}


def _file(scope: Scope, path: str) -> Response:
    """Serves a file of this visitor. Anything that a browser could execute is offered as a download."""
    if not files.owns(names_of(scope, _query(scope, "session_hash")), path) or not Path(path).is_file():
        raise Refused(404, _("This file doesn't exist, or it isn't yours."))
    kind = SHOWN.get(Path(path).suffix.lower())
    return FileResponse(
        path, headers={"X-Content-Type-Options": "nosniff", "Cache-Control": "private, no-store"},
        media_type=kind or "application/octet-stream", filename=Path(path).name,
        content_disposition_type="inline" if kind else "attachment",
    )  # fmt: skip


async def _body(request: Request) -> bytes:
    content = bytearray()
    async for part in request.stream():
        content += part
        if len(content) > MOST_BODY:
            raise Refused(413, _("The call is larger than {size} MB.").format(size=MOST_BODY // 1_000_000))
    return bytes(content)


def _read(content: bytes) -> dict[str, Any]:
    """Returns the JSON object of a body; raises Refused."""
    try:
        body = json.loads(content, parse_constant=_not_finite, parse_float=_finite)
    except (ValueError, RecursionError):
        raise Refused(400, _("The body must be JSON.")) from None
    if not isinstance(body, dict) or _too_deep(body, MOST_DEEP):
        raise Refused(422, _('The body must be an object with a list named "data".'))
    return body


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        _not_finite(text)
    return value


def _not_finite(text: str) -> NoReturn:
    raise Refused(400, _("Numbers must be finite: {value} isn't allowed.").format(value=text[:40]))


def _too_deep(value: Any, most: int) -> bool:
    """Whether lists and objects are nested deeper than `most`."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return most < 0 or any(_too_deep(one, most - 1) for one in inner)


def _whole(body: Mapping[str, Any], name: str) -> int | None:
    value = body.get(name)
    if value is not None and (isinstance(value, bool) or not isinstance(value, int)):
        raise Refused(422, _("{name} must be {kind}, not {value!r}.").format(
            name=name, kind=_("a whole number"), value=str(value)[:40]))  # fmt: skip
    return value


def _query(scope: Scope, name: str) -> str:
    with suppress(UnicodeDecodeError, ValueError):
        return str(parse_qs(scope["query_string"].decode()).get(name, [""])[-1])
    return ""


def _unknown(name: str) -> NoReturn:
    raise Refused(404, _("There is no such address: {address}").format(address=name[:60]))


def _replayed(content: bytes, receive: Receive) -> Receive:
    """Replays a body that was already read."""
    given = False

    async def call() -> MutableMapping[str, Any]:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": content, "more_body": False}

    return call


def _fault_of_the_caller(ours: list[bool], send: Send) -> Send:
    """Corrects Gradio's status 500 for errors of the caller; `ours` is filled if it is the server's fault."""

    async def call(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start" and message["status"] == 500 and not any(ours):
            message = {**message, "status": 400}
        await send(message)

    return call
