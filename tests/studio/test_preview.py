"""What a shared link shows before it is opened, by plain HTTP as programs that make previews ask."""

from __future__ import annotations

import gzip
import io
import re
import urllib.error
import urllib.request
from html import unescape
from urllib.parse import quote

import pytest
from PIL import Image

from tests.studio_serving import STYLED, Studio
from ui.studio.preview import BURST, LARGEST, Pictures
from ui.studio.view.pictures import settings_in

LINK = f"model={STYLED}&seed=4&psi=0.5&edits=PCA 1*2"


def asked(url: str, **headers: str) -> tuple[bytes, dict[str, str]]:
    request = urllib.request.Request(quote(url, safe=":/?&=*%,+"), headers={"User-Agent": "Twitterbot/1.0"} | headers)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return answer.read(), dict(answer.headers)


def tags(url: str, **headers: str) -> dict[str, str]:
    """Of the page's head, each of which must be there once; `lang` and `title` among them."""
    html = asked(url, **headers)[0].decode().partition("<script")[0]
    pairs = re.findall(r'<meta\s+(?:property|name)="([\w:]+)"\s+content="([^"]*)"', html)
    assert len({name for name, _content in pairs}) == len(pairs)
    (title,) = re.findall("<title>(.*)</title>", html)
    (lang,) = re.findall('lang="(.*)"', html)
    return {name: unescape(content) for name, content in pairs} | {"title": unescape(title), "lang": lang}


def seeds_asked(studio: Studio, count: int) -> None:
    for seed in range(100, 100 + count):
        asked(f"{studio.url}/preview.png?model={STYLED}&seed={seed}")


def drawn(studio: Studio, query: str) -> Image.Image:
    with Image.open(io.BytesIO(asked(f"{studio.url}/preview.png?{query}")[0]), formats=("PNG",)) as image:
        image.load()
        return image


@pytest.fixture
def warm(studio: Studio) -> Studio:
    """The models are open, and pages tell of them at once: a busy machine may take longer than they wait."""
    for query in (f"model={STYLED}&seed=4", "model=cgan.tiny&class=3"):
        for _ in range(30):
            drawn(studio, query)
            if "seed" in tags(f"{studio.url}/?{query}")["og:description"]:
                break
    return studio


def test_a_link_shows_the_picture_that_the_page_would_draw(warm: Studio) -> None:
    found = tags(f"{warm.url}/?{LINK}&tab=mixing&fbclid=x")
    assert found["title"] == found["og:title"] == found["twitter:title"] == (
        "Style mixing · Tiny StyleGAN2 · GANscope Studio"
    )  # fmt: skip
    words = "A picture by the model Tiny StyleGAN2, seed 4 · truncation 0.5 · Variation 1 +2"
    assert found["og:description"] == found["twitter:description"] == found["description"] == words
    assert found["og:image"] == found["twitter:image"]
    assert found["og:image"].startswith(f"{warm.url}/preview.png?")
    assert found["og:url"] == f"{warm.url}/?model={STYLED}&seed=4&psi=0.5&edits=PCA+1*2&tab=mixing"
    assert (found["twitter:card"], found["og:locale"], found["lang"]) == ("summary", "en_US", "en")
    image = drawn(warm, found["og:image"].partition("?")[2])
    assert 400 <= max(image.size) <= LARGEST
    assert settings_in(image) == f"model={STYLED}&seed=4&psi=0.5&edits=PCA+1*2"
    assert image.tobytes() != drawn(warm, LINK.replace("seed=4", "seed=5")).tobytes()


def test_in_the_language_of_the_link(warm: Studio) -> None:
    for address in ("/zh/?model=cgan.tiny&class=3&seed=1", "/?model=cgan.tiny&class=3&seed=1&lang=zh"):
        found = tags(warm.url + address)
        assert found["og:description"] == "模型“Tiny Conditional GAN”的图像，种子 1 · 类别 3"
        assert (found["og:locale"], found["lang"]) == ("zh_CN", "zh")
        assert found["og:url"].startswith(f"{warm.url}/zh/?")
        assert found["og:image"].startswith(f"{warm.url}/preview.png?")
    assert tags(f"{warm.url}/zh/?tab=drag")["og:title"] == "拖动 · GANscope Studio"


@pytest.mark.parametrize("path", ["/", "/zh/"])
def test_nothing_of_the_framework_is_left(studio: Studio, path: str) -> None:
    found = tags(studio.url + path)
    assert not [name for name, content in found.items() if "gradio" in content.lower()]
    assert not {"twitter:creator"} & set(found)
    assert found["og:title"] == found["title"] == "GANscope Studio"
    assert drawn(studio, found["og:image"].partition("?")[2]).size


@pytest.mark.parametrize(
    "query",
    ["model=nobody", "seed=-1&psi=nan", 'edits="><script>alert(1)</script>*2', "class=99&tab=nowhere", "x" * 5000,
     "model=%00%ff&seed=1e999", "edits=PCA 1*99,PCA 1*1@0-999"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/zh/"])
def test_a_bad_link_shows_what_the_page_shows_instead(warm: Studio, path: str, query: str) -> None:
    found = tags(f"{warm.url}{path}?{query}")
    assert "GANscope Studio" in found["og:title"]
    assert "alert" not in "".join(found.values())
    assert drawn(warm, found["og:image"].partition("?")[2]).tobytes() == drawn(warm, query).tobytes()


def test_behind_a_proxy_addresses_are_those_that_visitors_know(studio: Studio) -> None:
    proxied = {"X-Forwarded-Host": "me-mine.hf.space", "X-Forwarded-Proto": "https"}
    assert tags(studio.url, **proxied)["og:image"].startswith("https://me-mine.hf.space/preview.png?")
    assert tags(studio.url, **{"X-Forwarded-Host": '"><b'})["og:url"].startswith("http://localhost/")


def test_a_page_is_compressed_for_those_who_read_that(studio: Studio) -> None:
    content, headers = asked(studio.url, **{"Accept-Encoding": "gzip, br"})
    assert headers["content-encoding"] == "gzip"
    plain = [re.sub(rb"v-[\w-]+", b"v-", page) for page in (gzip.decompress(content), asked(studio.url)[0])]
    assert plain[0] == plain[1]  # but for each visitor's own address


def test_a_picture_is_drawn_once_and_few_are_drawn_for_one_address(warm: Studio) -> None:
    """The last test of this server: its address has asked for all that it may."""
    with pytest.raises(urllib.error.HTTPError) as caught:
        seeds_asked(warm, 2 * BURST)
    assert caught.value.code == 429
    assert int(caught.value.headers["retry-after"]) >= 1
    caught.value.close()
    _content, headers = asked(f"{warm.url}/preview.png?model={STYLED}&seed=100")  # is remembered
    assert headers["cache-control"] == "public, max-age=3600"


def test_an_address_may_ask_again_after_a_while_and_is_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("ui.studio.preview.time.monotonic", lambda: now)
    monkeypatch.setattr("ui.studio.preview.ADDRESSES", 2)
    pictures = Pictures()
    assert [pictures._may("one") for _ in range(BURST + 1)] == [True] * BURST + [False]
    assert pictures._may("two")
    now = 2.0
    assert [pictures._may("one"), pictures._may("one")] == [True, False]
    pictures._may("three")
    assert len(pictures._asked) == 2
