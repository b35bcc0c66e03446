"""The Studio as a real server: every endpoint by a real client, uploads, languages, and what strangers may not see."""

from __future__ import annotations

import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from gan_core.data.avatars import draw_avatars, sample_attributes
from gan_core.latent.sliders import SLOTS
from tests.studio.conftest import CYCLE, DRAWING, ENLARGING, FILLING
from tests.studio_serving import STYLED, Studio
from ui.studio.requests.uploads import LARGE_BYTES
from ui.studio.view.pictures import lossless_url

CONTROLS = [4, 0.7, None, 2.0, *[0.0] * (SLOTS - 1), 0.0, 0, 1]
WAY = [STYLED, "1, 2", "linear", True]


def picture(folder: Path) -> Any:
    path = folder / "own.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)).save(path)
    return handle_file(str(path))


# what a client calls, in this order; a function is given a folder for files
CALLS: dict[str, Any] = {
    "/arrive": [f"?model={STYLED}&seed=4"],
    "/move": CONTROLS,
    "/settle": CONTROLS,
    "/undo": CONTROLS,
    "/redo": CONTROLS,
    "/another": CONTROLS,
    "/surprise_me": CONTROLS,
    "/reset": CONTROLS,
    "/pick": ["SeFa 1", *CONTROLS],
    "/download": CONTROLS,
    "/share": CONTROLS,
    "/save_edit": CONTROLS,
    "/choose_model": ["cgan.tiny", *CONTROLS],
    "/page_mix": [STYLED, 1, 2, "middle", 0],
    "/save_mixture": [STYLED, 1, 2, "middle", 0],
    "/matrix": [STYLED, 2, 2, 1, "coarse", 0],
    "/samples": [STYLED, 7],
    "/between": [*WAY, 0.3],
    "/keyframes": [STYLED, "1, 2"],
    "/more_keyframes": ["1, 2"],
    "/film": [*WAY, "GIF", 0.5, 128],
    "/take": lambda folder: [picture(folder), STYLED],
    "/find": [STYLED, 50],
    "/save_found": [1.0, *[0.0] * (SLOTS - 1)],
    "/edit": [1.0, *[0.0] * (SLOTS - 1)],
    "/choose": ["dcgan.tiny"],
    "/look": [STYLED, 1, None],
    "/all_on": [],
    "/save_inside": [],
    "/leakage": [STYLED],
    "/attribution": [STYLED, 1],
    "/begin": [STYLED, 1],
    "/save_dragged": [1],
    "/clear": [],
    "/translate_model": [CYCLE],
    "/page_translate": [CYCLE, "b_to_a", 0.5],
    "/translate_picture": lambda folder: [picture(folder), CYCLE, "a_to_b", 1],
    "/translate_photo": [lossless_url(Image.new("RGB", (32, 32))), CYCLE, "a_to_b", 1],
    "/translate_files": lambda folder: [[picture(folder)], CYCLE, "a_to_b", 1],
    "/save_translation": [CYCLE, "a_to_b", 1],
    "/sheet": [DRAWING],
    "/surprise": [DRAWING],
    "/draw": [lossless_url(Image.new("RGB", (8, 8), "white")), DRAWING],
    "/save_drawing": [lossless_url(Image.new("RGB", (8, 8), "white")), DRAWING],
    "/fill_model": [FILLING],
    "/fill_picture": lambda folder: [picture(folder), FILLING],
    "/fill": [lossless_url(Image.new("RGBA", (16, 16), "black")), FILLING],
    "/save_filled": [lossless_url(Image.new("RGBA", (16, 16), "black")), FILLING],
    "/enlarge_model": [ENLARGING],
    "/enlarge_picture": lambda folder: [picture(folder), ENLARGING, 4],
    "/page_enlarge": [ENLARGING, 2, 0.5, 1],
    "/models": [],
    "/bring": [STYLED],
}
FILES = {
    "/save_dragged",
    "/film",
    "/save_mixture",
    "/save_found",
    "/save_inside",
    "/download",
    "/share",
    "/save_edit",
    "/save_translation",
    "/translate_files",
    "/save_drawing",
    "/save_filled",
}
REFUSED = {
    "/make_slider": ([], "Label 10 to"),
    "/pull": ([0.16], "Click a point of the picture"),
    "/undo_drag": ([], "no drag to undo"),
    "/read_back": (None, "no Studio settings"),
    "/words": (["", "projected_gan.avatars", 1, 1.0, "clip"], "Write a sentence, such as"),
    "/refine_words": (["", "projected_gan.avatars", "clip", 1], "Write a sentence, such as"),
    "/save_words": ([], "There is no picture yet"),
    "/act": ([1], "There is no picture yet"),
}


