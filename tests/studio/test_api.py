"""The API: each call separately, with named values, files in and out; and its documentation."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import Client, handle_file
from PIL import Image

from tests.studio.conftest import CYCLE, ENLARGING, FILLING
from tests.studio_serving import ROOT, STYLED, Studio
from ui.languages import using
from ui.studio.requests import api
from ui.studio.view.pictures import MARK, MARK_KEY, SETTINGS_KEY
from ui.studio.view.view import View

PAGE = ROOT / "docs" / "api.md"
VALUES = {
    "/generate": ["model", "seed", "truncation", "class", "edits"],
    "/mix": ["model", "seed_a", "seed_b", "band", "first_layer", "truncation"],
    "/interpolate": ["model", "seeds", "way", "closed", "kind", "seconds", "size", "truncation"],
    "/invert": ["picture", "model", "steps"],
    "/translate": ["picture", "model", "direction", "strength"],
    "/inpaint": ["picture", "mask", "model"],
    "/enlarge": ["picture", "model", "scale"],
}


@pytest.fixture
def call(studio: Studio) -> Iterator[Any]:
    """A new client."""
    client = Client(studio.url, verbose=False)
    yield client.predict
    client.close()


@pytest.fixture(scope="module")
def refused(studio: Studio) -> Iterator[Any]:
    """One client for all refused calls, which leave no state: each new one first reads the whole page."""
    client = Client(studio.url, verbose=False)
    yield client.predict
    client.close()


@pytest.fixture
def own(tmp_path: Path) -> Any:
    path = tmp_path / "own.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(path)
    return handle_file(str(path))


def opened(path: str) -> Image.Image:
    with Image.open(path) as image:
        image.load()
        return image


def test_seven_calls_are_listed_with_named_values_and_nothing_else(studio: Studio) -> None:
    client = Client(studio.url, verbose=False)
    listed: Any = client.view_api(return_format="dict", print_info=False)
    client.close()
    assert listed["unnamed_endpoints"] == {}
    found = {
        name: [one["parameter_name"] for one in about["parameters"]]
        for name, about in listed["named_endpoints"].items()
    }
    assert found == VALUES
    for about in listed["named_endpoints"].values():
        needed = {one["parameter_name"] for one in about["parameters"] if not one["parameter_has_default"]}
        assert needed <= {"picture", "mask"}
        assert [one["component"] for one in about["returns"]] == ["File"]


def test_a_picture_is_that_of_the_link(call: Any, shelf: Path) -> None:
    path = call(model=STYLED, seed=4, truncation=0.5, edits="PCA 1*2, PCA 2*-1@0-1", api_name="/generate")
    image = opened(path)
    assert image.text[MARK_KEY] == MARK
    assert image.text[SETTINGS_KEY] == f"model={STYLED}&seed=4&psi=0.5&edits=PCA+1*2,PCA+2*-1@0-1"
    again = call(model=STYLED, seed=4, truncation=0.5, edits={"PCA 1": 2}, api_name="/generate")
    assert opened(again).tobytes() != image.tobytes()
    assert (
        opened(again).tobytes()
        == api.picture(View(STYLED, 4, 0.5, None, (api.edits_of("PCA 1*2", api.opened(STYLED))[0],))).tobytes()
    )


def test_classes_have_numbers_and_names(call: Any) -> None:
    made = [call(model="cgan.tiny", seed=1, **{"class": one}, api_name="/generate") for one in (7, "7", "7.0", 3)]
    pixels = [opened(path).tobytes() for path in made]
    assert pixels[0] == pixels[1] == pixels[2] != pixels[3]
    for wrong in (10, -1, "none", 1.5):
        with pytest.raises(Exception, match="class can't be"):
            call(model="cgan.tiny", **{"class": wrong}, api_name="/generate")
    with pytest.raises(Exception, match="is unconditional"):
        call(model=STYLED, **{"class": 1}, api_name="/generate")


def test_a_mixture_is_neither_one_nor_the_other(call: Any) -> None:
    a, b = (call(model=STYLED, seed=seed, api_name="/generate") for seed in (1, 2))
    mixed = call(model=STYLED, seed_a=1, seed_b=2, band="coarse", api_name="/mix")
    assert len({opened(path).tobytes() for path in (a, b, mixed)}) == 3
    assert opened(call(model=STYLED, band="from", first_layer=0, api_name="/mix")).tobytes() == opened(b).tobytes()
    with pytest.raises(Exception, match="is not style-based"):
        call(model="dcgan.tiny", api_name="/mix")


@pytest.mark.parametrize(("kind", "start"), [("MP4", b"ftyp"), ("GIF", b"GIF8"), ("WebP", b"WEBP")])
def test_films_are_files(call: Any, kind: str, start: bytes) -> None:
    path = call(model=STYLED, seeds="1, 2", seconds=0.5, size=128, kind=kind, api_name="/interpolate")
    assert start in Path(path).read_bytes()[:16]
    if kind != "MP4":
        with Image.open(path) as film:
            assert film.size == (128, 128)
            assert film.n_frames > api.KINDS[kind][0] / 2  # equal frames are merged into a longer one


def test_pictures_go_in_and_out(call: Any, own: Any, tmp_path: Path) -> None:
    assert opened(call(picture=own, model=STYLED, steps=50, api_name="/invert")).text[SETTINGS_KEY].startswith("psnr=")
    there = opened(call(picture=own, model=CYCLE, direction="a_to_b", api_name="/translate"))
    back = opened(call(picture=own, model=CYCLE, direction="b_to_a", api_name="/translate"))
    assert there.tobytes() != back.tobytes()
    for scale, side in ((2, 64), (4, 128), (None, 128)):
        assert opened(call(picture=own, model=ENLARGING, scale=scale, api_name="/enlarge")).size == (side, side)


def test_a_mask_selects_what_is_filled_in(call: Any, own: Any, tmp_path: Path) -> None:
    masks = {}
    for name, box in (("none", (0, 0, 0, 0)), ("left", (0, 0, 16, 32))):
        grey = Image.new("L", (32, 32))
        grey.paste(255, box)
        clear = Image.new("RGBA", (32, 32), "red")
        clear.putalpha(grey)
        for kind, image in (("white", grey), ("opaque", clear)):
            image.save(tmp_path / f"{name}-{kind}.png")
            masks[name, kind] = handle_file(str(tmp_path / f"{name}-{kind}.png"))
    made = {
        key: np.asarray(opened(call(picture=own, mask=mask, model=FILLING, api_name="/inpaint")))
        for key, mask in masks.items()
    }
    before, after = made["none", "white"], made["left", "white"]
    half = before.shape[1] // 2
    assert (made["left", "opaque"] == after).all()
    assert (before[:, half:] == after[:, half:]).all()
    assert (before[:, :half] != after[:, :half]).any()
    Image.new("L", (64, 32)).save(tmp_path / "wide.png")
    with pytest.raises(Exception, match="must have the same proportions"):
        call(picture=own, mask=handle_file(str(tmp_path / "wide.png")), model=FILLING, api_name="/inpaint")


@pytest.mark.parametrize(
    ("name", "values", "says"),
    [
        ("/generate", {"model": "nobody"}, "There is no model named 'nobody'. Valid:"),
        ("/generate", {"model": "../secret"}, "There is no model named"),
        ("/generate", {"model": CYCLE}, "There is no model named"),
        ("/generate", {"seed": -1}, "seed must be between 0 and 2147483647"),
        ("/generate", {"seed": 1.5}, "seed must be a whole number"),
        ("/generate", {"truncation": 9}, "truncation must be between 0 and 1.5"),
        ("/generate", {"edits": "smile"}, "isn't a valid edit. Example"),
        ("/generate", {"edits": [1]}, "isn't a valid edit. Example"),
        ("/generate", {"edits": {"nobody": 1}}, "no direction named nobody"),
        ("/generate", {"edits": {"PCA 1": 99}}, "The strength must be between"),
        ("/mix", {"band": "all"}, "band can't be 'all'. Valid: coarse, middle, fine, from"),
        ("/interpolate", {"seeds": [1]}, "needs 2 to 8 keyframes, got 1"),
        ("/interpolate", {"seeds": 5}, "seeds must be a list"),
        ("/interpolate", {"seeds": [1, "x"]}, "The seed must be a whole number"),
        ("/interpolate", {"kind": "AVI"}, "kind can't be 'AVI'. Valid: MP4, GIF, WebP"),
        ("/interpolate", {"size": 4096}, "size can't be '4096'. Valid: 128, 256, 512"),
        ("/interpolate", {"seconds": 60}, "seconds must be between 0.5 and 4"),
        ("/invert", {"picture": None}, "Drop in a picture first"),
        ("/translate", {"picture": None}, "Drop in a picture first"),
        ("/inpaint", {"picture": None, "mask": None}, "Drop in a picture first"),
        ("/enlarge", {"picture": None}, "Drop in a picture first"),
    ],
)
def test_invalid_requests_are_reported_with_what_is_valid(
    refused: Any, name: str, values: dict[str, Any], says: str
) -> None:
    model = {} if "model" in values or "picture" in values else {"model": STYLED}
    with pytest.raises(Exception, match=re.escape(says)):
        refused(**values, **model, api_name=name)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("/translate", {"direction": "c_to_d", "model": CYCLE}),
        ("/translate", {"strength": 2, "model": CYCLE}),
        ("/invert", {"steps": 5}),
        ("/enlarge", {"scale": 3, "model": ENLARGING}),
        ("/enlarge", {"model": CYCLE}),
    ],
)
def test_invalid_requests_on_a_picture_are_reported(refused: Any, own: Any, name: str, values: dict[str, Any]) -> None:
    with pytest.raises(Exception, match=r"Valid:|must be between"):
        refused(picture=own, **values, api_name=name)


# --- the page of the docs --------------------------------------------------------------------------------------------


def blocks(language: str) -> list[str]:
    found: list[str] = re.findall(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.S)
    return found


@pytest.mark.release
def test_the_python_of_the_docs_runs(studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the models that come with GANscope, as a reader would."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in blocks("python"):
        exec(block.replace("http://127.0.0.1:7860", studio.url), names)
    for name in ("face", "smile", "coarse", "seven", "mixed", "found", "coloured", "larger", "filled"):
        assert opened(names[name]).width > 1, name
    assert Path(names["film"]).suffix == ".mp4"
    assert opened(names["larger"]).width == 2 * opened(names["face"]).width
    assert opened(names["face"]).tobytes() != opened(names["smile"]).tobytes()


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_the_shell_of_the_docs_runs(studio: Studio, tmp_path: Path) -> None:
    script = "set -e\n" + "\n".join(blocks("bash")).replace("http://127.0.0.1:7860", studio.url)
    subprocess.run(["bash", "-c", script], cwd=tmp_path, check=True, timeout=120)
    assert opened(str(tmp_path / "larger.png")).width == 2 * opened(str(tmp_path / "face.png")).width


def test_the_table_of_the_docs_is_true() -> None:
    rows = re.findall(r"^\| `(/\w+)` \| [^|]+ \| ([^|]+) \|", PAGE.read_text(encoding="utf-8"), re.M)
    assert {name: re.findall(r"`(\w+)`", values) for name, values in rows} == VALUES


@pytest.mark.usefixtures("shelf")
def test_errors_are_in_the_language_of_the_address(studio: Studio) -> None:
    client = Client(f"{studio.url}/zh/", verbose=False)
    with using("zh"), pytest.raises(Exception, match=r"必须在 0 到 1\.5 之间"):
        client.predict(truncation=9, api_name="/generate")
    client.close()
