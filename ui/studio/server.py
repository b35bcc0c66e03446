"""The Studio's server: one page per language and nothing else.

Each language is a Gradio app of its own (`/` and `/zh/`), so that a page arrives in its language and needs no
translation later. `?lang=zh` redirects from one to the other and keeps the rest of a link.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import threading
from collections.abc import Sequence
from typing import Any, NoReturn, Protocol
from urllib.parse import parse_qs, urlencode

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
# for its monitoring page, which `gate` closes, Gradio keeps 10,000 calls and sums them up with pandas after each
os.environ.setdefault("GRADIO_ANALYTICS_MAX_EVENTS", "100")
os.environ.setdefault("GRADIO_ANALYTICS_CACHE_FREQUENCY", str(10**9))

import fastapi
import gradio as gr
from starlette.middleware.base import BaseHTTPMiddleware, RequestResponseEndpoint
from starlette.types import ASGIApp, Receive, Scope, Send

from gan_core.cores import release_while_waiting
from ui import ICON, studio_process
from ui.headers import POLICY, SecurityHeaders
from ui.languages import DEFAULT, LANGUAGES, _, using
from ui.studio import preview
from ui.studio.models.opened import warm
from ui.studio.requests import api
from ui.studio.requests.files import WORK, files
from ui.studio.requests.gate import guarded
from ui.studio.requests.memory import MOST_SESSIONS, bound_heaps, tidied
from ui.studio.requests.page import Page
from ui.studio.requests.uploads import LARGE_BYTES
from ui.studio.widgets import choices, faces, parts
from ui.studio.widgets.theme import SHEET, theme

release_while_waiting()  # else a picture of 0.02 s takes 1 s on a busy machine

MOST_WAITING = 60  # queue size of a page
# seconds between looks for something to do: Gradio's 1 ms took a twelfth of a core while nobody used the Studio
LOOK, LOOK_FOR_PROGRESS = 0.01, 0.05
GRACE = 3  # seconds for open requests when the server stops

# the selected tab is in the link, except the first one, which is selected by default
_REMEMBER = """() => {
  if (!window.ganscopeTab) { window.ganscopeTab = '%(tab)s'; if ('%(tab)s' === '%(first)s') return; }
  const next = new URLSearchParams(location.search), tab = '%(tab)s';
  if (tab === '%(first)s') next.delete('tab'); else next.set('tab', tab);
  const words = next.toString();
  history.replaceState(history.state, '', location.pathname + (words ? '?' + words : ''));
  const list = document.querySelector('#places select');
  if (list) list.value = tab;
}"""


class Tab(Protocol):
    """Interface of the modules in `tabs/`."""

    TITLE: str
    ID: str
    GROUP: str  # group of tabs in the list for narrow pages

    def build(self, page: gr.Blocks, tab: gr.Tab) -> None: ...


def page(tabs: Sequence[Tab], language: str) -> Page:
    """Builds the page in one language."""
    with using(language), Page(language, title="GANscope Studio", analytics_enabled=False) as made:
        gr.HTML(parts.head(), apply_default_css=False, js_on_load=parts.headings())
        listed = parts.places([(_(tab.GROUP), tab.ID, _(tab.TITLE)) for tab in tabs])
        with gr.Tabs(elem_id="tabs") as places:
            for tab in tabs:
                with gr.Tab(_(tab.TITLE), id=tab.ID, elem_id=f"tab-{tab.ID}") as place:
                    tab.build(made, place)
                place.select(None, js=_REMEMBER % {"tab": tab.ID, "first": tabs[0].ID}, api_visibility="private")
        link = gr.Textbox(visible=False)
        ids = [tab.ID for tab in tabs]
        made.load(
            lambda asked: gr.Tabs(selected=tab_of(asked, ids)), link, places, js="() => location.search",
            show_progress="hidden", queue=False, api_visibility="private",
        )  # fmt: skip
        listed.select(_selected, None, places, queue=False, show_progress="hidden", api_visibility="private")
        choices.connect(made)
        faces.connect(made, places)
        _hide(made)
        api.offer(made)
    made.queue(max_size=MOST_WAITING, default_concurrency_limit=2)
    made._queue.sleep_when_free, made._queue.progress_update_sleep_when_free = LOOK, LOOK_FOR_PROGRESS
    made.state_session_capacity = MOST_SESSIONS
    page_made: Page = made
    return page_made


def _hide(page: gr.Blocks) -> None:
    """Hides the page's own calls from the API, and reserves the API's names."""
    for fn in page.fns.values():
        if fn.api_visibility == "public":
            fn.api_visibility = "undocumented"
        if fn.api_name in api.NAMES:
            fn.api_name = f"page_{fn.api_name}"


def _selected(event: gr.EventData) -> gr.Tabs:
    """Handles the selection of a tab in the list."""
    return gr.Tabs(selected=str(getattr(event, "tab", "")))


def tab_of(link: str, ids: Sequence[str]) -> str:
    """Returns the tab in a link, else the first one."""
    asked = parse_qs(link.lstrip("?")).get("tab", [""])[-1]
    return asked if asked in ids else ids[0]


def app(tabs: Sequence[Tab], word: str = "") -> fastapi.FastAPI:
    """Returns all pages as one server; `word` identifies it."""
    pages: list[gr.Blocks] = []
    made = fastapi.FastAPI(openapi_url=None, lifespan=tidied(pages))
    made.get(studio_process.WHO)(lambda: fastapi.responses.PlainTextResponse(word))
    made.api_route(preview.PATH, methods=["GET", "HEAD"])(preview.Pictures().__call__)
    made.add_middleware(Pages, tabs=tabs)
    # the page of a Space is in a frame of the Hub, with a script that tells the frame how tall it is
    space = {"script-src": f"{POLICY['script-src']} https://cdnjs.cloudflare.com"} if os.environ.get("SPACE_ID") else {}
    made.add_middleware(SecurityHeaders, changes=space)
    looks: dict[str, Any] = {
        "theme": theme(), "css_paths": [SHEET], "footer_links": ["api"], "run_history": False, "ssr_mode": False,
        "show_error": False, "max_file_size": LARGE_BYTES, "pwa": False, "mcp_server": False,
    }  # fmt: skip
    for language in sorted(LANGUAGES, key=lambda one: one == DEFAULT):  # the page at "/" would match all other paths
        default = language == DEFAULT
        path = "/" if default else f"/{language}"
        made_page = page(tabs, language)
        pages.append(made_page)
        gr.mount_gradio_app(
            made, made_page, path, favicon_path=str(ICON) if default else None, app_kwargs=guarded(made_page), **looks
        )
    return made


class Pages:
    """Gives each page its preview, after its language was settled. An ASGI middleware.

    Everything else passes untouched: Starlette's own middleware for functions would log an error for each visitor who
    leaves before an answer has begun.
    """

    def __init__(self, app: ASGIApp, tabs: Sequence[Tab]) -> None:
        self.app = app
        self.titles = {}
        for language in LANGUAGES:
            with using(language):
                self.titles[language] = {tab.ID: _(tab.TITLE) for tab in tabs}
        self.paths = {language: "/" if language == DEFAULT else f"/{language}/" for language in LANGUAGES}
        self.answering = BaseHTTPMiddleware(app, self._answer)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = scope["type"] == "http" and scope["method"] == "GET" and self._here(scope["path"]) is not None
        await (self.answering if page else self.app)(scope, receive, send)

    def _here(self, asked: str) -> str | None:
        """The language of the page at a path; None where there is no page."""
        return next((one for one, path in self.paths.items() if asked in (path, path.rstrip("/"))), None)

    async def _answer(self, request: fastapi.Request, go_on: RequestResponseEndpoint) -> fastapi.Response:
        here = self._here(request.url.path) or DEFAULT
        asked = _language(request, here)
        if asked != here:
            rest = {name: values[-1] for name, values in parse_qs(request.url.query).items()} | {"lang": asked}
            prefix = str(request.scope.get("root_path", "")).rstrip("/")
            return fastapi.responses.RedirectResponse(f"{prefix}{self.paths[asked]}?{urlencode(rest)}", 307)
        try:
            return await preview.with_tags(request, go_on, here, self.titles[here])
        except RuntimeError:
            if await request.is_disconnected():  # there is no answer, and nobody is waiting for one
                return fastapi.Response(status_code=499)
            raise


def _language(request: fastapi.Request, here: str) -> str:
    """Returns the language of the link, else of the browser, else of the page."""
    asked = request.query_params.get("lang")
    if asked in LANGUAGES:
        return str(asked)
    browser = "text/html" in request.headers.get("accept", "")
    prefers = request.headers.get("accept-language", "").lower()
    return "zh" if here == DEFAULT and browser and prefers.startswith("zh") else here


def serve(tabs: Sequence[Tab]) -> None:
    """Runs the server until it is stopped. Configure it with `GRADIO_SERVER_NAME` and `GRADIO_SERVER_PORT`."""
    import uvicorn

    bound_heaps()
    host = os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0" if os.environ.get("SPACE_ID") else "127.0.0.1")
    port = int(os.environ.get("GRADIO_SERVER_PORT", "7860"))
    check_port(host, port)
    notice = studio_process.Notice(host, port, studio_process.new_word())
    files_of_this_process()
    print(studio_process.BUILDING, flush=True)
    made = app(tabs, notice.word)
    threading.Thread(target=warm, name="warm-up", daemon=True).start()
    server = uvicorn.Server(
        uvicorn.Config(made, host=host, port=port, log_level="warning", timeout_graceful_shutdown=GRACE)
    )
    if studio_process.CHILD in os.environ:
        threading.Thread(target=_end_with_input, args=(server,), name="end", daemon=True).start()
    signal.signal(signal.SIGTERM, _terminated)  # uvicorn raises it again after it has stopped
    print(f"{studio_process.OPENING} http://{studio_process.bracketed(host)}:{port}", flush=True)
    try:
        with studio_process.announced(notice):
            server.run()
    except Terminated:  # end at once, without waiting for threads
        files.close()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTERM)


class Terminated(BaseException):
    """The process received SIGTERM."""


def _terminated(*_caught: object) -> NoReturn:
    raise Terminated


def files_of_this_process() -> None:
    """Keeps all visitors' files in one folder, including temporary files of Gradio and callbacks."""
    folder = files.folder
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    work = folder / WORK
    work.mkdir(exist_ok=True)
    tempfile.tempdir = str(work)


def _end_with_input(server: Any) -> None:
    """Stops the server when the process that started it ends."""
    sys.stdin.buffer.read()
    server.should_exit = True


def check_port(host: str, port: int) -> None:
    """Exits with a message if the address can't be used."""
    if why := studio_process.why_taken(host, port):
        address = f"{studio_process.bracketed(host)}:{port}"
        sys.exit(
            f"{address} can't be used ({why}). Choose GRADIO_SERVER_PORT={port + 1} or another GRADIO_SERVER_NAME."
        )
