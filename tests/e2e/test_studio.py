"""The Studio in a browser: a slider moves and the picture follows, a link shows it again, nothing else is contacted."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.made_models import make_drawer, make_model
from tests.studio_serving import STYLED, Studio, serving

DRAWN = re.compile(r"^data:image/")


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    home = tmp_path_factory.mktemp("studio")
    make_model(STYLED, folder=home / "models" / STYLED)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANSCOPE_HOME", str(home))
        make_drawer("stackgan.tiny")
    with serving(home) as running:
        yield running


def picture(page: Page) -> str:
    """The address of the large picture, once there is one."""
    image = page.locator("#face img")
    expect(image).to_have_attribute("src", DRAWN)
    return image.get_attribute("src") or ""


def drag(page: Page, number: int, share: float) -> None:
    """Drags a slider from its middle to a share of its width."""
    box = page.locator(f"#slider-{number} input[type=range]").bounding_box()
    assert box is not None
    height = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] / 2, height)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * share, height, steps=4)
    page.mouse.up()


def test_a_slider_moves_the_picture_and_the_link_shows_it_again(
    studio: Studio, contexts: Callable[..., BrowserContext]
) -> None:
    page = contexts().new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{studio.url}/?model={STYLED}&seed=3")
    before = picture(page)
    drag(page, 0, 0.9)
    expect(page.locator("#steps button")).to_have_count(2)
    after = picture(page)
    assert after != before
    expect(page).to_have_url(re.compile(r"seed=3&psi=0.7&edits=PCA\+1\*\d"))

    page.locator("#face img").hover()
    page.mouse.down()
    assert picture(page) == before
    page.mouse.up()
    assert picture(page) == after

    other = contexts().new_page()
    other.goto(page.url)
    assert picture(other) == after

    page.locator("#undo").click()
    expect(page.locator("#face img")).to_have_attribute("src", before)
    page.locator("#redo").click()
    expect(page.locator("#face img")).to_have_attribute("src", after)
    outside = [url for url in asked if not url.startswith((studio.url, "data:", "blob:"))]
    assert outside == []


def test_a_sentence_is_a_link_and_each_of_its_words_is_shown(
    studio: Studio, contexts: Callable[..., BrowserContext]
) -> None:
    def drawn(page: Page) -> list[str | None]:
        images = page.locator("#words-pictures img")
        expect(images).to_have_count(4, timeout=150_000)  # both tabs draw first on a newly opened page
        return [image.get_attribute("src") for image in images.all()]

    page = contexts().new_page()
    page.goto(f"{studio.url}/?tab=words&words-text=a+blue+hat&words-model=stackgan.tiny&words-seed=7")
    first = drawn(page)
    text = page.locator("#words-text").get_by_role("textbox")
    expect(text).to_have_value("a blue hat")
    page.locator("#words-act").click()
    expect(page.locator("#words-maps img")).to_have_count(3)
    text.fill("a man with red hair")
    text.press("Enter")
    expect(page).to_have_url(re.compile(r"words-text=a\+man\+with\+red\+hair&.*words-seed=7&words-variety=1"))
    expect(page.locator("#words-maps img")).to_have_count(0)
    second = drawn(page)
    assert second != first

    page.reload()
    assert drawn(page) == second
    expect(text).to_have_value("a man with red hair")


def test_a_saved_picture_is_downloaded_and_brings_its_settings_back(
    studio: Studio, contexts: Callable[..., BrowserContext], tmp_path: Path
) -> None:
    page = contexts().new_page()
    page.goto(f"{studio.url}/?model={STYLED}&seed=8&edits=PCA 2*3")
    saved = picture(page)
    with page.expect_download() as download:
        page.locator("#download").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name == f"{STYLED}-seed8.png"
    page.locator("#another").click()
    expect(page.locator("#face img")).not_to_have_attribute("src", saved)
    page.locator("#more button").first.click()
    page.locator("#drop input[type=file]").set_input_files(path)
    expect(page.locator("#face img")).to_have_attribute("src", saved)


def test_a_bad_link_is_reported_and_a_narrow_page_fits(studio: Studio, contexts: Callable[..., BrowserContext]) -> None:
    page = contexts(width=420).new_page()
    page.goto(f"{studio.url}/?model={STYLED}&seed=3&psi=9&edits=%3Cimg src=x onerror='window.broken=1'%3E*1&lang=zh")
    expect(page).to_have_url(re.compile("/zh/"))
    expect(page.get_by_text("链接中有一部分被忽略").first).to_be_visible()
    picture(page)
    assert page.evaluate("window.broken") is None
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="English").click()
    expect(page.locator("#another")).to_have_text("New picture")
    expect(page).to_have_url(re.compile("seed=3"))


@pytest.mark.parametrize(("language", "words"), [("en", "Not possible"), ("zh", "无法执行")])
def test_what_is_refused_has_a_heading_of_the_pages_language(
    studio: Studio, contexts: Callable[..., BrowserContext], tmp_path: Path, language: str, words: str
) -> None:
    """For an upload; what is being typed has a note instead."""
    page = contexts().new_page()
    page.goto(f"{studio.url}/?model={STYLED}&lang={language}")
    picture(page)
    (tmp_path / "junk.png").write_text("no picture")
    page.locator("#more button").first.click()
    page.locator("#drop input[type=file]").set_input_files(tmp_path / "junk.png")
    heading = page.locator(".toast-title")
    expect(heading).to_have_text(words)
    page.locator(".toast-close").click()
    expect(heading).to_have_count(0)
    page.get_by_role("tab").nth(3).click()
    seeds = page.locator("#tab-interpolation input[type=text], #tab-interpolation textarea").first
    seeds.fill("1")
    expect(page.locator("#tab-interpolation")).to_contain_text(re.compile("2 to 8 keyframes|2 到 8 个关键帧"))
    expect(heading).to_have_count(0)


def test_closing_the_page_deletes_what_was_uploaded(
    studio: Studio, contexts: Callable[..., BrowserContext], tmp_path: Path
) -> None:
    page = contexts().new_page()
    page.goto(f"{studio.url}/?model={STYLED}&tab=translate")
    path = tmp_path / "unread.png"
    path.write_bytes(b"unread")
    page.get_by_text("Several files").click()
    with page.expect_response(lambda answer: "/upload" in answer.url and answer.request.method == "POST"):
        page.locator("#translate-files input[type=file]").set_input_files(path)

    def kept() -> list[Path]:
        return list(studio.uploads.rglob("unread.png"))

    assert len(kept()) == 1
    page.close()
    end = time.monotonic() + 60
    while kept() and time.monotonic() < end:
        time.sleep(0.2)
    assert kept() == []


def test_the_chosen_tab_is_a_part_of_the_link(studio: Studio, contexts: Callable[..., BrowserContext]) -> None:
    page = contexts().new_page()
    page.goto(f"{studio.url}/?seed=5&tab=mixing")
    expect(page.get_by_role("tab", name="Style mixing")).to_have_attribute("aria-selected", "true")
    expect(page.locator("#tab-mixing .face img").first).to_have_attribute("src", DRAWN)
    expect(page).to_have_url(re.compile("tab=mixing"))
    page.get_by_role("tab", name="Drag").click()
    expect(page).to_have_url(re.compile("seed=5.*tab=drag"))
    page.get_by_role("tab", name="Latent editing").click()
    expect(page).not_to_have_url(re.compile("tab="))
    page.goto(f"{studio.url}/?tab=nowhere&lang=zh")
    expect(page.get_by_role("tab", name="潜空间编辑")).to_have_attribute("aria-selected", "true")


def test_a_film_is_announced_stopped_made_and_saved(studio: Studio, contexts: Callable[..., BrowserContext]) -> None:
    page = contexts().new_page()
    page.goto(f"{studio.url}/?tab=interpolation")
    announced = page.locator("#film-budget")
    expect(announced).to_contain_text("144 frames, 6.0 s long", timeout=60_000)
    page.get_by_role("textbox", name="Keyframes").fill("1, 2, 3, 4, 5, 6, 7, 8")
    expect(announced).to_contain_text("288 frames")
    page.get_by_label("GIF").check()
    expect(announced).to_contain_text("240 frames")
    said = page.locator("#film-said")
    page.locator("#make-film").click()
    expect(said).to_contain_text("%")
    page.get_by_role("button", name="Stop").locator("visible=true").click()
    expect(said).to_have_text("Stopped.", timeout=2_000)
    page.get_by_role("textbox", name="Keyframes").fill("1, 2")
    page.locator("#make-film").click()
    expect(said).to_contain_text("60 frames, 3.0 s", timeout=30_000)
    expect(page.locator("#film img")).to_have_attribute("src", re.compile("^blob:"))
    with page.expect_download() as download:
        page.get_by_text("Save the film").click()
    assert download.value.suggested_filename.endswith("-way.gif")
    with Image.open(download.value.path()) as film:
        assert film.n_frames == 60


def test_keys_move_a_slider_the_link_and_the_history(studio: Studio, contexts: Callable[..., BrowserContext]) -> None:
    page = contexts().new_page()
    page.goto(f"{studio.url}/?model={STYLED}&seed=3")
    before = picture(page)
    page.locator("#slider-0 input[type=range]").focus()
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    expect(page.locator("#steps button")).to_have_count(2)  # keys in a row are one step
    expect(page).to_have_url(re.compile(r"edits=PCA\+1\*0\.5"))
    page.locator("#undo").click()
    expect(page.locator("#face img")).to_have_attribute("src", before)


def test_on_a_phone_all_tabs_are_a_list_in_groups(studio: Studio, contexts: Callable[..., BrowserContext]) -> None:
    page = contexts(width=420).new_page()
    page.goto(f"{studio.url}/?model={STYLED}&seed=5&tab=drag")
    tabs = page.locator("#places select")
    expect(tabs).to_have_value("drag")
    expect(page.locator("#tab-drag img").first).to_have_attribute("src", DRAWN)  # the page is complete
    assert page.locator("#places optgroup").count() == 3
    assert page.locator("#places option").count() == 13
    expect(page.get_by_role("tab", name="Drag")).to_be_hidden()
    tabs.select_option("mixing")
    expect(page.locator("#tab-mixing .face img").first).to_have_attribute("src", DRAWN)
    expect(page).to_have_url(re.compile("tab=mixing"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_one_face_goes_from_tab_to_tab(studio: Studio, contexts: Callable[..., BrowserContext], tmp_path: Path) -> None:
    page = contexts().new_page()
    page.goto(f"{studio.url}/?model={STYLED}&seed=3&edits=PCA 1*3")
    own = picture(page)
    page.locator("#use-editing select").select_option(label="Style mixing, as A")
    expect(page.locator("#tab-mixing .face img").first).to_have_attribute("src", own)
    expect(page).to_have_url(re.compile("tab=mixing"))
    with page.expect_download() as download:
        page.locator("#save-mixture").click()
    download.value.save_as(tmp_path / "mixture.png")
    mixture = page.locator("#tab-mixing .face img").nth(2).get_attribute("src")
    page.locator("#use-mixing select").select_option(label="Interpolation, as a keyframe")
    expect(page.locator("#tab-interpolation .strip img")).to_have_count(5)
    page.get_by_role("tab", name="Latent editing").click()
    page.locator("#more button").first.click()
    page.locator("#drop input[type=file]").set_input_files(tmp_path / "mixture.png")
    expect(page.locator("#face img")).not_to_have_attribute("src", own)
    assert mixture


def test_my_picture_begins_with_an_example(studio: Studio, contexts: Callable[..., BrowserContext]) -> None:
    page = contexts().new_page()
    page.goto(f"{studio.url}/?model={STYLED}&tab=my-picture")
    for place in range(2):
        expect(page.locator("#tab-my-picture .face img").nth(place)).to_have_attribute("src", DRAWN)
    expect(page.get_by_text("An example, and the starting point of the search")).to_be_visible()


def test_a_slow_call_shows_that_something_is_happening(studio: Studio, contexts: Callable[..., BrowserContext]) -> None:
    moves = """() => {
      const bar = getComputedStyle(document.querySelector('#face .working'), '::after');
      return bar.content !== 'none' && bar.opacity === '1';
    }"""
    page = contexts(width=420).new_page()
    page.goto(f"{studio.url}/zh/?model={STYLED}&seed=3")
    before = picture(page)
    page.wait_for_function(f"() => !({moves})()")
    waiting: list[Route] = []
    page.route("**/queue/join*", lambda route: waiting.append(route))
    page.locator("#another").click()
    page.wait_for_function(moves)
    for route in waiting:
        route.continue_()
    expect(page.locator("#face img")).not_to_have_attribute("src", before)
    page.wait_for_function(f"() => !({moves})()")
    page.unroute("**/queue/join*")
    page.locator("#places select").select_option("my-picture")
    # Gradio's own words are in the language of the page, although the browser's is English
    expect(page.locator("#own-picture")).to_contain_text("点击上传")
