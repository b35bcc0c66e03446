"""The page Studio in a browser: it starts the Studio once, shows it in place, and leads to it from other computers."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import BrowserContext, FrameLocator, Page, expect

from gan_core.runs.store import RunStore
from tests.e2e.serving import Server, serving
from tests.made_models import make_model
from tests.made_runs import trained
from tests.studio_serving import STYLED
from ui.classroom.shell.offline import network_address

WAIT = 180_000  # milliseconds until the Studio has started
NAME = """mine"><img src=x onerror="window.broken=1">"""
DRAWN = re.compile(r"^data:image/")


@pytest.fixture(scope="module")
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def classroom(tmp_path_factory: pytest.TempPathFactory, port: int) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("home")
    make_model(STYLED, folder=home / "models" / STYLED)
    store = RunStore(home)
    trained(store, name=NAME)
    store.close()
    with serving(home, GRADIO_SERVER_PORT=str(port), OMP_NUM_THREADS="1") as running:
        yield running
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port))  # the Studio ended together with the classroom


def frame(page: Page) -> FrameLocator:
    expect(page.locator(".st-key-studio-frame iframe")).to_be_visible(timeout=WAIT)
    return page.frame_locator(".st-key-studio-frame iframe")


def test_the_studio_opens_in_place_and_is_the_same_for_all(
    classroom: Server, port: int, contexts: Callable[..., BrowserContext]
) -> None:
    page = contexts().new_page()
    page.goto(f"{classroom.url}/studio?model={STYLED}&seed=5")
    expect(page.locator("[data-testid=stMain]")).to_contain_text("Opening the Studio")
    face = frame(page).locator("#face img")
    expect(face).to_have_attribute("src", DRAWN, timeout=WAIT)
    drawn = face.get_attribute("src")
    frame(page).locator("#another").click()
    expect(face).not_to_have_attribute("src", drawn or "")

    other = contexts(locale="zh-CN").new_page()
    other.goto(f"{classroom.url}/studio?model={STYLED}&seed=5")
    expect(frame(other).locator("#face img")).to_have_attribute("src", drawn or "")
    expect(frame(other).locator("#another")).to_have_text("换一张")
    assert other.evaluate("document.documentElement.scrollWidth <= innerWidth")
    link = other.get_by_role("link", name="在新窗口中打开").get_attribute("href") or ""
    assert urlsplit(link).netloc == f"localhost:{port}"
    assert parse_qs(urlsplit(link).query) == {"model": [STYLED], "seed": ["5"], "lang": ["zh"]}


def test_on_a_phone_the_studio_has_a_tab_of_its_own(
    classroom: Server, port: int, contexts: Callable[..., BrowserContext]
) -> None:
    page = contexts(width=420, locale="zh-CN").new_page()
    page.goto(f"{classroom.url}/studio?model={STYLED}&seed=5")
    door = page.get_by_role("link", name="打开工作室")
    expect(door).to_be_visible(timeout=WAIT)
    expect(page.locator("iframe")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    with page.expect_popup() as opened:
        door.click()
    expect(opened.value.locator("#face img")).to_have_attribute("src", DRAWN)
    assert urlsplit(opened.value.url).netloc == f"localhost:{port}"


def test_by_another_name_of_this_computer_the_link_has_that_name(
    classroom: Server, port: int, contexts: Callable[..., BrowserContext]
) -> None:
    """As from another computer, which reaches this one by an address of the network."""
    name = network_address() or "127.0.0.1"
    page = contexts().new_page()
    page.goto(f"{classroom.url.replace('localhost', name)}/studio")
    expect(frame(page).locator("#face img")).to_have_attribute("src", DRAWN, timeout=WAIT)
    assert (page.locator("iframe").get_attribute("src") or "").startswith(f"http://{name}:{port}/")
    frame(page).locator("#copy-link").click()
    expect(frame(page).locator("#copy-link")).to_have_text("✓")


def test_a_run_opens_in_the_studio_from_its_card_and_its_page(
    classroom: Server, contexts: Callable[..., BrowserContext]
) -> None:
    page = contexts().new_page()
    page.goto(f"{classroom.url}/runs")
    page.locator("[class*=st-key-menu-] button").first.click()
    page.get_by_text("Open in the Studio").click()
    expect(page).to_have_url(re.compile(r"/studio\?model=run%3A"))
    expect(frame(page).locator("#face img")).to_have_attribute("alt", re.compile(re.escape(f"{NAME} · 2")))
    page.goto(f"{classroom.url}/runs")
    page.get_by_role("button", name="Open", exact=False).first.click()
    page.get_by_role("link", name="Open in the Studio").click()
    expect(frame(page).locator("#face img")).to_have_attribute("alt", re.compile(re.escape(f"{NAME} · 2")))
    assert not any(one.evaluate("window.broken") for one in page.frames)
