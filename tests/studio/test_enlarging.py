"""Super-resolution in the Studio: examples, uploads of every kind, results as files, long work that can be stopped."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
import torch
from PIL import Image

from gan_core.data.base import Progress
from gan_core.errors import BadCheckpoint, BadData, BadValue, UnknownName
from gan_core.pictures import photos
from tabs import enlarge
from tests.models.test_community import compact
from tests.studio.conftest import CYCLE, ENLARGING, SMOOTH
from tests.studio.test_translating import picture, same
from ui.studio.models import enlargers
from ui.studio.requests.calls import streaming
from ui.studio.requests.jobs import workshop
from ui.studio.view import enlargement
from ui.studio.view.pictures import MARK, write_marked

pytestmark = pytest.mark.usefixtures("shelf")
OWN, SHOWN, STRIP, SAID, FILE = range(5)


def saved(folder: Path, array: np.ndarray, name: str = "own.png") -> Path:
    path = folder / name
    photos.write(path, array)
    return path


def noise(*shape: int, kind: Any = np.uint8) -> np.ndarray:
    return np.random.default_rng(0).integers(0, np.iinfo(kind).max, shape, kind, endpoint=True)


def finished(own: enlarge.Source, scale: int = 4, share: float = 0.0) -> tuple[list[Any], np.ndarray, dict[str, str]]:
    """The last scene, and the file as the page gets it, before the callback goes on and deletes it."""
    for scene in enlarge.enlarge(own, ENLARGING, scale, share):
        if scene[FILE].get("visible"):
            path = Path(scene[FILE]["value"])
            with Image.open(path) as image:
                texts = dict(image.text)
            result = photos.read(path, 2**24), texts
    assert not path.exists()
    return scene, *result


def test_an_example_is_enlarged_from_the_start_and_models_of_the_same_networks_can_be_blended() -> None:
    scales, share, own, shown, strip, said, *_ = enlarge.model_of(enlarge.Source(), ENLARGING)
    assert scales["choices"] == [("2×", 2), ("4×", 4)]
    assert share["visible"]
    assert len(strip["items"]) == 3
    assert picture(shown).size == (640, 480)
    assert "Enlarged from 160 x 120 to 640 x 480" in said
    assert picture({"now": shown["before"]}).size == (640, 480)
    other = enlarge.press(gr.EventData(None, {"place": 2}), ENLARGING)
    assert other[STRIP]["place"] == 2
    assert not same(other[SHOWN], shown)
    own = enlarge.Source(own.array[:20, :20], "part", -1)
    first, half, last = (picture(finished(own, share=part)[0][SHOWN]).tobytes() for part in (0, 0.5, 1))
    assert len({first, half, last}) == 3


def brought(tmp_path: Path, name: str = "2x.pth") -> Path:
    """An upload of a network that others have trained."""
    path = tmp_path / "uploads" / name
    path.parent.mkdir(exist_ok=True)
    torch.save(compact().state_dict(), path)
    return path


def visitor(host: str = "127.0.0.1") -> Any:
    """Who asks, as far as callbacks look at it."""
    return SimpleNamespace(client=SimpleNamespace(host=host))


@pytest.fixture
def no_files(shelf: Path) -> Iterator[Path]:
    """The folder of such files, which the other tests want empty."""
    folder = shelf.parent / "upscalers"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


def test_a_network_of_ones_own_is_kept_chosen_and_enlarges(no_files: Path, tmp_path: Path) -> None:
    path = brought(tmp_path)
    content = path.read_bytes()
    chosen = enlarge.take_network(visitor(), str(path))
    assert chosen["value"] == "file:2x.pth"
    assert ("2x", "file:2x.pth") in chosen["choices"]
    assert not path.exists()
    assert (no_files / "2x.pth").read_bytes() == content
    assert enlarge.listed(ENLARGING)["choices"] == chosen["choices"]
    scales, share, own, shown, strip, said, *_ = enlarge.model_of(enlarge.Source(), "file:2x.pth")
    assert (scales["choices"], scales["value"]) == ([("2×", 2)], 2)
    assert not share["visible"]
    assert "Now click" in said  # it may take long, so nothing is made of the example yet
    assert (strip["place"], picture(shown).size) == (0, (160, 120))
    assert enlarge.press_at("file:2x.pth", 1)[STRIP]["place"] == 1
    own = enlarge.Source(own.array[:20, :20], "part", -1)
    (scene,) = [scene for scene in enlarge.enlarge(own, "file:2x.pth", 2, 0) if scene[FILE].get("visible")]
    assert "Enlarged from 20 x 20 to 40 x 40" in scene[SAID]
    (no_files / "2x.pth").unlink()
    assert enlarge.listed("file:2x.pth")["value"] in (ENLARGING, SMOOTH)
    with pytest.raises(UnknownName):
        enlarge.model_of(own, "file:2x.pth")
    with pytest.raises(UnknownName):
        enlarge.model_of(own, "file:../../secret.pth")


def test_files_that_are_no_network_are_told_and_not_kept(no_files: Path, tmp_path: Path) -> None:
    junk = tmp_path / "junk.pth"
    junk.write_bytes(b"junk")
    with pytest.raises(BadCheckpoint, match=r"junk\.pth can't be read as weights"):
        enlarge.take_network(visitor(), str(junk))
    text = tmp_path / "x.txt"
    text.write_text("x")
    with pytest.raises(BadValue, match=r"Valid file extensions: \.pth"):
        enlarge.take_network(visitor(), str(text))
    assert not junk.exists()
    assert not text.exists()
    assert not no_files.exists()


def test_where_strangers_visit_no_network_is_taken(
    no_files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    enlarge.take_network(visitor(), str(brought(tmp_path)))
    path = brought(tmp_path, "other.pth")
    with pytest.raises(BadValue, match="on the computer that runs the Studio"):
        enlarge.take_network(visitor("192.168.1.7"), str(path))
    assert not path.exists()
    monkeypatch.setenv("GANSCOPE_HOSTED", "1")
    path = brought(tmp_path, "other.pth")
    with pytest.raises(BadValue, match="this Studio is public"):
        enlarge.take_network(visitor(), str(path))
    assert not path.exists()
    assert [path.name for path in no_files.iterdir()] == ["2x.pth"]
    assert "file:2x.pth" not in dict(map(reversed, enlarge.listed(ENLARGING)["choices"]))
    with pytest.raises(UnknownName):
        enlarge.model_of(enlarge.Source(), "file:2x.pth")


@pytest.mark.parametrize(
    "array", [noise(12, 10, 3), noise(12, 10, 4), noise(9, 7, 1), noise(1, 1, 3), noise(6, 8, 3, kind=np.uint16),
              noise(6, 8, 1, kind=np.uint16)],
    ids=["colours", "transparency", "grey", "one pixel", "deep colours", "deep grey"],
)  # fmt: skip
def test_pictures_keep_their_kind(tmp_path: Path, array: np.ndarray) -> None:
    path = saved(tmp_path, array)
    own, shown, *_ = enlarge.take(str(path))
    assert not path.exists()
    assert picture(shown).size == (array.shape[1], array.shape[0])
    for scale in (2, 4):
        scene, result, texts = finished(own, scale)
        height, width, channels = array.shape
        assert (result.shape, result.dtype) == ((height * scale, width * scale, channels), array.dtype)
        assert texts["Software"] == MARK
        assert picture(scene[SHOWN]).size == (width * scale, height * scale)


def test_of_a_large_result_the_middle_is_shown() -> None:
    array = noise(700, 900, 3)
    window, (left, top, right, bottom) = enlargement.visible(array.repeat(2, 0).repeat(2, 1), 2)
    assert window.shape == (960, 1280, 3)
    assert (left % 2, top % 2, right % 2, bottom % 2) == (0, 0, 0, 0)
    assert np.array_equal(window[::2, ::2], array[top // 2 : bottom // 2, left // 2 : right // 2])


@pytest.mark.parametrize(
    ("content", "says"),
    [(b"junk", "isn't a picture in an accepted format"), (b"", "isn't a picture in an accepted format")],
)
def test_what_is_no_picture_is_refused_and_deleted(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "own.png"
    path.write_bytes(content)
    with pytest.raises(BadData, match=says):
        enlarge.take(str(path))
    assert not path.exists()


@pytest.mark.parametrize(
    ("name", "kind"), [("zip.tif", np.uint16), ("interlaced.png", np.uint16), ("lzw.tif", np.uint8)]
)
def test_sixteen_bits_are_kept_or_it_is_told_that_they_are_not(name: str, kind: type, tmp_path: Path) -> None:
    path = Path(shutil.copy(Path(__file__).parents[1] / "pictures" / "files" / f"deep_{name}", tmp_path))
    own, _, _, said, *_ = enlarge.take(str(path))
    assert own.array.dtype == kind
    assert "21 x 13 pixels" in said
    assert ("can't be read here, so 8 bits are used" in said) == (kind is np.uint8)


def test_pictures_that_are_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "own.png"
    Image.new("1", (20_000, 20_000)).save(path)
    with pytest.raises(BadData, match="more than 16 megapixels"):
        enlarge.take(str(path))
    assert not path.exists()
    own = enlarge.Source(np.zeros((2200, 2200, 3), np.uint8), "own", -1)
    with pytest.raises(BadValue, match="at most 4 can be upscaled by a factor of 4"):
        list(enlarge.enlarge(own, ENLARGING, 4, 0))
    monkeypatch.setenv("GANSCOPE_HOSTED", "1")
    with pytest.raises(BadValue, match="more than 1 megapixels"):
        list(enlarge.enlarge(own, ENLARGING, 2, 0))


def test_the_result_of_another_picture_is_not_offered(tmp_path: Path) -> None:
    own = enlarge.take(str(saved(tmp_path, noise(20, 30, 3))), ENLARGING, 4)
    scenes = [own, enlarge.middle(own[OWN], ENLARGING, 4), enlarge.press_at(ENLARGING, 0)]
    for scene in scenes:
        assert (scene[FILE]["value"], scene[FILE]["visible"]) == (None, False)
    again = enlarge.model_of(own[OWN], SMOOTH)
    assert again[2 + SAID] == own[SAID] == "30 x 20 pixels. Now click “Enlarge”."  # instead of a job's progress


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((ENLARGING, 3, 0), "can't upscale by a factor of 3"),
        ((ENLARGING, 4, 2), "share must be"),
        ((CYCLE, 4, 0), "doesn't support"),
    ],
)
def test_what_can_not_be_asked(arguments: tuple, says: str) -> None:
    own = enlarge.Source(noise(8, 8, 3), "own", -1)
    with pytest.raises(BadValue, match=says):
        list(enlarge.enlarge(own, *arguments))
    with pytest.raises(BadValue, match="Drop in a picture first"):
        list(enlarge.enlarge(enlarge.Source(), SMOOTH, 4, 0))
    with pytest.raises(BadValue, match="no example at position 9"):
        enlarge.press_at(ENLARGING, 9)
    assert len(workshop) == 0


def test_who_stops_a_job_gives_the_place_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    ended = threading.Event()

    def endless(sampler: Any, array: Any, scale: int, path: Path, told: Progress, strength: float) -> None:
        try:
            while True:
                told(0.25, "")
                time.sleep(0.01)
        finally:
            ended.set()

    monkeypatch.setattr(enlarge, "_written", endless)
    own = enlarge.Source(noise(8, 8, 3), "own", -1)
    steps = streaming(enlarge.enlarge)(own, ENLARGING, 4, 0)
    next(steps)
    assert "25 %" in next(steps)[SAID]
    assert len(workshop) == 1
    del steps
    assert ended.wait(1)
    monkeypatch.setattr(enlargers, "LONGEST", 0.3)
    with pytest.raises(BadValue, match="took longer than"):
        list(enlarge.enlarge(own, ENLARGING, 4, 0))


def test_a_deep_picture_carries_the_mark_and_can_be_read(tmp_path: Path) -> None:
    array = noise(5, 4, 3, kind=np.uint16)
    path = tmp_path / "deep.png"
    write_marked(path, array)
    assert np.array_equal(photos.read(path, 100), array)
    with Image.open(path) as image:
        image.load()
        assert image.text["Software"] == MARK


def test_how_long_it_takes_is_said_beforehand_and_what_takes_too_long_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert enlarge.budget(enlarge.Source(), ENLARGING) == ""
    own = enlarge.Source(noise(64, 64, 3), "own", -1)
    assert enlarge.budget(own, ENLARGING) == "This takes about 1 s."
    monkeypatch.setenv("GANSCOPE_HOSTED", "1")
    assert enlarge.budget(own, ENLARGING) == "This takes about 1 s. It stops after 120 s at the latest."
    monkeypatch.setattr("ui.studio.models.costs.WEIGHT", 1.0)
    with pytest.raises(BadValue, match="at most 120 are allowed here"):
        next(enlarge.enlarge(own, ENLARGING, 4, 0, 1))


# --- what is said before anything is enlarged ------------------------------------------------------------------------

STRENGTH, NOTICE, TWICE, MIDDLE, FAITHFUL = range(7, 12)


def offered(scene: list[Any]) -> list[bool]:
    return [one["visible"] for one in scene[TWICE : FAITHFUL + 1]]


def jpeg(folder: Path, quality: int) -> Path:
    """A photo that was saved so; shrunk before, so that nothing else has harmed it."""
    path = folder / "own.jpg"
    photos.sample_photo("china.jpg").resize((320, 214), Image.Resampling.LANCZOS).save(path, quality=quality)
    return path


def test_the_first_model_is_the_one_of_pixels_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        enlarge.image_models.__globals__["listing"], "BUNDLED", Path(__file__).parents[2] / "pretrained"
    )
    assert enlargers.first() == "srresnet.bsds_x4"


def test_a_harmed_jpeg_is_told_on_arrival_and_the_strength_is_lowered(tmp_path: Path) -> None:
    scene = enlarge.take(str(jpeg(tmp_path, 30)), ENLARGING, 4)
    assert scene[STRENGTH]["value"] == 0
    assert "**JPEG at quality 30** has left block artefacts" in scene[NOTICE]
    little = enlarge.take(str(jpeg(tmp_path, 85)), ENLARGING, 4)
    assert 0.4 < little[STRENGTH]["value"] < 0.8
    assert little[NOTICE].startswith("This picture was saved as JPEG at quality 85. The model treats this as detail")
    clean = enlarge.take(str(jpeg(tmp_path, 97)), ENLARGING, 4)
    assert (clean[STRENGTH]["value"], clean[NOTICE], offered(clean)) == (1, "", [False] * 3)
    again = enlarge.press_at(ENLARGING, 0)
    assert (again[STRENGTH]["value"], again[NOTICE]) == (1, "")


def test_a_noisy_picture_is_passed_through_as_bicubic_enlargement_makes_it(tmp_path: Path) -> None:
    still = np.full((64, 64, 3), 128, np.uint8)
    noisy = (still + np.random.default_rng(0).normal(0, 15, still.shape)).round().clip(0, 255).astype(np.uint8)
    scene = enlarge.take(str(saved(tmp_path, noisy)), ENLARGING, 4)
    assert scene[STRENGTH]["value"] == 0
    assert "**Noise**: about 1" in scene[NOTICE]
    assert "bicubic enlargement" in scene[NOTICE]
    *_, last = enlarge.enlarge(scene[OWN], ENLARGING, 4, 0, 0)
    shown = last[SHOWN]
    bicubic = Image.fromarray(noisy).resize((256, 256), Image.Resampling.BICUBIC)
    assert np.abs(np.asarray(picture(shown), int) - np.asarray(bicubic, int)).mean() < 3
    assert shown["now"] == shown["before"]  # shown as one, without the label "Model"
    assert "The strength is 0, so this is bicubic enlargement, without the model." in last[SAID]
    *_, last = enlarge.enlarge(scene[OWN], ENLARGING, 4, 0, 0.5)
    assert last[SHOWN]["after"] == "Model at strength 0.5"
    assert last[SHOWN]["now"] != last[SHOWN]["before"]
    *_, last = enlarge.enlarge(scene[OWN], ENLARGING, 4, 0, 1)
    assert "after" not in last[SHOWN]


@pytest.mark.parametrize("scale", [2, 4])
def test_strength_blends_with_bicubic_enlargement(scale: int) -> None:
    from gan_core.models.enlarging import enlarge as enlarged

    sampler, array = enlarge.open_image_model(ENLARGING, enlarge.ENLARGING).sampler, noise(20, 20, 3)
    none, half, whole = (enlarged(sampler, array, scale, strength=one).astype(int) for one in (0, 0.5, 1))
    assert np.abs(half - (none + whole) / 2).max() <= 1
    assert np.abs(none - whole).max() > 5
    with pytest.raises(BadValue, match="strength must be between 0 and 1"):
        enlarged(sampler, array, scale, strength=1.5)


def test_a_phone_photo_is_told_its_limit_on_arrival_and_twice_or_its_middle_is_offered(tmp_path: Path) -> None:
    path = tmp_path / "own.jpg"
    Image.new("RGB", (4000, 3000), "olive").save(path, quality=97)
    scene = enlarge.take(str(path), ENLARGING, 4)
    assert "12.0 megapixels, and up to 4 can be enlarged 4 times" in scene[NOTICE]
    assert offered(scene) == [True, True, False]
    two, *advice = enlarge.twice(scene[OWN], ENLARGING)
    assert (two["value"], advice[1], offered([None] * 7 + advice)) == (2, "", [False] * 3)
    part = enlarge.middle(scene[OWN], ENLARGING, 4)
    assert part[OWN].array.shape == (1732, 2309, 3)
    assert (part[NOTICE], offered(part)) == ("", [False] * 3)
    back = enlarge.advise(scene[OWN], ENLARGING, 4)
    assert "its centre of 2309 x 1732 pixels" in back[1]


def test_where_strangers_visit_the_limit_is_said_before_and_the_middle_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "16 megapixels, or 4 for 4× enlargement" in enlarge._limits()
    monkeypatch.setenv("GANSCOPE_HOSTED", "1")
    assert "At most 1 MP of a picture" in enlarge._limits()
    path = tmp_path / "own.jpg"
    Image.new("RGB", (2000, 1500)).save(path, quality=97)
    scene = enlarge.take(str(path), ENLARGING, 4)
    assert scene[OWN].array.shape == (866, 1154, 3)
    assert "This one has 3.0 MP, so its centre is used" in scene[SAID]
    assert (scene[NOTICE], offered(scene)) == ("", [False] * 3)


def test_the_model_of_pixels_alone_is_offered_for_a_harmed_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enlargers, "_faithful", lambda: SMOOTH)
    scene = enlarge.take(str(jpeg(tmp_path, 30)), ENLARGING, 4)
    assert offered(scene) == [False, False, True]
    assert enlarge.for_damage()["value"] == SMOOTH
    assert offered(enlarge.take(str(jpeg(tmp_path, 30)), SMOOTH, 4)) == [False] * 3
