"""Previews of shared links: title, description and picture.

Preview bots read the page's head and run no scripts, so the tags are part of the HTML (Open Graph, ogp.me, and Twitter
cards), in the page's language. The picture is generated on request: small, cached, and one at a time.
"""

from __future__ import annotations

import gzip
import json
import logging
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import parse_qs, urlencode

import anyio
import fastapi
from PIL import Image

from gan_core.errors import GanscopeError
from ui.languages import _, using
from ui.studio.models.opened import offered, opened
from ui.studio.models.runs import is_run
from ui.studio.view.pictures import marked, picture
from ui.studio.view.view import View, parsed
from ui.studio.view.words import class_choices, direction_words
from ui.studio.widgets import parts as studio_parts
from ui.texts import titles

logger = logging.getLogger(__name__)
PATH = "/preview.png"
NAME = "GANscope Studio"
LARGEST = 600  # maximum side of a preview in pixels
LOCALES = {"en": "en_US", "zh": "zh_CN"}
BROWSER = {"en": "en", "zh": "zh-CN"}  # languages in which Gradio has its own words
PARTS = ("model", "seed", "psi", "class", "edits", "point")  # query parameters that select the view
LONGEST = 4.0  # seconds that a page waits for its description: bots give up soon after
KEPT = 64  # number of cached pictures
FRESH = 3600  # max-age in seconds: the newest checkpoint of a run changes
BURST, EACH = 20, 2.0  # rate limit per address: burst size, and seconds per further picture
ADDRESSES = 1_024  # number of addresses remembered
TURN = 10.0  # seconds that a picture waits for the previous one
_TAG = re.compile(rb"""\s*<meta\s+(?:property|name)="(?:og|twitter):[^>]*>""")
_CHARSET = b'<meta charset="utf-8" />'  # must be among the first bytes
_HOST = re.compile(r"[\w.\-]+(:\d+)?|\[[\da-fA-F:]+\](:\d+)?", re.ASCII)


@dataclass(frozen=True)
class Preview:
    """`view` is the query that selects the view, None without a model; `tab` selects the tab."""

    title: str
    words: str
    view: str | None
    tab: str = ""
    alt: str = ""


def about(query: str, tabs: Mapping[str, str]) -> Preview:
    """Returns the preview of a link. Invalid parts are ignored, as on the page.

    `tabs`: titles by id, in the page's language; the first tab isn't named in links.
    """
    view, _problems = parsed(query)
    if view is None:
        return unopened(query, tabs)
    asked = parse_qs(query)
    named, tab = any(part in asked for part in PARTS), _tab(asked, tabs)
    title = _title(tabs.get(tab), titles(offered()).get(view.model) if named else None)
    return Preview(title, _sentences(view) if named else _about_all(), view.query(), tab, studio_parts.alt(view))


def unopened(query: str, tabs: Mapping[str, str]) -> Preview:
    """Returns the preview while no model is loaded and there is no time to wait."""
    asked = parse_qs(query)
    kept, tab = {part: asked[part][-1] for part in PARTS if part in asked}, _tab(asked, tabs)
    cards = offered()
    title = _title(tabs.get(tab), titles(cards).get(kept.get("model", "")))
    return Preview(title, _about_all(), urlencode(kept, safe=":*@,") if cards else None, tab, title)


def _title(*parts: str | None) -> str:
    return " · ".join(filter(None, (*parts, NAME)))


def _about_all() -> str:
    return _("Move a slider to change a drawn face. Mix, drag, translate and enlarge pictures, and look inside the "
             "networks.")  # fmt: skip


def _tab(asked: Mapping[str, list[str]], tabs: Mapping[str, str]) -> str:
    """Returns the tab of a link, "" for the first one."""
    name = asked.get("tab", [""])[-1]
    return name if name in [*tabs][1:] else ""


def _sentences(view: View) -> str:
    model = opened(view.model)
    facts = [studio_parts.alt(view)]
    if view.label is not None:
        facts.append(_("class {name}").format(name=class_choices(model)[view.label][0]))
    if model.truncates:
        facts.append(_("truncation {psi:g}").format(psi=view.psi))
    facts += [f"{direction_words(change.direction)} {change.strength:+g}" for change in view.changes]
    return " · ".join(facts)


# --- the page's head -------------------------------------------------------------------------------------------------


async def with_tags(request: fastapi.Request, go_on: Any, language: str, tabs: Mapping[str, str]) -> fastapi.Response:
    """Returns the page with preview tags in its head."""
    origin, path = origin_of(request), request.url.path  # overwritten by the page's app
    zipped = "gzip" in request.headers.get("accept-encoding", "")
    request.scope["headers"] = [one for one in request.scope["headers"] if one[0] != b"accept-encoding"]
    response: fastapi.Response = await go_on(request)
    if not response.headers.get("content-type", "").startswith("text/html"):
        return response
    html = b"".join([part async for part in response.body_iterator])  # type: ignore[attr-defined]
    preview = await _described(request.url.query, language, tabs)
    with using(language):
        tags = _tags(preview, origin, path, language)
    head, script, rest = html.partition(b"<script")  # the rest contains the whole page as JSON
    head = _TAG.sub(b"", head).replace(b'lang="en"', f'lang="{language}"'.encode(), 1)
    start, charset, end = head.partition(_CHARSET)
    html = start + charset + b"\n" + tags.encode() + end + script + rest
    kept = {name: value for name, value in response.headers.items() if name not in ("content-length", "etag")}
    if zipped:
        html = gzip.compress(html, 5)
        kept |= {"content-encoding": "gzip"}
    return fastapi.Response(html, response.status_code, kept | {"vary": "accept-encoding, accept-language"})


