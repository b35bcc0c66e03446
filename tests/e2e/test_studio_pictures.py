"""The Studio's tabs that take pictures, in a browser: translate, draw, enlarge, inpaint."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect

from gan_core.models.card import read_card, write_card
from tests.e2e.conftest import CHROMIUM
from tests.made_models import make_model
from tests.models.test_community import compact
from tests.studio_serving import STYLED, Studio, serving

DRAWN = re.compile(r"^data:image/")
MODELS = {
    STYLED: "digits", "cyclegan.tiny": "digits_coloured_unpaired", "pix2pix.tiny": "digits_coloured",
    "context_encoder.tiny": "digits", "srgan.tiny": "digits",
}  # fmt: skip
Contexts = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    home = tmp_path_factory.mktemp("studio")
    for name, data in MODELS.items():
        make_model(name, data, home / "models" / name)
    place = home / "models" / "pix2pix.tiny"
    write_card(place, replace(read_card(place), data="edges2avatars"))
    with serving(home) as running:
        yield running


def opened(page: Page, studio: Studio, tab: str) -> Page:
    page.goto(f"{studio.url}/?model={STYLED}")
    expect(page.locator("#face img")).to_have_attribute("src", DRAWN)
    page.get_by_role("tab", name=tab, exact=True).click()
    return page


def choose(page: Page, where: str, title: str) -> None:
    """Selects a model of a list; GANscope's own come before the tiny ones."""
    page.locator(f"{where} input").click()
    page.get_by_role("option", name=title).click()


def shown(image: Locator) -> str:
    expect(image).to_have_attribute("src", DRAWN)
    return image.get_attribute("src") or ""


def line(page: Page, pad: str, *, height: float = 0.5) -> None:
    """Draws a line across the pad."""
    box = page.locator(f"{pad} canvas.face").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.2 * box["width"], box["y"] + height * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.8 * box["width"], box["y"] + height * box["height"], steps=8)
    page.mouse.up()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    path = tmp_path / "own.png"
    y, x = np.mgrid[:40, :40]  # waves: for noise or sharp steps, the recommended strength would be 0
    wave = 127 + 80 * np.sin(x / 5) * np.cos(y / 7)
    Image.fromarray(np.stack([wave, 0.7 * wave, 255 - wave], 2).astype(np.uint8)).save(path)
    return path


def test_a_face_appears_while_lines_are_drawn(studio: Studio, contexts: Contexts, tmp_path: Path) -> None:
    page = opened(contexts().new_page(), studio, "Draw")
    face = page.locator("#drawn-face img")
    first = shown(face)
    line(page, "#draw-pad")
    expect(face).not_to_have_attribute("src", first)
    with page.expect_download() as download:
        page.locator("#save-drawing").click()
    download.value.save_as(tmp_path / "drawn.png")
    with Image.open(tmp_path / "drawn.png") as image:
        assert image.width == 512
    page.locator("#draw-pad [data-tool=undo]").click()
    expect(face).to_have_attribute("src", first)
    page.locator("#draw-pad [data-tool=clear]").click()
    expect(page.get_by_text("The canvas is empty")).to_be_visible()
    page.locator("#drawings button").nth(3).click()
    expect(page.get_by_text("The canvas is empty")).to_be_hidden()
    shown(face)


def test_a_users_picture_is_translated_and_back_and_many_become_a_zip(
    studio: Studio, contexts: Contexts, own: Path
) -> None:
    page = opened(contexts().new_page(), studio, "Translate")
    shown(page.locator("#translate-translated img"))
    given = page.locator("#translate-given img")
    before = shown(given)
    choose(page, "#translate-model", "Tiny CycleGAN")
    expect(given).not_to_have_attribute("src", before)  # the first model may be a CycleGAN, too
    expect(page.locator("#translate-again")).to_be_visible()
    example = shown(given)
    for name in ("translated", "again", "difference"):
        shown(page.locator(f"#translate-{name} img"))
    strong = shown(page.locator("#translate-translated img"))
    page.locator("#translate-strength input[type=number]").fill("0")
    page.locator("#translate-strength input[type=number]").press("Tab")
    expect(page.locator("#translate-translated img")).to_have_attribute("src", example)
    assert strong != example
    page.locator("#translate-drop input[type=file]").set_input_files(own)
    expect(given).not_to_have_attribute("src", example)
    page.locator("#translate-examples button").first.click()
    expect(given).to_have_attribute("src", example)
    page.get_by_text("Several files").click()
    page.locator("#translate-files input[type=file]").set_input_files([own])
    with page.expect_download() as download:
        page.locator("#translate-all").click()
    assert download.value.suggested_filename == "translated.zip"
    assert not list(studio.uploads.rglob("own.png"))


# dropping pictures is the same code in all tabs; the others are tested before a release
TABS = [
    ("Super-resolution", "enlarge"), pytest.param("Translate", "translate", marks=pytest.mark.release),
    pytest.param("Inpaint", "fill", marks=pytest.mark.release),
]  # fmt: skip


