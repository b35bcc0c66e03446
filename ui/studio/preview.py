"""What a shared link shows before it is opened: title, words and picture of its view.

Programs that make previews read the page's head and run no script, so that these stand in the HTML itself (Open Graph,
ogp.me, and Twitter's cards), in the page's language. The picture is drawn when it is asked for: small, remembered, and
one at a time.
"""

from __future__ import annotations

import gzip
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
from ui.studio.view.pictures import marked, picture
from ui.studio.view.view import View, parsed
from ui.studio.view.words import class_choices, direction_words
from ui.studio.widgets import parts as studio_parts

PATH = "/preview.png"
NAME = "GANscope Studio"
LARGEST = 600  # pixels of a preview's sides at most
LOCALES = {"en": "en_US", "zh": "zh_CN"}
PARTS = ("model", "seed", "psi", "class", "edits", "point")  # of a link, that name its view
LONGEST = 4.0  # seconds that a page waits for its words: programs that make previews give up after few more
KEPT = 64  # pictures remembered
FRESH = 3600  # seconds that others may keep one: a run's newest checkpoint changes
BURST, EACH = 20, 2.0  # pictures that one address may ask for at once, and seconds until it may ask for another
ADDRESSES = 1_024  # remembered at once
TURN = 10.0  # seconds that a picture waits for the one before it
_TAG = re.compile(rb"""\s*<meta\s+(?:property|name)="(?:og|twitter):[^>]*>""")
_CHARSET = b'<meta charset="utf-8" />'  # which must stand among the first bytes
_HOST = re.compile(r"[\w.\-]+(:\d+)?|\[[\da-fA-F:]+\](:\d+)?", re.ASCII)


@dataclass(frozen=True)
class Preview:
    """`view` is the part of a link that names the view, None where there is no model at all; `tab` that of the tab."""

    title: str
    words: str
    view: str | None
    tab: str = ""
    alt: str = ""


def about(query: str, tabs: Mapping[str, str]) -> Preview:
    """What the page says of a link. What of it can't be had is left out, as the page does.

    `tabs` are the titles by name, in the page's language; the first one needs no word.
    """
    view, _problems = parsed(query)
    if view is None:
        return unopened(query, tabs)
    asked = parse_qs(query)
    named, tab = any(part in asked for part in PARTS), _tab(asked, tabs)
    title = _title(tabs.get(tab), _(opened(view.model).card.title) if named else None)
    return Preview(title, _sentences(view) if named else _about_all(), view.query(), tab, studio_parts.alt(view))


def unopened(query: str, tabs: Mapping[str, str]) -> Preview:
    """The same where no model is open yet, and nobody can wait for it."""
    asked = parse_qs(query)
    kept, tab = {part: asked[part][-1] for part in PARTS if part in asked}, _tab(asked, tabs)
    cards = offered()
    title = _title(tabs.get(tab), _(cards[kept["model"]].title) if kept.get("model") in cards else None)
    return Preview(title, _about_all(), urlencode(kept, safe=":*@,") if cards else None, tab, title)


def _title(*parts: str | None) -> str:
    return " · ".join(filter(None, (*parts, NAME)))


def _about_all() -> str:
    return _("Move a slider to change a drawn face. Mix, drag, translate and enlarge pictures, and look inside the "
             "networks.")  # fmt: skip


def _tab(asked: Mapping[str, list[str]], tabs: Mapping[str, str]) -> str:
    """The tab of a link, "" for the first one, which is there without a word."""
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
    """The page, with a head that tells of the link that it was asked by."""
    origin, path = _origin(request), request.url.path  # which the page's app writes over
    zipped = "gzip" in request.headers.get("accept-encoding", "")
    request.scope["headers"] = [one for one in request.scope["headers"] if one[0] != b"accept-encoding"]
    response: fastapi.Response = await go_on(request)
    if not response.headers.get("content-type", "").startswith("text/html"):
        return response
    html = b"".join([part async for part in response.body_iterator])  # type: ignore[attr-defined]
    preview = await _told(request.url.query, language, tabs)
    with using(language):
        tags = _tags(preview, origin, path, language)
    head, script, rest = html.partition(b"<script")  # what follows holds the whole page as JSON
    head = _TAG.sub(b"", head).replace(b'lang="en"', f'lang="{language}"'.encode(), 1)
    start, charset, end = head.partition(_CHARSET)
    html = start + charset + b"\n" + tags.encode() + end + script + rest
    kept = {name: value for name, value in response.headers.items() if name not in ("content-length", "etag")}
    if zipped:
        html = gzip.compress(html, 5)
        kept |= {"content-encoding": "gzip"}
    return fastapi.Response(html, response.status_code, kept | {"vary": "accept-encoding, accept-language"})


async def _told(query: str, language: str, tabs: Mapping[str, str]) -> Preview:
    def work() -> Preview:
        with using(language):
            return about(query, tabs)

    try:
        with anyio.move_on_after(LONGEST):
            return await anyio.to_thread.run_sync(work, abandon_on_cancel=True)
    except GanscopeError:  # no model can be opened: the page tells it
        pass
    with using(language):
        return unopened(query, tabs)


def _origin(request: fastapi.Request) -> str:
    """The address of the whole Studio as its visitors know it, behind a proxy too, without a slash at the end."""
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
    return "\t\t" + "\n\t\t".join(lines)


# --- the picture -----------------------------------------------------------------------------------------------------


class Pictures:
    """The previews' pictures: one drawn at a time, the last ones remembered, few for each address."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[View, str], bytes] = OrderedDict()
        self._asked: OrderedDict[str, tuple[float, float]] = OrderedDict()  # what is left, and when that was so
        self._lock = threading.Lock()
        self._turn = threading.Lock()

    def __call__(self, request: fastapi.Request) -> fastapi.Response:
        """The picture of the link's view as PNG; 404 where there is no model, 429 where too many are asked for."""
        try:
            view, _problems = parsed(request.url.query)
            if view is None:
                return fastapi.Response(status_code=404)
            key = view, opened(view.model).card.sha256
            content = self._known(key)
            if content is None:
                if not self._may(request.client.host if request.client else ""):
                    return _later(EACH)
                if not self._turn.acquire(timeout=TURN):
                    return _later(TURN)
                try:
                    content = self._known(key) or self._drawn(key)
                finally:
                    self._turn.release()
        except GanscopeError:
            return fastapi.Response(status_code=404)
        return fastapi.Response(content, media_type="image/png", headers={"cache-control": f"public, max-age={FRESH}"})

    def _known(self, key: tuple[View, str]) -> bytes | None:
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def _drawn(self, key: tuple[View, str]) -> bytes:
        content = content_of(key[0])
        with self._lock:
            self._kept[key] = content
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        return content

    def _may(self, address: str) -> bool:
        """Whether an address may ask for one more."""
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
    """The picture as PNG with its settings inside, as large as previews are shown."""
    image = picture(view)
    image.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
    return marked(image, view.query())


def _later(seconds: float) -> fastapi.Response:
    return fastapi.Response("", 429, headers={"retry-after": f"{seconds:.0f}"})