async def _described(query: str, language: str, tabs: Mapping[str, str]) -> Preview:
    def work() -> Preview:
        with using(language):
            return about(query, tabs)

    try:
        with anyio.move_on_after(LONGEST):
            return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
    except GanscopeError:  # no model can be opened: the page reports it
        pass
    except Exception:  # a description must never cost the page
        logger.exception("the link %r can't be described", query[:200])
    with using(language):
        return unopened(query, tabs)


def origin_of(request: fastapi.Request) -> str:
    """Returns the Studio's public address, also behind a proxy, without a trailing slash."""
    headers = request.headers
    host = headers.get("x-forwarded-host", headers.get("host", "")).partition(",")[0].strip()
    scheme = headers.get("x-forwarded-proto", request.url.scheme).partition(",")[0].strip()
    if not _HOST.fullmatch(host):
        host = "localhost"
    prefix = str(request.scope.get("root_path", "")).rstrip("/")
    return f"{'https' if scheme == 'https' else 'http'}://{host}{prefix}"


def _tags(preview: Preview, origin: str, path: str, language: str) -> str:
    link = "&".join(filter(None, [preview.view, urlencode({"tab": preview.tab}) if preview.tab else ""]))
    properties = {
        "og:site_name": "GANscope", "og:type": "website", "og:title": preview.title, "og:description": preview.words,
        "og:url": f"{origin}{path.rstrip('/')}/{'?' if link else ''}{link}", "og:locale": LOCALES[language],
    }  # fmt: skip
    names = {"description": preview.words, "twitter:card": "summary", "twitter:title": preview.title,
             "twitter:description": preview.words}  # fmt: skip
    if preview.view is not None:
        image = f"{origin}{PATH}?{preview.view}"
        properties |= {"og:image": image, "og:image:type": "image/png", "og:image:alt": preview.alt}
        names |= {"twitter:image": image, "twitter:image:alt": preview.alt}
    lines = [f"<title>{escape(preview.title)}</title>"]
    for key, tags in (("property", properties), ("name", names)):
        lines += [f'<meta {key}="{name}" content="{escape(content)}" />' for name, content in tags.items()]
    # Gradio takes the language of its own words, such as those of boxes for files, from the browser
    spoken = json.dumps(BROWSER[language])
    lines.append(f"<script>Object.defineProperty(navigator, 'language', {{value: {spoken}}});</script>")
    return "\t\t" + "\n\t\t".join(lines)


# --- the picture -----------------------------------------------------------------------------------------------------


class Pictures:
    """The pictures of previews: generated one at a time, cached, rate-limited per address."""

    def __init__(self) -> None:
        self._kept: OrderedDict[str, tuple[View, str, bytes]] = OrderedDict()  # link -> view, its model's sha256, PNG
        self._asked: OrderedDict[str, tuple[float, float]] = OrderedDict()  # (tokens left, time)
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def __call__(self, request: fastapi.Request) -> fastapi.Response:
        """Returns the link's picture as PNG; 404 without a model, 429 for too many requests."""
        query = request.url.query
        try:
            content = self._known(query)
            if content is None:
                if not self._may(request.client.host if request.client else ""):  # reading a link can take seconds
                    return _later(EACH)
                if not self._turn.acquire(timeout=TURN):
                    return _later(TURN)
                try:
                    content = self._known(query) or self._drawn(query)
                finally:
                    self._turn.release()
        except GanscopeError:
            return fastapi.Response(status_code=404)
        if not content:
            return fastapi.Response(status_code=404)
        return fastapi.Response(content, media_type="image/png", headers={"cache-control": f"public, max-age={FRESH}"})

    def _known(self, query: str) -> bytes | None:
        """Returns the cached picture of a link, unless the model was replaced since."""
        with self._lock:
            if query not in self._kept:
                return None
            self._kept.move_to_end(query)
            view, sha256, content = self._kept[query]
        return content if opened(view.model).card.sha256 == sha256 else None

    def _drawn(self, query: str) -> bytes:
        """Returns the picture of a link, empty without a model."""
        view, _problems = parsed(query)
        if view is None:
            return b""
        content, sha256 = content_of(view), opened(view.model).card.sha256
        if not is_run(view.model):  # the same link shows a newer checkpoint later
            with self._lock:
                self._kept[query] = view, sha256, content
                while len(self._kept) > KEPT:
                    self._kept.popitem(last=False)
        return content

    def _may(self, address: str) -> bool:
        """Whether an address may request another picture."""
        with self._lock:
            now = time.monotonic()
            left, then = self._asked.get(address, (float(BURST), now))
            left = min(float(BURST), left + (now - then) / EACH)
            self._asked[address] = (left - 1 if left >= 1 else left), now
            self._asked.move_to_end(address)
            while len(self._asked) > ADDRESSES:
                self._asked.popitem(last=False)
            return left >= 1


def content_of(view: View) -> bytes:
    """Returns the picture as PNG with its settings, in preview size."""
    image = picture(view, LARGEST)
    image.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    return marked(image, view.query())


def _later(seconds: float) -> fastapi.Response:
    return fastapi.Response("", 429, headers={"retry-after": f"{seconds:.0f}"})