@pytest.fixture(scope="module")
def client(studio: Studio) -> Iterator[Client]:
    made = Client(studio.url, verbose=False)
    yield made
    made.close()


@pytest.mark.timeout(900)  # including making all models
def test_every_endpoint_answers(client: Client, tmp_path: Path) -> None:
    """Those of the page, which aren't listed; for the others see test_api.py."""
    named = {f"/{one['api_name']}" for one in client.config["dependencies"] if one["api_visibility"] == "undocumented"}
    assert named == {*CALLS, *REFUSED}
    for name, given in CALLS.items():
        answer = client.predict(*(given(tmp_path) if callable(given) else given), api_name=name)
        assert answer is not None, name
        if name == "/film":
            assert (
                Path(answer[0]["file"]["path"] if isinstance(answer[0]["file"], dict) else answer[0]["file"]).suffix
                == ".gif"
            )
        assert "data:" in json.dumps(answer, default=str) or name in FILES | {"/more_keyframes", "/leakage"}, name


def test_an_unseen_drawn_face_is_found_and_another_kind_of_picture_is_reported_to_be_far_off(
    client: Client, tmp_path: Path
) -> None:
    """With the bundled model and its encoder."""
    said = []
    face = draw_avatars(sample_attributes(1, seed=77), 128)[0].transpose(1, 2, 0)  # (C, H, W) -> (H, W, C)
    stripes = np.full((64, 64, 3), 255, np.uint8)
    stripes[::16] = 0
    stripes[:, :32] = 0
    for name, pixels in (("face", face), ("stripes", stripes)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        client.predict(handle_file(str(tmp_path / f"{name}.png")), "stylegan2.avatars", api_name="/take")
        said.append(client.predict("stylegan2.avatars", 50, api_name="/find")[1])
    found = re.search(r"50 of 50: PSNR ([\d.]+) dB .* Perceptual distance ([\d.]+)", said[0])
    assert found is not None, said
    assert float(found[1]) > 20
    assert float(found[2]) < 0.6
    assert "Unlike this model's pictures" not in said[0]
    assert "Unlike this model's pictures" in said[1]


@pytest.mark.parametrize("name", sorted(REFUSED))
def test_invalid_calls_are_refused_with_a_sentence(client: Client, tmp_path: Path, name: str) -> None:
    client.predict(f"?model={STYLED}", api_name="/arrive")
    client.predict(STYLED, 1, api_name="/begin")
    client.predict(STYLED, 7, api_name="/samples")
    arguments, says = REFUSED[name]
    given = [picture(tmp_path), *CONTROLS] if arguments is None else arguments
    with pytest.raises(Exception, match=says):
        client.predict(*given, api_name=name)


def test_a_client_sees_the_same_picture_as_the_link_says(client: Client) -> None:
    client.predict(f"?model={STYLED}&seed=4", api_name="/arrive")
    settled = client.predict(*CONTROLS, api_name="/settle")
    again = client.predict("?" + settled[0]["query"], api_name="/arrive")
    assert again[0]["now"] == settled[0]["now"] != settled[0]["before"]


@pytest.mark.parametrize("content", [b"<svg onload=alert(1)>", b"GIF89a", b""])
def test_an_upload_that_is_no_picture_is_refused_and_deleted(
    studio: Studio, client: Client, tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "refused.png"
    path.write_bytes(content)
    with pytest.raises(Exception, match=r"isn't a picture in an accepted format|damaged or incomplete") as caught:
        client.predict(handle_file(str(path)), STYLED, api_name="/take")
    assert str(studio.uploads) not in str(caught.value)
    assert not list(studio.uploads.rglob("refused.png"))


def test_a_bomb_of_100_megapixels_is_refused(client: Client, tmp_path: Path) -> None:
    path = tmp_path / "own.png"
    Image.new("1", (10_000, 10_000)).save(path)
    with pytest.raises(Exception, match="more than 25 megapixels"):
        client.predict(handle_file(str(path)), STYLED, api_name="/take")


def test_a_file_that_is_too_large_is_not_even_kept(studio: Studio, client: Client, tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    path.write_bytes(bytes(LARGE_BYTES + 1))
    with pytest.raises(Exception, match="exceeds the maximum file size"):
        client.predict(handle_file(str(path)), STYLED, api_name="/take")
    assert not list(studio.uploads.rglob("large.png"))


def test_upload_limits_differ_between_tabs(studio: Studio, client: Client, tmp_path: Path) -> None:
    """Pictures that are enlarged may be larger files than others."""
    path = tmp_path / "large.bmp"
    Image.new("RGB", (2000, 2000)).save(path)
    with pytest.raises(Exception, match="larger than 10 MB"):
        client.predict(handle_file(str(path)), STYLED, api_name="/take")
    assert not list(studio.uploads.rglob("large.bmp"))
    assert "2000 x 2000 pixels" in client.predict(handle_file(str(path)), ENLARGING, 4, api_name="/enlarge_picture")[2]
    assert not list(studio.uploads.rglob("large.bmp"))


def test_an_error_in_chinese(studio: Studio) -> None:
    chinese = Client(f"{studio.url}/zh/", verbose=False)
    with pytest.raises(Exception, match="需要 2 到 8 个关键帧"):
        chinese.predict(STYLED, "1", api_name="/keyframes")
    chinese.close()


def fetched(url: str, **headers: str) -> tuple[str, str]:
    """Returns the final address, and the page."""
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        return answer.url, answer.read().decode()


def test_the_language_of_a_page_comes_from_the_link_and_else_from_the_browser(studio: Studio) -> None:
    page = {"Accept": "text/html"}
    url, text = fetched(f"{studio.url}/?seed=3&lang=zh", **page)
    assert url.endswith("/zh/?seed=3&lang=zh")
    assert "潜空间编辑" in text
    url, text = fetched(f"{studio.url}/zh/?lang=en&seed=3", **page)
    assert url.endswith("/?lang=en&seed=3")
    assert "Latent editing" in text
    assert fetched(studio.url, **page, **{"Accept-Language": "zh-CN,zh;q=0.9"})[0].endswith("/zh/?lang=zh")
    assert "Latent editing" in fetched(f"{studio.url}/?lang=xx", **page)[1]


def test_pages_name_no_other_server(studio: Studio) -> None:
    """Fonts, scripts and styles: nothing is loaded from elsewhere."""
    import re

    _, text = fetched(studio.url, Accept="text/html")
    loaded = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="(https?:[^"]+)"', text)
    assert [address for address in loaded if not address.startswith(studio.url)] == []


@pytest.mark.parametrize("path", ["gradio_app.py", "requirements.txt", "/etc/passwd", "../requirements.txt"])
def test_no_file_of_the_server_can_be_fetched(studio: Studio, path: str) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        fetched(f"{studio.url}/gradio_api/file={path}")
    assert caught.value.code in (403, 404)
    caught.value.close()


def test_it_rests_while_nobody_uses_it(studio: Studio) -> None:
    """Looking for events 1,000 times a second for each page would wake it about as often. Unlike processor time, the
    count doesn't grow on a slow or busy machine.
    """
    process = psutil.Process(studio.process)

    def wakes() -> float:
        began, before = time.monotonic(), process.num_ctx_switches().voluntary
        time.sleep(1)
        return (process.num_ctx_switches().voluntary - before) / (time.monotonic() - began)

    assert any(0 < wakes() < 250 for _ in range(20))  # after the work of other tests
