"""The user's own images on the pages: how they become squares, and references of other versions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from gan_core import paths
from gan_core.data.user import uploads
from gan_core.data.user.folders import store_upload
from gan_core.gans import recipes
from gan_core.knobs import to_dict
from gan_core.runs.classes import class_names
from gan_core.runs.store import RunStore
from gan_core.training.session import Session
from tests.app.pages import page, sound
from tests.data.test_uploads import zipped
from ui.classroom.live import panels
from ui.classroom.runs import cards
from ui.texts import run_message


@pytest.mark.parametrize(
    ("recipe", "kind", "count"), [("pix2pix", "paired", "3 pairs"), ("cut", "unpaired", "3 and 3")]
)
def test_how_own_pictures_become_squares(store: RunStore, tmp_path: Path, recipe: str, kind: str, count: str) -> None:
    for side in ("trainA", "trainB"):
        (tmp_path / side).mkdir()
        for number in range(3):
            Image.new("RGB", (32, 16), (60 * number, 99, 0)).save(tmp_path / side / f"{number}.png")
    test = page("train", recipe=recipe, data=f"{kind}+pad:{tmp_path}", size="16", jitter="0.1", mirror="true")
    assert not [element.value for element in test.warning]
    assert not test.error
    assert any(count in element.value for element in test.markdown)
    fit = next(one for one in test.segmented_control if one.label == "Make images square")
    assert fit.value == "pad"
    sound(fit.set_value("stretch").run())
    assert test.query_params["data"] in (f"{kind}+stretch:{tmp_path}", [f"{kind}+stretch:{tmp_path}"])
    sound(test.button(key="train").click().run())
    (run,) = store.runs()
    spec = run.spec
    assert (spec.data, spec.size) == (f"{kind}+stretch:{tmp_path}", 16)
    assert (spec.hparams["jitter"], spec.hparams["mirror"]) == (0.1, True)


def test_classes_are_named_on_the_page_and_where_samples_are_drawn(store: RunStore, tmp_path: Path) -> None:
    """Folders named by numbers are in numerical order; a stray picture is reported with the remedy."""
    for name in ("9", "10", "11"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(2):
            Image.new("RGB", (16, 16), (60 * number, 99, 0)).save(tmp_path / "set" / name / f"{number}.png")
    Image.new("RGB", (16, 16)).save(tmp_path / "set" / "stray.png")
    words = {"recipe": "cgan", "data": f"folder:{tmp_path / 'set'}", "size": "8"}
    test = page("train", **words)
    assert not test.error
    written = [element.value.replace("\\", "") for element in test.markdown]
    assert any("6 images · in colour · 3 classes: 9, 10, 11" in text for text in written)
    assert any("beside the class folders 9, 10, 11: move it" in text for text in written)
    alone = page("train", recipe="mlp_gan", data=f"folder:{tmp_path / 'set' / '9'}", size="8")
    assert any("2 images · in colour · no classes" in element.value for element in alone.markdown)

    recipe = recipes.get("cgan")
    run = store.create(recipe.plan(words["data"], 8, 1, to_dict(recipe.tiny)))
    session = Session(store, run.id).start()
    assert session.join(60)
    assert class_names(store, run) == ("9", "10", "11")
    assert panels.grid_columns(run) == 6


def test_a_single_image_is_too_few(store: RunStore, tmp_path: Path) -> None:
    Image.new("RGB", (16, 16)).save(tmp_path / "alone.png")
    reference = f"folder:{tmp_path}"
    test = page("train", recipe="mlp_gan", data=reference, size="8")
    words = "At least 2 images are needed to train on, and 100 or more for varied samples; usable here: 1."
    assert [element.value.replace("\\", "") for element in test.error] == [words]
    recipe = recipes.get("mlp_gan")
    run = store.create(recipe.plan(reference, 8, 1, to_dict(recipe.tiny)))
    assert Session(store, run.id).start().join(60)
    assert run_message(store.get(run.id)).endswith(words)

    Image.new("RGB", (16, 16), "white").save(tmp_path / "another.png")
    assert not page("train", recipe="mlp_gan", data=reference, size="8").error


def test_another_folder_is_fitted_as_the_one_before(store: RunStore, tmp_path: Path) -> None:
    test = page("train", recipe="pix2pix", data=f"paired+pad:{tmp_path / 'one'}")
    path = next(one for one in test.text_input if one.label == "Or a folder on this computer")
    sound(path.set_value(str(tmp_path / "two")).run())
    assert test.query_params["data"] in (f"paired+pad:{tmp_path / 'two'}", [f"paired+pad:{tmp_path / 'two'}"])
    assert any("There is no folder or zip at" in element.value for element in test.error)


def test_an_upload_of_an_older_run_goes_by_its_name(store: RunStore) -> None:
    spec = recipes.get("mlp_gan").plan(f"zip:{paths.home()}/uploads/cats-0123456789ab.zip", 8, 5, {})
    run = store.create(spec)
    assert cards.settings_link(store, run)["data"] == "upload:cats-0123456789ab.zip"


def test_a_run_whose_pictures_are_fitted_in_an_unknown_way_is_listed(store: RunStore) -> None:
    recipe = recipes.get("mlp_gan")
    store.create(replace(recipe.plan("digits", 8, 5, {}), data="folder+zoom:/somewhere"), name="later")
    assert not page("home").error
    test = page("runs")
    assert not test.error
    assert any("later" in element.value for element in test.markdown)


def own_images() -> AppTest:
    test = page("train", recipe="mlp_gan", data="digits")
    choice = next(one for one in test.selectbox if one.label == "Data")
    return sound(choice.set_value("+own").run())


def test_without_own_images_nothing_else_is_trained(store: RunStore) -> None:
    test = own_images()
    assert test.button(key="train").disabled
    assert any("Upload a zip or choose one of your data sets" in element.value for element in test.info)
    assert not any(element.value.startswith("Licence") for element in test.caption)


def test_a_refused_zip_is_not_stored_again_at_every_rerun(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    stored = []

    def counted(*arguments: Any) -> str:
        stored.append(arguments)
        return store_upload(*arguments)

    monkeypatch.setattr("gan_core.data.user.folders.store_upload", counted)
    test = own_images()
    box = test.file_uploader[0]
    sound(box.set_value(("text.zip", b"text", "application/zip")).run())
    refused = [element.value for element in test.error]
    assert any("zip" in words for words in refused)
    sound(test.run())
    assert len(stored) == 1
    assert [element.value for element in test.error] == refused
    test.file_uploader[0].set_value(("cats.zip", zipped(9).read(), "application/zip")).run()
    assert len(stored) == 2
    assert len(uploads.uploads()) == 1


def test_own_sets_are_available_in_another_session_and_can_be_deleted(store: RunStore) -> None:
    reference = store_upload("cats.zip", zipped(9))
    [one] = uploads.uploads()
    test = own_images()
    sound(test.button(key=f"use-{one.file}").click().run())
    assert test.query_params["data"] in (reference, [reference])
    assert not test.button(key="train").disabled
    run = store.create(recipes.get("mlp_gan").plan(reference, 8, 5, {}), name="cats")
    test = own_images()
    sound(test.button(key=f"delete-{one.file}").click().run())
    assert any("can't be resumed: 1" in element.value for element in test.warning)
    sound(test.button(key="own-delete").click().run())
    assert any("the run cats is training on it" in element.value for element in test.error)
    assert uploads.uploads() == [one]
    store.delete(run.id)
    sound(test.button(key="own-delete").click().run())
    assert not uploads.uploads()
    assert not [button for button in test.button if button.key == f"use-{one.file}"]


def test_viewers_see_no_sets(store: RunStore, monkeypatch: pytest.MonkeyPatch) -> None:
    store_upload("cats.zip", zipped(9))
    monkeypatch.setenv("GANSCOPE_PASSPHRASE", "secret")
    assert not [button for button in own_images().button if (button.key or "").startswith(("use-", "delete-"))]
