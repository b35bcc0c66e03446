"""The main job in a browser: train, watch, pause, step, edit, resume, stop; others watch."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, WebSocket, expect

from gan_core.runs.store import RunStore
from tests.e2e.serving import Server, serving

RELOAD = 2.0  # seconds
SLOWER = 2.0  # tolerance factor for a busy test machine


def step_of(page: Page) -> int:
    return int(re.sub(r"\D", "", page.locator(".step").inner_text()))


def wait_for_step(page: Page, beyond: int, seconds: float = 60) -> int:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if (step := step_of(page)) > beyond:
            return step
        time.sleep(0.1)
    raise AssertionError(f"no step beyond {beyond} within {seconds} s")


def press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def start(page: Page) -> None:
    """Clicks the button of the form; presets have buttons with the same name."""
    page.locator(".st-key-train button").click()


def state(page: Page, name: str) -> None:
    expect(page.locator(f".badge[data-state={name}]")).to_be_visible()


def stop_all(server: Server) -> None:
    store = RunStore(server.home)
    for run in store.runs():
        if run.is_active:
            store.send(run.id, "stop")
    end = time.monotonic() + 30
    while any(run.is_active for run in store.runs()) and time.monotonic() < end:
        time.sleep(0.1)
    store.close()


@pytest.fixture
def training(server: Server, page: Page) -> Page:
    """The page of a run that trains and doesn't end before the test."""
    stop_all(server)
    page.goto(f"{server.url}/train?recipe=mlp_gan&preset=digits_30s&steps=1000000")
    start(page)
    state(page, "running")
    wait_for_step(page, 20)
    return page


def test_the_main_job(server: Server, training: Page, contexts: Callable[..., BrowserContext]) -> None:
    page = training
    assert "run=" in page.url
    expect(page.locator(".samples")).to_be_visible()
    expect(page.locator(".real")).to_be_visible()
    expect(page.locator(".panel").nth(5)).to_be_attached()

    press(page, "Pause")
    state(page, "paused")
    still = step_of(page)
    press(page, "Step")
    assert wait_for_step(page, still) == still + 1
    press(page, "Only D")
    assert wait_for_step(page, still + 1) == still + 2

    page.get_by_text("Edit settings while training").click()
    page.get_by_role("textbox", name="Learning rate of the generator").first.fill("0.003")
    press(page, "Apply")
    expect(page.get_by_text("Changes sent: Learning rate of the generator")).to_be_visible()

    press(page, "Resume")
    state(page, "running")
    wait_for_step(page, still + 2)
    store = RunStore(server.home)
    run = store.runs()[0]
    kinds = [event.kind for event in store.events(run.id)]
    assert "edit" in kinds
    assert "step" in kinds
    store.close()

    began = time.monotonic()
    page.reload()
    expect(page.locator(".step")).not_to_have_text("")
    assert time.monotonic() - began < RELOAD * SLOWER
    wait_for_step(page, still + 2)

    other = contexts().new_page()
    other.goto(page.url)
    state(other, "running")
    seen = wait_for_step(other, 0)
    wait_for_step(other, seen)

    press(other, "Stop")
    state(other, "stopped")
    state(page, "stopped")
    expect(page.get_by_role("button", name="Resume")).to_be_visible()


def test_a_pause_acts_at_once(training: Page) -> None:
    press(training, "Pause")
    began = time.monotonic()
    state(training, "paused")
    assert time.monotonic() - began < 2.0
    still = step_of(training)
    time.sleep(1.5)
    assert step_of(training) == still
    press(training, "Stop")


def test_watching_sends_only_what_is_new(server: Server, page: Page) -> None:
    """A paused run has nothing new: its polls return neither pictures nor curves; a hidden tab doesn't poll."""
    stop_all(server)
    asked: list[bytes] = []
    answers: list[bytes] = []

    def watch(socket: WebSocket) -> None:
        socket.on("framesent", lambda frame: asked.append(frame))
        socket.on("framereceived", lambda frame: answers.append(frame) if b'"board":' in frame else None)

    def three_answers() -> bytes:
        answers.clear()
        while len(answers) < 3:
            page.wait_for_timeout(300)
        return b"".join(answers)

    page.on("websocket", watch)
    page.goto(f"{server.url}/train?recipe=mlp_gan&preset=digits_30s&steps=1000000")
    start(page)
    state(page, "running")
    wait_for_step(page, 20)
    expect(page.locator(".panel").nth(5)).to_be_attached()
    seen = b"".join(answers)
    assert b'"panels"' in seen
    assert b'"bytes"' in seen
    press(page, "Pause")
    state(page, "paused")
    three_answers()  # the last update before the pause
    still = three_answers()
    assert b'"panels"' not in still
    assert b'"bytes"' not in still
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.away, configurable: true})")
    page.evaluate("window.away = true")
    page.wait_for_timeout(3000)
    asked.clear()
    page.wait_for_timeout(4000)
    assert not asked
    page.evaluate("window.away = false; document.dispatchEvent(new Event('visibilitychange'))")
    while not asked:
        page.wait_for_timeout(500)
    stop_all(server)


def test_points_are_trained_and_drawn(server: Server, page: Page) -> None:
    stop_all(server)
    page.goto(f"{server.url}/train?recipe=points&data=grid25&steps=1000000")
    expect(page.locator(".st-key-summary img")).to_be_visible()
    expect(page.get_by_text("Image size")).to_have_count(0)
    start(page)
    state(page, "running")
    wait_for_step(page, 20)
    expect(page.locator(".samples")).to_be_visible()
    expect(page.locator(".real")).to_be_hidden()
    assert page.locator(".samples").evaluate("image => getComputedStyle(image).imageRendering") == "auto"
    expect(page.get_by_text("Points per second", exact=True)).to_be_visible()
    stop_all(server)