@pytest.mark.parametrize(("tab", "part"), TABS)
def test_after_a_file_that_is_refused_the_next_one_can_be_dropped(
    studio: Studio, contexts: Contexts, own: Path, tmp_path: Path, tab: str, part: str
) -> None:
    page = opened(contexts().new_page(), studio, tab)
    (tmp_path / "junk.png").write_text("no picture")
    box = page.locator(f"#{part}-drop input[type=file]")
    for _ in range(2):
        box.set_input_files(tmp_path / "junk.png")
        message = page.get_by_text("This isn't a picture in an accepted format")
        expect(message).to_be_visible()
        page.locator(".toast-close").click()
        expect(message).to_be_hidden()
    with page.expect_response(lambda response: "/upload" in response.url):
        box.set_input_files(own)
    expect(page.locator(f"#{part}-drop").get_by_text("own")).to_be_hidden()
    expect(page.locator(f"#{part}-examples button[aria-current=true]")).to_have_count(0)
    assert not list(studio.uploads.rglob("junk.png"))


@pytest.mark.parametrize(("tab", "part"), TABS)
def test_only_the_first_frame_of_an_animation_is_used_and_that_is_reported(
    studio: Studio, contexts: Contexts, tmp_path: Path, tab: str, part: str
) -> None:
    page = opened(contexts().new_page(), studio, tab)
    frames = [Image.new("RGB", (40, 40), colour) for colour in ("red", "blue", "green")]
    frames[0].save(tmp_path / "moving.gif", save_all=True, append_images=frames[1:])
    page.locator(f"#{part}-drop input[type=file]").set_input_files(tmp_path / "moving.gif")
    expect(page.get_by_text("the first of its 3 frames is used")).to_be_visible()


def test_the_webcam_gives_a_picture_when_the_visitor_says_so(studio: Studio, browser: Browser) -> None:
    flags = ["--no-sandbox", "--disable-gpu", "--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    other = browser.browser_type.launch(executable_path=CHROMIUM, args=flags)
    page = opened(other.new_page(), studio, "Translate")
    given = page.locator("#translate-given img")
    example = shown(given)
    page.get_by_role("button", name="Use the webcam").click()
    page.get_by_role("button", name="Take picture").click()
    expect(given).not_to_have_attribute("src", example)
    expect(page.locator("#translate-camera video")).to_be_hidden()
    other.close()


def test_a_missing_webcam_is_reported(studio: Studio, contexts: Contexts) -> None:
    page = opened(contexts().new_page(), studio, "Translate")
    page.get_by_role("button", name="Use the webcam").click()
    expect(page.get_by_text("There is no webcam")).to_be_visible()


def test_a_picture_is_enlarged_and_can_be_downloaded(
    studio: Studio, contexts: Contexts, own: Path, tmp_path: Path
) -> None:
    page = opened(contexts().new_page(), studio, "Super-resolution")
    after = page.locator("#enlarged img.after")
    first = shown(after)
    choose(page, "#enlarge-model", "Tiny SRGAN")
    expect(after).not_to_have_attribute("src", first)
    example = shown(after)
    page.locator("#enlarge-drop input[type=file]").set_input_files(own)
    expect(page.get_by_text("40 x 40 pixels. Now click")).to_be_visible()
    expect(after).not_to_have_attribute("src", example)
    page.locator("#enlarge-start").click()
    expect(page.get_by_text("Enlarged from 40 x 40 to 80 x 80 pixels.")).to_be_visible()
    with page.expect_download() as download:
        page.locator("#enlarge-result a").first.click()
    download.value.save_as(tmp_path / "large.png")
    with Image.open(tmp_path / "large.png") as image:
        assert image.size == (80, 80)
    page.locator("#enlarged input[type=range]").fill("20")
    assert page.locator("#enlarged .line").evaluate("line => line.offsetLeft / line.parentElement.clientWidth") < 0.25
    expect(page.locator("#enlarged img.added")).to_be_hidden()
    page.get_by_label("What was added").check()
    expect(page.locator("#enlarged img.added")).to_be_visible()
    expect(page.locator("#enlarged .line")).to_be_hidden()


def test_a_users_network_is_added_and_enlarges(studio: Studio, contexts: Contexts, own: Path, tmp_path: Path) -> None:
    torch.save(compact().state_dict(), tmp_path / "2x-Mine.pth")
    (tmp_path / "junk.pth").write_text("no network")
    page = opened(contexts().new_page(), studio, "Super-resolution")
    shown(page.locator("#enlarged img.after"))
    page.get_by_text("Your own network").click()
    box = page.locator("#enlarge-network input[type=file]")
    box.set_input_files(tmp_path / "junk.pth")
    expect(page.get_by_text("junk.pth can't be read as weights")).to_be_visible()
    box.set_input_files(tmp_path / "2x-Mine.pth")
    expect(page.locator("#enlarge-model input")).to_have_value("2x-Mine", timeout=60_000)  # spandrel is imported
    expect(page.get_by_text("160 x 120 pixels. Now click")).to_be_visible()
    page.locator("#enlarge-drop input[type=file]").set_input_files(own)
    expect(page.get_by_text("40 x 40 pixels. Now click")).to_be_visible()
    page.locator("#enlarge-start").click()
    expect(page.get_by_text("Enlarged from 40 x 40 to 80 x 80 pixels.")).to_be_visible()


def test_what_is_painted_over_is_filled(studio: Studio, contexts: Contexts, own: Path) -> None:
    page = opened(contexts().new_page(), studio, "Inpaint")
    page.set_viewport_size({"width": 420, "height": 900})
    face = page.locator("#filled-face img")
    first = shown(face)
    line(page, "#fill-pad", height=0.8)
    expect(face).not_to_have_attribute("src", first)
    page.locator("#fill-pad [data-tool=clear]").click()
    expect(page.get_by_text("Nothing is masked yet")).to_be_visible()
    page.locator("#fill-drop input[type=file]").set_input_files(own)
    expect(page.locator("#fill-examples button[aria-current=true]")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
