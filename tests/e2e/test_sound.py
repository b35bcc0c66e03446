"""The page Sound in a real browser: clicking a tile plays it, one at a time."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import ConsoleMessage, Page, expect

from tests.e2e.serving import Server, serving

AUDIO = """
window.players = [];
const Native = window.Audio;
window.Audio = function (...given) {
  const player = new Native(...given);
  window.players.push({player, played: 0});
  player.addEventListener('playing', () => window.players.find(one => one.player === player).played += 1);
  return player;
};
"""  # the page's player isn't in the document


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with recordings: tones, twelve of each digit and speaker."""
    folder = tmp_path_factory.mktemp("data")
    place = folder / "FSDD" / "fsdd_8k_int16.npz"
    place.parent.mkdir()
    labels, speakers, takes = (part.ravel() for part in np.meshgrid(range(10), range(6), range(12), indexing="ij"))
    time = np.arange(8192) / 8000
    tones = np.sin(2 * np.pi * (200 + 100 * labels + 30 * speakers)[:, None] * time)
    np.savez(place, audio=(20_000 * tones).astype(np.int16), labels=labels, speakers=speakers, takes=takes)
    with serving(tmp_path_factory.mktemp("home"), GANSCOPE_DATA=str(folder)) as running:
        yield running


def is_fault(message: ConsoleMessage) -> bool:
    """Whether it is an error; excludes that Streamlit first looks for its server below the page's own path."""
    return message.type == "error" and "/sound/_stcore/" not in message.location["url"]


def test_a_tile_plays_when_it_is_pressed(app: Server, page: Page) -> None:
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if is_fault(message) else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.add_init_script(AUDIO)
    page.goto(f"{app.url}/sound")
    tiles = page.locator(".tiles button")
    expect(tiles.nth(1)).to_be_visible(timeout=150_000)  # a model of the shelf is opened, and twelve sounds made
    tiles.nth(1).click()
    page.wait_for_function("window.players.some(one => one.played && one.player.currentTime > 0)")
    assert page.evaluate("window.players.filter(one => one.played).map(one => one.player.duration)") == [1.024]
    expect(page.locator(".tiles .chosen").first).to_be_visible()  # and its details are shown
    page.wait_for_function("window.players.every(one => one.player.paused)")  # it ends
    expect(page.locator(".tiles button.playing")).to_have_count(0)
    assert errors == []
