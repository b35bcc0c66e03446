"""The lessons in a browser: what was read is stored, figures move by keyboard, the handout is the lesson alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.serving import Server

FIGURE = ".js-plotly-plot .main-svg"
KEPT = "localStorage.getItem('ganscope-learn')"


def open_lesson(page: Page, server: Server, name: str) -> None:
    page.goto(f"{server.url}/learn?lang=en&lesson={name}")
    expect(page.locator(FIGURE).first).to_be_visible()


def test_what_was_read_is_kept_in_the_browser(page: Page, server: Server) -> None:
    open_lesson(page, server, "saturation")
    page.get_by_text("still a zero-sum game").first.click()
    expect(page.locator(".st-key-lesson-questions").get_by_text("its gradients are useful")).to_be_visible()
    page.get_by_role("button", name="Mark as read").click()
    expect(page.get_by_text("You have read this lesson")).to_be_visible()
    page.wait_for_function(f'{KEPT} === \'["saturation","saturation.3"]\'')
    page.goto(f"{server.url}/learn?lang=en")
    expect(page.get_by_text("lessons read")).to_contain_text("1 of")
    expect(page.get_by_text("1 of 3 answers seen")).to_be_visible()
    page.get_by_role("button", name="Forget my progress").click()
    page.wait_for_function(f"{KEPT} === '[]'")
    page.reload()
    expect(page.get_by_text("lessons read")).to_contain_text("0 of")


def test_a_figure_moves_by_keyboard_and_the_next_lesson_begins_above(page: Page, server: Server) -> None:
    open_lesson(page, server, "optimal_discriminator")
    number = page.get_by_test_id("stMetricValue").first
    before = number.inner_text()
    page.get_by_role("slider").first.focus()
    page.keyboard.press("ArrowRight")
    expect(number).not_to_have_text(before)
    page.get_by_text("Next: Saturation").click()
    expect(page.get_by_role("heading", name="3 · Saturation")).to_be_visible()
    page.wait_for_function("document.querySelector('[data-testid=stMain]').scrollTop === 0")


def test_the_handout_is_the_lesson_with_its_answers(page: Page, server: Server) -> None:
    open_lesson(page, server, "saturation")
    answer = page.locator(".st-key-handout-answers")
    expect(answer).to_be_hidden()
    page.emulate_media(media="print")
    expect(answer).to_be_visible()
    for hidden in ("[data-testid=stSidebar]", "[data-testid=stSlider]", ".st-key-lesson-end", ".st-key-lesson-teacher"):
        expect(page.locator(hidden).first).to_be_hidden()
    rooms = page.locator(".st-key-handout-questions p").evaluate_all("all => all.map(one => one.clientHeight)")
    assert min(rooms) > 60  # pixels at 10 pt: some lines to write an answer on
    # a row of controls leaves no gap above the figure, and the questions begin on the page of their heading
    gap = page.locator(".st-key-lesson-figure [data-testid=stElementContainer]:has([data-testid=stSlider])")
    assert [one.bounding_box() for one in gap.all()] == [None] * gap.count()
    expect(page.locator(".st-key-handout-questions")).to_have_css("break-inside", "avoid")
    for layers, ground in ((":first-child", "rgb(255, 255, 255)"), (":not(:first-child)", "rgba(0, 0, 0, 0)")):
        found = page.locator(f".st-key-lesson-figure .main-svg{layers}")  # labels lie above the curves, to be seen
        seen = found.evaluate_all("all => all.map(one => getComputedStyle(one).backgroundColor)")
        assert set(seen) == {ground}


def test_the_handout_is_one_sheet(page: Page, server: Server) -> None:
    page.set_viewport_size({"width": 1920, "height": 900})  # figures are wider there than their column on paper
    open_lesson(page, server, "lipschitz")
    expect(page.locator(".st-key-lesson-figure .main-svg").first).to_be_visible()
    page.evaluate("addEventListener('beforeprint', () => window.boxes = [...document.querySelectorAll("
                  "'.st-key-lesson-figure .main-svg')].map(layer => layer.getAttribute('viewBox')))")  # fmt: skip
    sheet = page.pdf(format="A4", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type /Page\b", sheet)) == 2
    boxes = page.evaluate("window.boxes")
    assert boxes
    assert None not in boxes  # whole figures, made smaller
    assert page.locator(".main-svg").first.get_attribute("viewBox") is None


def test_a_chinese_full_stop_stays_beside_its_formula(page: Page, server: Server) -> None:
    page.goto(f"{server.url}/learn?lang=zh&lesson=nash_and_cycles")
    expect(page.locator(FIGURE).first).to_be_visible()
    found = """all => {
      const ends = all.map(one => [one, (one.closest('.math-inline') || one).nextSibling]);
      const stopped = ends.filter(([, next]) => /^[。，；：？！]/.test(next?.data || ''));
      const parted = stopped.filter(([one, next]) => {
        const stop = document.createRange();
        stop.setStart(next, 0);
        stop.setEnd(next, 1);
        return stop.getBoundingClientRect().left < one.getBoundingClientRect().left;
      });
      return [stopped.length, parted.length];
    }"""
    for width in range(1000, 1500, 50):
        page.set_viewport_size({"width": width, "height": 900})
        stopped, parted = page.locator(".st-key-lesson p .katex").evaluate_all(found)
        assert stopped > 5
        assert parted == 0, width


@pytest.mark.parametrize("name", ["nash_and_cycles", pytest.param("conditioning", marks=pytest.mark.release)])
def test_a_narrow_page_doesnt_scroll_sideways(page: Page, server: Server, name: str) -> None:
    page.set_viewport_size({"width": 420, "height": 900})
    open_lesson(page, server, name)
    wide = "(({scrollWidth, clientWidth}) => scrollWidth - clientWidth)(document.querySelector('[data-testid=stMain]'))"
    assert page.evaluate(wide) == 0