def test_nothing_leaves_the_machine(server: Server, training: Page) -> None:
    asked: list[str] = []
    training.context.on("request", lambda request: asked.append(request.url))
    training.on("websocket", lambda socket: asked.append(socket.url))
    run = training.url.partition("run=")[2]
    for place in ("/", "/train", "/runs", f"/train?run={run}", f"/projector?run={run}"):
        training.goto(server.url + place)
        training.wait_for_timeout(1500)
    hosts = {re.sub(r"^\w+://([^/]*).*", r"\1", url) for url in asked if not url.startswith(("data:", "blob:"))}
    assert hosts == {server.url.partition("//")[2]}
    stop_all(server)


@pytest.mark.parametrize(
    "place",
    [
        pytest.param("/", marks=pytest.mark.release),
        "/train",
        pytest.param("/runs", marks=pytest.mark.release),
        "/projector",
    ],
)
def test_a_phone_needs_no_scrolling_sideways(
    server: Server, contexts: Callable[..., BrowserContext], training: Page, place: str
) -> None:
    phone = contexts(width=420, height=860).new_page()
    run = training.url.partition("run=")[2]
    for address in (place, f"{place}?run={run}") if place in ("/train", "/projector") else (place,):
        phone.goto(server.url + address)
        phone.wait_for_timeout(2500)
        widths = phone.evaluate(
            "[document.documentElement.scrollWidth, document.querySelector('[data-testid=stMain]').scrollWidth]"
        )
        assert max(widths) <= 420, address
    stop_all(server)


def test_the_projector_has_keys(server: Server, training: Page) -> None:
    run = training.url.partition("run=")[2]
    training.goto(f"{server.url}/projector?run={run}")
    state(training, "running")
    expect(training.locator("[data-testid=stSidebar]")).to_be_hidden()
    expect(training.get_by_role("button", name=re.compile("Pause"))).to_be_enabled()  # keys work once it is rendered
    training.keyboard.press("p")
    state(training, "paused")
    expect(training.get_by_role("button", name=re.compile("Resume"))).to_be_enabled()
    still = step_of(training)
    training.keyboard.press("s")
    assert wait_for_step(training, still) == still + 1
    training.keyboard.press("p")
    state(training, "running")
    stop_all(server)


def test_a_link_sets_the_page_up(server: Server, page: Page) -> None:
    page.goto(f"{server.url}/train?recipe=dcgan&data=digits&loss=hinge&seed=3&size=17&lang=zh")
    expect(page.get_by_text(re.compile("17")).first).to_be_visible()
    page.wait_for_url(re.compile(r"loss=hinge"))
    assert "seed=3" in page.url
    assert "size=17" not in page.url
    assert "lang=zh" in page.url


def test_only_visitors_with_the_passphrase_steer(tmp_path: Path, contexts: Callable[..., BrowserContext]) -> None:
    with serving(tmp_path, GANSCOPE_PASSPHRASE="open sesame") as server:
        guest, teacher = contexts().new_page(), contexts().new_page()
        guest.goto(server.url)
        expect(guest.get_by_role("button", name="Train my first GAN")).to_be_disabled()
        teacher.goto(server.url)
        teacher.get_by_role("textbox", name="Passphrase").fill("wrong")
        teacher.keyboard.press("Enter")
        expect(teacher.get_by_text("Wrong passphrase.")).to_be_visible()
        teacher.get_by_role("textbox", name="Passphrase").fill("open sesame")
        teacher.keyboard.press("Enter")
        expect(teacher.get_by_role("button", name="Train my first GAN")).to_be_enabled()
        press(teacher, "Train my first GAN")
        state(teacher, "running")
        guest.goto(teacher.url)
        state(guest, "running")
        expect(guest.get_by_role("button", name="Pause")).to_be_disabled()
        press(teacher, "Stop")
        state(guest, "stopped")


def test_a_remedy_is_applied_where_it_is_named(server: Server, page: Page) -> None:
    stop_all(server)
    page.goto(f"{server.url}/train?preset=collapses&steps=0")
    start(page)
    page.locator("[data-remedy=mild_gradient_penalty]").first.click()
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_text("Penalty weight")).to_be_visible()
    press(page, "Apply in this run")
    expect(dialog).to_have_count(0)
    expect(page.locator("[data-remedy=mild_gradient_penalty]")).to_have_count(0)  # the run has applied it
    store = RunStore(server.home)
    (run,) = (run for run in store.runs() if run.is_active)
    (edit,) = (event for event in store.events(run.id) if event.kind == "edit")
    assert edit.payload["changes"] == {"penalty": "gradient_penalty", "penalty_weight": 1.0}
    store.close()
    stop_all(server)


def test_a_field_that_loses_focus_by_the_click_is_read_first(server: Server, page: Page) -> None:
    stop_all(server)
    page.goto(f"{server.url}/train?recipe=mlp_gan&steps=5")
    steps = page.locator("[class*=st-key-steps] input")
    steps.fill("1e12")
    place = page.locator(".st-key-train button").first.bounding_box()
    assert place
    store = RunStore(server.home)
    before = len(store.runs())
    page.mouse.click(place["x"] + 20, place["y"] + 10)
    expect(page.get_by_text("Correct these fields first: Steps.").first).to_be_visible()
    expect(page.locator(".st-key-train button").first).to_be_disabled()
    assert len(store.runs()) == before
    steps.fill("6e0")
    steps.press("Enter")
    expect(page.get_by_text("Correct these fields first")).to_have_count(0)
    start(page)
    expect(page.locator(".badge")).to_be_visible()
    assert store.runs()[0].spec.steps == 6
    store.close()
