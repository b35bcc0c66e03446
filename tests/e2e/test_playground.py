"""The playground in a browser: it runs, steps, switches layers, probes a point, goes back and continues from there."""

from __future__ import annotations

import re
import time

from playwright.sync_api import Page, expect

from gan_core.runs.store import RunState, RunStore
from tests.e2e.serving import Server
from tests.e2e.test_train import press, stop_all


def painted(page: Page) -> int:
    return int(page.locator("canvas.plane").get_attribute("data-painted") or 0)


def wait_for(condition, seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def pixels(page: Page) -> str:
    return str(page.locator("canvas.plane").evaluate("canvas => canvas.toDataURL()"))


def test_a_playground_from_the_first_step_to_a_continued_past(server: Server, page: Page) -> None:
    stop_all(server)
    page.goto(f"{server.url}/playground?data=two_blobs&generator_widths=16,16&discriminator_widths=16,16")
    expect(page.locator("canvas.plane")).to_be_visible()
    page.locator(".st-key-play-run button").click()
    page.wait_for_url("**run=*")
    expect(page.locator(".badge[data-state=running]")).to_be_visible()
    wait_for(lambda: painted(page) > 4)

    press(page, "Pause")
    expect(page.locator(".badge[data-state=paused]")).to_be_visible()
    expect(page.locator(".sentence")).not_to_be_empty()
    press(page, "Step")
    store = RunStore(server.home)
    run = store.runs()[0]
    wait_for(lambda: int(page.locator("canvas.plane").get_attribute("data-step") or 0) == store.get(run.id).step)

    before = pixels(page)
    began = time.monotonic()
    page.locator("[data-layer=best]").click()
    wait_for(lambda: pixels(page) != before, 10)
    assert time.monotonic() - began < 1.5  # handled by the browser alone; a busy machine needs a while to click
    page.locator("[data-layer=both]").click()
    page.wait_for_url("**show=*", timeout=20_000)
    page.locator("canvas.plane").click(position={"x": 120, "y": 120})
    expect(page.locator(".probe td").nth(1)).to_have_text(re.compile(r"\(-?\d"))
    page.locator("canvas.plane").press("ArrowRight")
    expect(page.locator(".probe table")).to_be_visible()
    page.locator("canvas.plane").press("Escape")
    expect(page.locator(".probe table")).to_have_count(0)

    slider = page.locator("input.slider")
    newest = int(page.locator("canvas.plane").get_attribute("data-step") or 0)
    slider.fill(str(int(slider.get_attribute("max") or 0) // 2))
    expect(page.locator("button.again")).to_be_visible()
    wait_for(lambda: int(page.locator("canvas.plane").get_attribute("data-step") or 0) < newest)
    step = int(page.locator("canvas.plane").get_attribute("data-step") or 0)
    page.locator("button.again").click()
    wait_for(lambda: store.runs()[0].id != run.id)
    wait_for(lambda: (store.runs()[0].step, store.runs()[0].state) == (step, RunState.PAUSED))
    page.wait_for_url(f"**run={store.runs()[0].id}*")
    expect(page.get_by_text(re.compile("Continued from step"))).to_be_visible()
    store.close()
    stop_all(server)


def test_a_discriminator_and_a_point_are_moved_by_hand(server: Server, page: Page) -> None:
    stop_all(server)
    page.goto(f"{server.url}/playground?data=two_blobs&generator_widths=8&discriminator_widths=8&hand=line,0,0,2")
    worth = page.locator(".hand .worth td:last-child")
    expect(worth.first).to_have_text(re.compile(r"-\d"))
    before = float(worth.first.inner_text())
    canvas = page.locator("canvas.plane")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    middle = (box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.move(*middle)  # the handle of a line through the middle
    page.mouse.down()
    page.mouse.move(middle[0] + 60, middle[1], steps=4)
    page.mouse.up()
    expect(page.locator("input[data-knob=position]")).not_to_have_value("0")
    page.wait_for_url(re.compile(r"hand=line%2C0%2C0\.[1-9]"), timeout=20_000)
    for _ in range(3):
        page.locator("button.climb").click()
    assert before < float(worth.first.inner_text()) < float(worth.nth(1).inner_text())  # V(D, G) < V(D*, G)

    page.get_by_text("Take a real point").click()
    place = page.locator(".probe td:last-child").first
    expect(page.locator(".probe b")).to_have_text(re.compile("Real point"))
    was = place.inner_text()
    canvas.press("Shift+ArrowRight")
    expect(place).not_to_have_text(was)
    page.get_by_text("Put it back").click()
    expect(page.locator(".probe b")).to_have_count(0)


def test_drawn_points_are_learnt(server: Server, page: Page) -> None:
    stop_all(server)
    page.set_viewport_size({"width": 420, "height": 900})
    page.goto(f"{server.url}/playground")
    page.get_by_text("Draw or paste your own").click()
    paper = page.locator("canvas.paper")
    paper.scroll_into_view_if_needed()
    box = paper.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 220, box["y"] + 200, steps=20)
    page.mouse.up()
    page.locator("button.use").click()
    page.wait_for_url("**data=drawn*")
    page.locator(".st-key-play-run button").click()
    page.wait_for_url("**run=*")
    wait_for(lambda: painted(page) > 1)
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    stop_all(server)
