"""The user's images in a browser: a zip with mixed contents is read, its problems reported, and it is trained on."""

from __future__ import annotations

import io
import re
import zipfile
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from gan_core.runs.store import RunStore
from tests.e2e.serving import Server
from tests.e2e.test_train import start, state, stop_all, wait_for_step

SIDE = 24  # pixels
GOOD = 12  # images of each class


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def noise(random: np.random.Generator, channels: int) -> np.ndarray:
    return random.integers(0, 256, (SIDE, SIDE, channels), dtype=np.uint8)


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    """Two classes of good images; one that is cut off, a text, one too small; animated, CMYK and 16-bit ones."""
    random = np.random.default_rng(0)
    path = tmp_path / "my pets.zip"
    with zipfile.ZipFile(path, "w") as file:
        for place in range(GOOD):
            for name in ("cat", "dog"):
                file.writestr(f"{name}/{place}.png", saved(Image.fromarray(noise(random, 3)), "PNG"))
        frames = [Image.fromarray(noise(random, 3)) for _ in range(3)]
        file.writestr("cat/waves.gif", saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
        file.writestr("dog/print.jpg", saved(Image.fromarray(noise(random, 4), "CMYK"), "JPEG"))
        deep = random.integers(0, 65536, (SIDE, SIDE)).astype(np.uint16)
        file.writestr("dog/scan.png", saved(Image.fromarray(deep), "PNG"))
        file.writestr("cat/cut.png", saved(Image.fromarray(noise(random, 3)), "PNG")[:200])
        file.writestr("dog/notes.txt", "no picture")
        file.writestr("dog/tiny.png", saved(Image.new("RGB", (4, 4)), "PNG"))
    return path


@pytest.mark.parametrize(
    ("lang", "count", "left_out", "why", "note"),
    [
        ("en", "27 images", "Files skipped: 3", "broken or cut off", "Animated files: 1"),
        pytest.param(
            "zh", "27 张图像", "跳过的文件：3 个", "损坏或不完整", "动画文件：1 个", marks=pytest.mark.release
        ),
    ],
)
def test_a_zip_is_read_reported_and_trained_on(
    server: Server, page: Page, mixed: Path, lang: str, count: str, left_out: str, why: str, note: str
) -> None:
    stop_all(server)
    page.goto(
        f"{server.url}/train?recipe=dcgan&size=16&channels=8&max_channels=16&batch_size=8&steps=100000&lang={lang}"
    )
    page.locator(".st-key-data1 input").click()
    page.get_by_role("option").last.click()
    page.locator("input[type=file]").set_input_files(mixed)
    summary = page.locator(".st-key-summary")
    expect(summary.get_by_text(count)).to_be_visible()
    expect(summary.get_by_text(re.compile("cat, dog|cat、dog"))).to_be_visible()
    expect(summary.get_by_text(note)).to_be_visible()
    expect(summary.locator("img")).to_be_visible()
    page.get_by_text(left_out).click()
    for name in ("cat/cut.png", "dog/notes.txt", "dog/tiny.png"):
        expect(summary.get_by_role("cell", name=name)).to_be_visible()
    expect(summary.get_by_role("cell", name=why)).to_be_visible()
    assert "data=upload" in page.url

    start(page)
    state(page, "running")
    wait_for_step(page, 2)
    expect(page.locator(".real")).to_be_visible()
    store = RunStore(server.home)
    assert store.runs()[0].spec.data.startswith("upload:")
    store.close()
    page.locator(".st-key-data-panel summary").click()
    page.locator(".st-key-data-panel").get_by_text(left_out).click()
    expect(page.get_by_role("cell", name="dog/tiny.png")).to_be_visible()
    stop_all(server)


def test_a_zip_of_pairs_is_trained_on(server: Server, page: Page, tmp_path: Path) -> None:
    stop_all(server)
    random = np.random.default_rng(0)
    path = tmp_path / "facades.zip"
    with zipfile.ZipFile(path, "w") as file:
        for number in range(GOOD):
            for side in ("trainA", "trainB"):
                file.writestr(f"facades/{side}/{number}.png", saved(Image.fromarray(noise(random, 3)), "PNG"))
    page.goto(f"{server.url}/train?recipe=pix2pix&size=16&channels=4&discriminator_channels=4&steps=100000&lang=en")
    page.locator(".st-key-data1 input").click()
    page.get_by_role("option").last.click()
    expect(page.get_by_text("A zip with folders trainA and trainB")).to_be_visible()
    page.locator("input[type=file]").set_input_files(path)
    expect(page.locator(".st-key-summary").get_by_text(f"{GOOD} pairs")).to_be_visible()
    assert "data=paired-upload" in page.url
    start(page)
    state(page, "running")
    wait_for_step(page, 2)
    with closing(RunStore(server.home)) as store:
        assert store.runs()[0].spec.data.startswith("paired-upload:facades-")
    stop_all(server)
