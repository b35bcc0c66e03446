"""The Models page in a real browser: the gallery, a model, new samples, the download."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.e2e.serving import Server, serving
from tests.made_models import make_model


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two models on its shelf, and a damaged one."""
    home = tmp_path_factory.mktemp("home")
    for name in ("cgan.clear", "stylegan2.style", "mlp_gan.broken"):
        make_model(name, folder=home / "models" / name)
    (home / "models" / "mlp_gan.broken" / "weights.safetensors").write_bytes(b"")
    with serving(home) as running:
        yield running


def test_a_model_is_opened_from_the_gallery_drawn_from_and_downloaded(
    page: Page, shelf: Server, tmp_path: Path
) -> None:
    page.goto(f"{shelf.url}/models")
    card = page.locator(".st-key-model-card-cgan-clear")
    expect(card).to_contain_text("10 classes")
    expect(page.locator("[data-testid=stMain]")).to_contain_text("checksum differs")
    card.locator("img").click(force=True)  # the link covers the whole card
    expect(page).to_have_url(f"{shelf.url}/model?model=cgan.clear&lang=en")
    drawn = page.locator(".st-key-model-samples img")
    expect(drawn).to_be_visible()
    first = drawn.get_attribute("src")
    page.locator(".st-key-sampler-dice button").click()
    expect(drawn).not_to_have_attribute("src", first or "")
    expect(page).to_have_url(re.compile("seed="))
    with page.expect_download() as download:
        page.get_by_role("button", name="Download (PNG)").click()
    picture = tmp_path / "grid.png"
    download.value.save_as(picture)
    with Image.open(picture) as image:
        assert image.width >= 640
    with page.expect_download() as download:
        page.get_by_role("button", name="Weights").click()
    assert download.value.suggested_filename == "cgan.clear.safetensors"


def test_a_run_continues_from_a_model(page: Page, shelf: Server) -> None:
    page.goto(f"{shelf.url}/model?model=cgan.clear")
    expect(page.locator(".st-key-model-samples img")).to_be_visible()
    page.get_by_role("button", name="Continue training").click()
    page.locator("[class*=st-key-continue-steps] input").fill("3")
    page.locator("[class*=st-key-continue-steps] input").press("Enter")
    page.locator(".st-key-continue-train button").click()
    expect(page).to_have_url(re.compile("/train.*run="))
    expect(page.get_by_text("finished").first).to_be_visible()


@pytest.mark.parametrize("lang", [pytest.param("en", marks=pytest.mark.release), "zh"])
def test_it_fits_a_phone(page: Page, shelf: Server, lang: str) -> None:
    page.set_viewport_size({"width": 420, "height": 900})
    for place, wanted in (
        ("models?", ".st-key-gallery"),
        ("model?model=stylegan2.style&", ".st-key-model-samples img"),
    ):
        page.goto(f"{shelf.url}/{place}lang={lang}")
        expect(page.locator(wanted)).to_be_visible()
        assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 420
