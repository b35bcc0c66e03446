"""The Runs page in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from gan_core.runs.store import RunState, RunStore
from tests.e2e.serving import Server, serving
from tests.made_runs import make_run

MARKUP = "<img src=x onerror=document.title=1> **b** :red[x]"


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own, so that a link to this page is the first thing it sees."""
    with serving(tmp_path_factory.mktemp("home")) as running:
        yield running


@pytest.fixture
def address(fresh: Server) -> str:
    return fresh.url


@pytest.fixture
def store(fresh: Server) -> Iterator[RunStore]:
    store = RunStore(fresh.home)
    for run in store.runs():
        store.delete(run.id)
    yield store
    store.close()


def test_a_link_to_this_page_is_drawn_within_the_app_by_a_fresh_server(
    page: Page, address: str, store: RunStore
) -> None:
    make_run(store)
    page.goto(f"{address}/runs")
    expect(page.get_by_role("link", name="Home")).to_be_visible()
    expect(page.get_by_text("finished")).to_be_visible()


def test_a_name_that_looks_like_markup_is_shown_as_text(page: Page, address: str, store: RunStore) -> None:
    id = make_run(store, "before")
    page.goto(f"{address}/runs")
    page.locator(f".st-key-menu-{id} button").first.click()
    page.get_by_text("Rename or add a note").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Name").fill(MARKUP)
    dialog.get_by_label("Note").fill("# no heading")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_be_hidden()
    card = page.locator(f".st-key-run-{id}")
    expect(card.get_by_text(MARKUP)).to_be_visible()
    expect(card.get_by_text("# no heading")).to_be_visible()
    assert card.locator("img[src=x]").count() == 0
    assert page.title() != "1"
    assert store.get(id).name == MARKUP
    page.goto(f"{address}/runs?compare={id}")
    expect(page.get_by_text(MARKUP).first).to_be_visible()
    assert page.locator("img[src=x]").count() == 0


def test_pin_and_delete_with_a_confirmation(page: Page, address: str, store: RunStore) -> None:
    kept, gone = make_run(store, "kept"), make_run(store, "gone")
    page.goto(f"{address}/runs")
    page.locator(f".st-key-pin-{kept} button").first.click()
    expect(page.locator(f".st-key-pin-{kept}").get_by_text("keep_off").first).to_be_visible()
    page.locator(f".st-key-menu-{gone} button").first.click()
    page.get_by_text("Delete", exact=True).click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("gone")
    assert len(store.runs()) == 2
    dialog.get_by_role("button", name="Delete").click()
    expect(page.locator(f".st-key-run-{gone}")).to_have_count(0)
    assert [(run.id, run.pinned) for run in store.runs()] == [(kept, True)]


def test_two_runs_are_compared_scrubbed_and_filmed(page: Page, address: str, store: RunStore, tmp_path: Path) -> None:
    first, second = make_run(store, "first"), make_run(store, "second", steps=(0, 4, 16), seed=1)
    page.goto(f"{address}/runs")
    for place, id in enumerate((first, second)):
        page.locator(f".st-key-tick-{id} label").click()
        expect(page.get_by_text(f"Selected: {'first' if place == 0 else 'first, second'}")).to_be_visible()
    page.locator(".st-key-compare button").first.click()
    expect(page.get_by_role("heading", name="Compare runs")).to_be_visible()
    samples = page.locator(".st-key-compare-samples")
    expect(samples.get_by_text("step 20 ")).to_be_visible()
    expect(samples.get_by_text("step 16 ")).to_be_visible()
    expect(page.locator(".curves figure")).to_have_count(3)
    expect(page.locator(".curves")).to_contain_text("second")
    shown = samples.locator("img").first.get_attribute("src")
    slider = page.get_by_role("slider")
    slider.focus()
    for _ in range(3):  # 20, 16, 10, 5
        slider.press("ArrowLeft")
    expect(samples.get_by_text("step 5 ")).to_be_visible()
    expect(samples.get_by_text("step 4 ")).to_be_visible()
    expect(page).to_have_url(f"{address}/runs?lang=en&compare={first}%2C{second}&step=5")
    assert samples.locator("img").first.get_attribute("src") != shown
    page.reload()
    expect(page.locator(".st-key-compare-samples").get_by_text("step 5 ")).to_be_visible()

    page.get_by_role("button", name="Make GIF").click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download ganscope-first-second.gif").click()
    film = tmp_path / "film.gif"
    download.value.save_as(film)
    with Image.open(film) as image:
        assert (image.format, image.n_frames) == ("GIF", 8)  # 0, 1, 2, 4, 5, 10, 16, 20


@pytest.mark.parametrize("lang", [pytest.param("en", marks=pytest.mark.release), "zh"])
def test_it_fits_a_phone(page: Page, address: str, store: RunStore, lang: str) -> None:
    ids = [make_run(store, "a name that is long enough for two lines " * 2, state=state) for state in RunState]
    page.set_viewport_size({"width": 420, "height": 900})
    for query in ("", f"&compare={ids[0]},{ids[1]}"):
        page.goto(f"{address}/runs?lang={lang}{query}")
        page.locator(f".st-key-{'compare-samples' if query else f'run-{ids[0]}'}").wait_for()
        assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 420
