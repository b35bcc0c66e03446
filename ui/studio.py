"""The Studio as a server: one page for each language, and nothing else on the network.

Each language is a Gradio app of its own (`/` and `/zh/`), so that a page arrives in its language and nothing has to be
translated later. `?lang=zh` leads from one to the other and keeps the rest of a link.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Sequence
from typing import Any, Protocol
from urllib.parse import parse_qs, urlencode

os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

import fastapi
import gradio as gr

from ui import beside, studio_choices, studio_parts
from ui.languages import DEFAULT, LANGUAGES, _, using
from ui.studio_models import warm
from ui.studio_theme import ICON, SHEET, theme
from ui.studio_uploads import LARGE_BYTES

MOST_WAITING = 60  # requests in the queue of a page
GRACE = 3  # seconds that pages in the making are given when the server ends
UPLOADS_LAST = 600  # seconds after which an upload that nobody fetched is deleted


# the selected tab is a part of the link, but for the first one, which needs no word: it is there before any is chosen
_REMEMBER = """() => {
  if (!window.ganscopeTab) { window.ganscopeTab = '%(tab)s'; if ('%(tab)s' === '%(first)s') return; }
  const next = new URLSearchParams(location.search), tab = '%(tab)s';
  if (tab === '%(first)s') next.delete('tab'); else next.set('tab', tab);
  const words = next.toString();
  history.replaceState(history.state, '', location.pathname + (words ? '?' + words : ''));
}"""


class Tab(Protocol):
    """What a module of `tabs/` offers."""

    TITLE: str
    ID: str

    def build(self, page: gr.Blocks, tab: gr.Tab) -> None: ...


def page(tabs: Sequence[Tab], language: str) -> gr.Blocks:
    """The page in one language."""
    with using(language), gr.Blocks(title="GANscope Studio", analytics_enabled=False,
                                    delete_cache=(UPLOADS_LAST, UPLOADS_LAST)) as made:  # fmt: skip
        gr.HTML(studio_parts.head(), apply_default_css=False)
        with gr.Tabs() as places:
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
        studio_choices.connect(made)
    made.queue(max_size=MOST_WAITING, default_concurrency_limit=2)
    page_made: gr.Blocks = made
    return page_made


def tab_of(link: str, ids: Sequence[str]) -> str:
    """The tab that a link names, else the first one."""
    asked = parse_qs(link.lstrip("?")).get("tab", [""])[-1]
    return asked if asked in ids else ids[0]


def app(tabs: Sequence[Tab], word: str = "") -> fastapi.FastAPI:
    """All pages as one server; by its word it is known again."""
    made = fastapi.FastAPI(openapi_url=None)
    made.get(beside.WHO)(lambda: fastapi.responses.PlainTextResponse(word))
    made.middleware("http")(_by_language)
    looks: dict[str, Any] = {
        "theme": theme(), "css_paths": [SHEET], "footer_links": ["api"], "run_history": False, "ssr_mode": False,
        "show_error": False, "max_file_size": LARGE_BYTES, "pwa": False, "mcp_server": False,
    }  # fmt: skip
    for language in sorted(LANGUAGES, key=lambda one: one == DEFAULT):  # the page at "/" would catch all others' paths
        default = language == DEFAULT
        path = "/" if default else f"/{language}"
        gr.mount_gradio_app(made, page(tabs, language), path, favicon_path=str(ICON) if default else None, **looks)
    return made


async def _by_language(request: fastapi.Request, go_on: Any) -> fastapi.Response:
    """Leads a visitor to the page of the language that the link or the browser asks for."""
    paths = {language: "/" if language == DEFAULT else f"/{language}/" for language in LANGUAGES}
    here = next((language for language, path in paths.items() if request.url.path in (path, path.rstrip("/"))), None)
    if here is None or request.method != "GET" or "text/html" not in request.headers.get("accept", ""):
        return await go_on(request)  # type: ignore[no-any-return]
    asked = request.query_params.get("lang")
    if asked not in LANGUAGES:
        prefers = request.headers.get("accept-language", "").lower()
        asked = "zh" if here == DEFAULT and prefers.startswith("zh") else here
    if asked == here:
        return await go_on(request)  # type: ignore[no-any-return]
    rest = {name: values[-1] for name, values in parse_qs(request.url.query).items()} | {"lang": asked}
    prefix = str(request.scope.get("root_path", "")).rstrip("/")
    return fastapi.responses.RedirectResponse(f"{prefix}{paths[asked]}?{urlencode(rest)}", 307)


def serve(tabs: Sequence[Tab]) -> None:
    """Runs until it is stopped. `GRADIO_SERVER_NAME` and `GRADIO_SERVER_PORT` say where."""
    import uvicorn

    host = os.environ.get("GRADIO_SERVER_NAME", "0.0.0.0" if os.environ.get("SPACE_ID") else "127.0.0.1")
    port = int(os.environ.get("GRADIO_SERVER_PORT", "7860"))
    check_port(host, port)
    notice = beside.Notice(host, port, beside.new_word())
    print(beside.BUILDING, flush=True)
    made = app(tabs, notice.word)
    threading.Thread(target=warm, name="warm-up", daemon=True).start()
    server = uvicorn.Server(
        uvicorn.Config(made, host=host, port=port, log_level="warning", timeout_graceful_shutdown=GRACE)
    )
    if beside.CHILD in os.environ:
        threading.Thread(target=_end_with_input, args=(server,), name="end", daemon=True).start()
    print(f"{beside.OPENING} http://{beside.bracketed(host)}:{port}", flush=True)
    with beside.announced(notice):
        server.run()


def _end_with_input(server: Any) -> None:
    """Ends the server once the process that started it has gone."""
    sys.stdin.buffer.read()
    server.should_exit = True


def check_port(host: str, port: int) -> None:
    """Ends the program with a sentence where something else listens at the port."""
    if why := beside.why_taken(host, port):
        sys.exit(f"Port {port} can't be used ({why}). Choose another one: GRADIO_SERVER_PORT={port + 1}")
