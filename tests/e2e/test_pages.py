"""All pages: going from one to another, the browser's history, the passphrase, an unreachable server."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Locator, Page, expect
from playwright.sync_api import TimeoutError as PlaywrightTimeout

from gan_core.runs.spec import RunSpec
from gan_core.runs.store import Metrics, RunState, RunStore
from tests.e2e.serving import Server, serving
from tests.e2e.test_train import start, state, step_of, stop_all, wait_for_step
from tests.made_models import make_model
from tests.made_runs import make_run, png

ROUNDS = 13  # there and back each
WORD = "open sesame"
BUSY = """
const timeout = window.setTimeout, interval = window.setInterval;
window.setTimeout = (act, wait, ...more) => timeout(act, wait >= 1000 && wait <= 3000 ? 15 : wait, ...more);
window.setInterval = (act, wait, ...more) => interval(act, wait >= 600 && wait <= 3000 ? 15 : wait, ...more);
"""  # fragments poll all the time, so that a poll is pending when the page changes


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("home")
    for name in ("stylegan2.x", "dcgan.x"):
        make_model(name, folder=folder / "models" / name)
    return folder


@pytest.fixture(scope="module")
def app(home: Path) -> Iterator[Server]:
    with serving(home) as running:
        yield running


@pytest.fixture
def training(app: Server, page: Page) -> Iterator[str]:
    """The id of a run that trains."""
    stop_all(app)
    page.goto(f"{app.url}/train?recipe=mlp_gan&preset=digits_30s&steps=1000000")
    start(page)
    state(page, "running")
    wait_for_step(page, 20)
    yield run_of(page)
    stop_all(app)


def run_of(page: Page) -> str:
    found = re.search(r"run=([^&]+)", page.url)
    assert found, page.url
    return found[1]


def sidebar(page: Page, name: str) -> None:
    page.locator("[data-testid=stSidebarNavLink]", has_text=name).click()


def title(page: Page) -> Locator:
    return page.locator("[data-testid=stMain] h1")


# --- from page to page -----------------------------------------------------------------------------------------------


def test_no_page_is_left_blank_by_requests_of_the_previous_one(
    app: Server, training: str, contexts: Callable[..., BrowserContext]
) -> None:
    context = contexts()
    context.add_init_script(BUSY)
    page = context.new_page()
    page.goto(f"{app.url}/train?run={training}")
    for _ in range(ROUNDS):
        state(page, "running")
        page.get_by_role("link", name="Projector").click()
        expect(page.locator(".board.large .badge")).to_be_visible(timeout=20_000)
        expect(page.get_by_role("button", name=re.compile("Pause"))).to_be_enabled()
        page.get_by_role("link", name="Exit projector view").click()
        expect(page.locator(".board:not(.large) .badge")).to_be_visible(timeout=20_000)
    for name in ("Home", "Runs", "Models", "Home", "Train", "Runs", "Home", "Study", "Runs", "Train"):
        sidebar(page, name)
        expect(title(page)).to_be_visible(timeout=20_000)
        page.wait_for_timeout(300)
        expect(title(page)).to_be_visible()
    sidebar(page, "Runs")
    opens = page.get_by_role("button", name="Open", exact=False).first
    expect(opens).to_be_visible()
    page.wait_for_timeout(2_500)  # a click while the cards are first drawn can be lost on a busy machine
    opens.click()
    state(page, "running")


def test_a_fresh_server_shows_no_names_of_files(tmp_path: Path, page: Page) -> None:
    page.add_init_script(
        """window.seen = new Set();
        new MutationObserver(() => {
          for (const link of document.querySelectorAll("[data-testid=stSidebarNavLink]")) seen.add(link.innerText);
        }).observe(document, {childList: true, subtree: true, characterData: true});"""
    )
    with serving(tmp_path) as server:
        page.goto(f"{server.url}/runs")
        expect(title(page)).to_have_text("Runs")
        seen = {text.strip().splitlines()[-1] for text in page.evaluate("[...seen]") if text.strip()}
    assert seen == {
        "Home", "Learn", "Playground", "Folklore", "Train", "Runs", "Text", "Sound", "Music", "Molecules", "Motion",
        "Space", "Few labels", "Evaluate", "Search", "Study", "Models", "Studio",
    }  # fmt: skip


# --- the browser's history -------------------------------------------------------------------------------------------


def test_the_sidebar_leads_from_a_run_to_a_new_one_and_back_leads_to_the_run(
    app: Server, training: str, page: Page
) -> None:
    sidebar(page, "Train")
    expect(title(page)).to_have_text("Train a GAN")
    assert "run=" not in page.url
    page.go_back()
    state(page, "running")
    assert run_of(page) == training
    for name in ("Home", "Runs", "Models"):
        sidebar(page, name)
        expect(page).to_have_url(re.compile(rf"/({name.lower()})?\?lang=en$"))
        page.go_back()
        state(page, "running")
        assert run_of(page) == training
        page.go_forward()
        expect(page).to_have_url(re.compile(rf"/({name.lower()})?\?lang=en$"))
        expect(page.locator(".badge")).to_have_count(0)
        page.go_back()
        state(page, "running")
    page.reload()
    state(page, "running")
    page.get_by_role("link", name="Projector").click()
    expect(page.locator(".board.large .badge")).to_be_visible()
    page.go_back()
    expect(page.locator(".board:not(.large) .badge")).to_be_visible()
    assert run_of(page) == training


def test_comparing_has_its_own_entry_in_the_history(app: Server, page: Page) -> None:
    store = RunStore(app.home)
    ids = [make_run(store, name) for name in ("first", "second")]
    store.close()
    page.goto(f"{app.url}/runs?lang=en&compare={ids[0]}%2C{ids[1]}")
    expect(title(page)).to_have_text("Compare runs")
    slider = page.get_by_role("slider")
    slider.focus()
    slider.press("ArrowLeft")
    expect(page).to_have_url(re.compile("step=10"))
    slider.press("ArrowLeft")
    expect(page).to_have_url(re.compile("step=5"))
    page.go_back()
    expect(page.locator(".st-key-compare-samples")).to_contain_text("step 10 ")
    page.go_forward()
    expect(page.locator(".st-key-compare-samples")).to_contain_text("step 5 ")
    sidebar(page, "Runs")
    expect(title(page)).to_have_text("Runs")
    page.go_back()
    expect(title(page)).to_have_text("Compare runs")
    expect(page.locator(".st-key-compare-samples")).to_contain_text("step 5 ")


def test_a_models_controls_and_the_language_follow_the_history(app: Server, page: Page) -> None:
    page.goto(f"{app.url}/models?lang=en")
    page.locator(".st-key-model-card-stylegan2-x a").click(force=True)
    drawn = page.locator(".st-key-model-samples img")
    expect(drawn).to_be_visible()
    seed = page.locator(".st-key-sampler-seed input")
    for value in ("7", "9"):
        seed.fill(value)
        seed.press("Enter")
        expect(page).to_have_url(re.compile(f"seed={value}"))
    page.go_back()
    expect(seed).to_have_value("7")
    expect(drawn).to_have_attribute("alt", re.compile("seed 7"))
    sidebar(page, "Home")
    expect(title(page)).to_contain_text("Watch a GAN")
    page.go_back()
    expect(seed).to_have_value("7")
    page.locator("[data-testid=stSidebar]").get_by_text("中文").click()
    expect(page).to_have_url(re.compile("lang=zh"))
    assert "model=stylegan2.x" in page.url
    expect(page.get_by_text("种子").first).to_be_visible()
    page.go_back()
    expect(page).to_have_url(re.compile("lang=en"))
    expect(page.get_by_text("Seed", exact=True).first).to_be_visible()
    expect(page.get_by_role("radio", name="English")).to_be_checked()


# --- the projector ---------------------------------------------------------------------------------------------------

PLACES = """() => {
  const roots = [...document.querySelectorAll("*")].map((one) => one.shadowRoot).filter(Boolean);
  const board = roots.map((root) => root.querySelector(".board.large")).find(Boolean);
  const main = document.querySelector("[data-testid=stMain]");
  const box = (name) => board.querySelector(name).getBoundingClientRect();
  const keys = document.querySelector(".st-key-projector-keys").getBoundingClientRect();
  return {
    content: Math.max(box(".samples").bottom, box(".curves svg").bottom, box(".right").bottom), keys: keys.top,
    end: keys.bottom, words: board.querySelector(".right").scrollHeight - board.querySelector(".right").clientHeight,
    scroll: [main.scrollHeight - main.clientHeight, main.scrollWidth - main.clientWidth],
  };
}"""


@pytest.mark.parametrize("size", [(1440, 900), pytest.param((1280, 720), marks=pytest.mark.release), (1024, 768)])
def test_the_projector_fits_the_screen_also_with_long_words(app: Server, page: Page, size: tuple[int, int]) -> None:
    from gan_core.gans import recipes

    page.goto(f"{app.url}/train")
    expect(page.locator(".st-key-train button").first).to_be_visible()  # the server knows the recipes now
    long = max(recipes.get("projected_gan").presets, key=lambda preset: len(preset.look_for))
    store = RunStore(app.home)
    spec = RunSpec("projected_gan", "digits", 8, steps=40_000, hparams={"seed": 0, "loss": "hinge"}, preset=long.name)
    id = store.create(spec).id
    token = store.claim(id)
    rows = np.arange(1, 21)
    scores = {"score/real": 1 - 0.2 / rows, "score/fake_before": 0.2 / rows, "generator/loss": 9 / rows}
    store.add_preview(id, token, 20, 1280, png(99))
    store.log(id, token, Metrics(rows, scores), images_seen=1280, seconds=2, images_per_second=640)
    store.set_state(id, token, RunState.PAUSED)
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.goto(f"{app.url}/projector?run={id}")
    expect(page.get_by_text(long.look_for[:40])).to_be_visible()
    expect(page.locator(".curves svg")).to_be_visible()
    page.wait_for_timeout(500)
    found = page.evaluate(PLACES)
    assert found["content"] <= found["keys"]
    assert found["end"] <= size[1]
    assert found["words"] <= 0
    assert max(found["scroll"]) <= 0
    expect(page.get_by_role("button", name=re.compile("Only G"))).to_be_in_viewport(ratio=1)
    store.set_state(id, token, RunState.STOPPED)
    store.release(id, token)
    store.close()


def test_one_player_alone_is_trained_from_the_projector(app: Server, training: str, page: Page) -> None:
    page.goto(f"{app.url}/projector?run={training}")
    expect(page.get_by_role("button", name=re.compile("Pause"))).to_be_enabled()
    paused = page.locator(".badge[data-state=paused]")
    for _ in range(5):  # a key pressed before the page listens is lost
        page.keyboard.press("p")
        with suppress(PlaywrightTimeout):
            paused.wait_for(timeout=5_000)
            break
    state(page, "paused")
    store = RunStore(app.home)
    for key, name, player in (("d", "Only D", "discriminator"), ("g", "Only G", "generator")):
        expect(page.get_by_role("button", name=re.compile(name))).to_be_enabled()
        still = step_of(page)
        page.keyboard.press(key)
        assert wait_for_step(page, still) == still + 1
        assert [event.payload["only"] for event in store.events(training) if event.kind == "step"][-1] == player
    store.close()


def first_gan(page: Page) -> Locator:
    return page.get_by_role("button", name="Train my first GAN")


# --- the passphrase --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with serving(tmp_path_factory.mktemp("home"), GANSCOPE_PASSPHRASE=WORD) as running:
        yield running


def test_a_phone_unlocks_once_for_all_its_tabs(guarded: Server, contexts: Callable[..., BrowserContext]) -> None:
    phone = contexts(width=420)
    page = phone.new_page()
    page.goto(guarded.url)
    first = first_gan(page)
    expect(first).to_be_disabled()
    expect(page.get_by_text("Enter the passphrase to start")).to_be_visible()
    page.get_by_role("button", name="Unlock").click()
    page.locator(".st-key-passphrase-here input").fill(WORD)
    page.keyboard.press("Enter")
    expect(first).to_be_enabled()
    expect(page.get_by_text("Enter the passphrase to start")).to_be_hidden()
    page.reload()
    expect(first).to_be_enabled()
    other = phone.new_page()
    other.goto(f"{guarded.url}/train?recipe=mlp_gan&preset=digits_30s&steps=1000000")
    start(other)
    state(other, "running")
    other.goto(f"{guarded.url}/projector?run={run_of(other)}")
    expect(other.get_by_role("button", name=re.compile("Pause"))).to_be_enabled()
    other.reload()
    expect(other.get_by_role("button", name=re.compile("Pause"))).to_be_enabled()
    kept = [cookie for cookie in phone.cookies() if cookie["name"].startswith("ganscope-key")]
    assert [(cookie["sameSite"], cookie["expires"]) for cookie in kept] == [("Strict", -1)]
    assert WORD not in str(kept)
    guest = contexts(width=420).new_page()
    guest.goto(other.url)
    expect(guest.get_by_role("button", name=re.compile("Pause"))).to_be_disabled()
    expect(guest.get_by_role("button", name="Unlock")).to_be_visible()
    stop_all(guarded)


def test_locking_again_locks_every_tab(guarded: Server, contexts: Callable[..., BrowserContext]) -> None:
    browser = contexts()
    page = browser.new_page()
    page.goto(guarded.url)
    page.get_by_role("textbox", name="Passphrase").fill(WORD)
    page.keyboard.press("Enter")
    expect(first_gan(page)).to_be_enabled()
    other = browser.new_page()
    other.goto(guarded.url)
    expect(first_gan(other)).to_be_enabled()
    page.get_by_role("button", name="Lock").click()
    expect(first_gan(page)).to_be_disabled()
    page.reload()
    expect(first_gan(page)).to_be_disabled()
    first_gan(other).click()
    expect(
        other.get_by_text("Only visitors with the passphrase")
        .or_(other.get_by_text("Enter the passphrase to start"))
        .first
    ).to_be_visible()
    store = RunStore(guarded.home)
    assert not any(run.is_active for run in store.runs())
    store.close()


# --- what Streamlit says to developers -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lang", "words"),
    [("en", "GANscope isn't responding"), pytest.param("zh", "GANscope 没有响应", marks=pytest.mark.release)],
)
def test_an_unreachable_server_is_reported_in_our_own_words(tmp_path: Path, page: Page, lang: str, words: str) -> None:
    with serving(tmp_path) as server:
        page.goto(f"{server.url}/?lang={lang}")
        expect(title(page)).to_be_visible()
        page.wait_for_timeout(500)
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading")).to_have_text(words)
    page.wait_for_timeout(1500)
    assert "treamlit" not in dialog.inner_text()
    assert len(dialog.inner_text()) > 60


def test_an_invalid_address_is_reported_in_our_own_words(app: Server, page: Page) -> None:
    page.goto(f"{app.url}/nothing?lang=zh")
    expect(page.get_by_role("dialog")).to_contain_text("该地址不存在")
    assert "main page" not in page.get_by_role("dialog").inner_text()


# --- settings stay open ----------------------------------------------------------------------------------------------


def test_groups_of_settings_stay_open_when_the_data_change(app: Server, page: Page) -> None:
    page.goto(f"{app.url}/train?lang=en&recipe=dcgan&data=digits")
    page.locator("summary", has_text="Optimiser").click()
    inside = page.get_by_label("Discriminator rate multiplier").first
    expect(inside).to_be_visible()
    data = page.locator("[class*=st-key-data]").get_by_role("combobox")
    data.click()
    page.get_by_role("option").filter(has_not_text="not downloaded").nth(1).click()
    expect(data).not_to_have_value("Handwritten digits (small)")
    page.wait_for_timeout(1500)
    expect(inside).to_be_visible()


# --- on a phone ------------------------------------------------------------------------------------------------------


def test_the_gallery_is_short_on_a_phone_and_its_tools_are_collapsed(
    app: Server, contexts: Callable[..., BrowserContext]
) -> None:
    phone = contexts(width=420).new_page()
    phone.goto(f"{app.url}/models?lang=en")
    expect(phone.locator(".st-key-model-card-dcgan-x")).to_be_visible()
    expect(phone.get_by_text("Tools: encoders and classifiers")).to_be_visible()
    expect(phone.get_by_text("Feature networks")).to_be_hidden()
    models = len(list((Path(__file__).parents[2] / "pretrained").glob("*/card.toml")))
    height = phone.evaluate("document.querySelector('[data-testid=stMainBlockContainer]').scrollHeight")
    assert height < 140 * models  # two side by side
    phone.get_by_text("Tools: encoders and classifiers").click()
    expect(phone.get_by_text("Feature networks")).to_be_visible()
