"""The page of `ganscope demo` in a real browser: it draws what GANscope draws, and contacts no server."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import BrowserContext, Page, expect

from benchmarks.demo import SLIDE, delivered
from gan_core.exporting import demo
from gan_core.latent.explorer import Explorer
from gan_core.latent.truncation import Truncation, truncated
from gan_core.models import loading
from gan_core.pictures.grids import to_uint8
from tests.made_models import make_model

PIXELS = "canvas => [...canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data]"

pytestmark = pytest.mark.skipif(shutil.which("npm") is None, reason="npm brings onnxruntime-web")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Explorer]]:
    """A page's address, and its model."""
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANSCOPE_HOME", str(folder / "home"))
        make_model("stylegan2.x", folder=folder / "model", latent_size=20)
        made = demo.build(str(folder / "model"), folder / "page")
        explorer = Explorer(loading.load(str(folder / "model")))
    with delivered(made.folder) as url:
        yield url, explorer


def opened(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.locator("#others button[data-seed]")).to_have_count(16)


def pixels(page: Page, seed: int = 0) -> np.ndarray:
    shown = page.locator("#picture").evaluate(PIXELS)
    return np.array(shown, int).reshape(8, 8, 4)[..., :3]


@pytest.mark.filterwarnings("ignore")  # the exporter's own, of its internals
def test_it_draws_the_picture_of_a_seed_and_its_sliders_move_it(page: Page, built: tuple[str, Explorer]) -> None:
    url, explorer = built
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    opened(page, f"{url}?seed=7&lang=en")
    drawn = pixels(page)
    points = truncated(explorer, explorer.sample(1, seed=7), Truncation(demo.TRUNCATION))
    assert np.abs(drawn - to_uint8(explorer.draw(points))[0].astype(int)).max() <= 1
    before = page.locator("#picture").get_attribute("data-milliseconds") or ""
    page.locator("#slider-0").evaluate(SLIDE, 4)
    expect(page.locator("#picture")).not_to_have_attribute("data-milliseconds", before)
    assert np.abs(pixels(page) - drawn).max() > 1
    expect(page.locator("#state")).to_contain_text("on one thread")
    page.locator("#reset").click()
    expect(page.locator("#slider-0")).to_have_value("0")
    page.get_by_role("button", name="New picture").click()
    expect(page.locator("#seed")).not_to_have_value("7")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download (PNG)").click()
    assert download.value.suggested_filename.startswith("ganscope-stylegan2.x-seed")
    assert all(address.startswith((url, "data:")) for address in asked)
    assert complaints == []


def test_it_fits_a_phone_and_speaks_chinese(
    contexts: Callable[..., BrowserContext], built: tuple[str, Explorer], tmp_path: Path
) -> None:
    page = contexts(420, 900, "zh-CN").new_page()
    opened(page, built[0])
    expect(page.get_by_role("button", name="换一张")).to_be_visible()
    expect(page.locator("#state")).to_contain_text("单线程")
    expect(page.locator("#class-box")).to_be_hidden()
    assert page.evaluate("document.documentElement.scrollWidth") <= 420
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("button", name="New picture")).to_be_visible()
