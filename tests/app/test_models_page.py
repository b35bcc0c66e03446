"""The Models page without a browser: the gallery, one model, its samples, and its actions."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from PIL import Image
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

from gan_core.gans import recipes
from gan_core.models import listing
from gan_core.models.card import CARD, NEIGHBOURS, WEIGHTS, Card, write_card
from gan_core.runs.store import RunState, RunStore
from tests.app.pages import page, sound, wait
from tests.made_models import LIMITS, make_model
from ui.classroom.models import facts
from ui.classroom.models import metrics as models_metrics
from ui.classroom.shell.i18n import using
from ui.texts import plain, titles

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def shelf(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Only the user's shelf, with empty caches."""
    monkeypatch.setattr(listing, "BUNDLED", tmp_path / "bundled")
    st.cache_data.clear()
    yield home / "models"
    st.cache_data.clear()


def texts(test: AppTest) -> str:
    kinds = (test.markdown, test.caption, test.info, test.warning, test.error, test.title, test.subheader)
    return "\n".join(element.value for kind in kinds for element in kind)


def links(test: AppTest) -> list[str]:
    return [element.proto.query_string for element in test.get("page_link") if "model=" in element.proto.query_string]


def test_an_empty_shelf_says_how_models_come(store: RunStore) -> None:
    text = texts(page("models"))
    assert "There are no models yet" in text
    assert "ganscope pretrain" in text
    assert "Try pretrained models" not in texts(page("home"))


def test_cards_are_links_and_say_what_a_model_can_do(store: RunStore) -> None:
    make_model("cgan.x")
    make_model("stylegan2.x")
    test = page("models")
    text = texts(test)
    assert "10 classes" in text
    assert "truncation" in text
    assert plain("CC0-1.0") in text
    assert "8 px" in text
    assert len(links(test)) == 2
    assert any("model=cgan.x" in link for link in links(test))
    assert "Feature networks" not in text
    home = page("home")
    assert "Try pretrained models" in texts(home)
    assert len(links(home)) == 2


def test_the_gallery_and_a_cards_facts_need_no_torch(home: Path) -> None:
    make_model("cgan.x")
    code = """
import sys
from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest
from ui.classroom.models import facts, one
from ui.classroom.shell import warm
warm.start = lambda: None  # it imports torch once the page is painted
made = PagesManager.__init__
def through_the_app(manager, *arguments, **options):
    made(manager, *arguments, **options)
    PagesManager.uses_pages_directory = False
PagesManager.__init__ = through_the_app
test = AppTest.from_file("app.py", default_timeout=60).run()
test = test.switch_page("pages/models.py").run()
assert not test.exception, test.exception
links = [one for one in test.get("page_link") if "model=cgan.x" in one.proto.query_string]
print(len(links), bool({"torch", "torchvision", "sklearn"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1", "False"]


def test_damaged_models_are_named_among_the_others(store: RunStore, shelf: Path) -> None:
    for name in ("mlp_gan.good", "mlp_gan.altered", "mlp_gan.cardless"):
        make_model(name)
    weights = shelf / "mlp_gan.altered" / WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1])
    card = shelf / "mlp_gan.cardless" / CARD
    card.write_text(card.read_text().replace("licence", "license"))
    (shelf / "mlp_gan.good" / "sample.png").write_bytes(b"no picture")
    test = page("models")
    warnings = [element.value for element in test.warning]
    assert len(warnings) == 2
    assert any(plain("mlp_gan.altered") in words and "checksum" in words for words in warnings)
    assert any(plain("mlp_gan.cardless") in words and "licence" in words for words in warnings)
    assert len(links(test)) == 1
    broken = page("model", model="mlp_gan.altered")
    assert "checksum" in texts(broken)
    assert not broken.button
    assert plain(LIMITS) in texts(broken)  # its card can still be read
    assert "lacks licence" in texts(page("model", model="mlp_gan.cardless")).replace("\\", "")


def test_an_unknown_model_is_reported_and_no_path_is_opened(store: RunStore, shelf: Path) -> None:
    make_model("mlp_gan.x")
    for name in ("mlp_gan.y", str(shelf / "mlp_gan.x"), "../models/mlp_gan.x", "<b>"):
        test = page("model", model=name)
        assert "There is no model named" in test.error[0].value
        assert not test.number_input


def test_a_models_page_shows_its_card_and_draws(store: RunStore) -> None:
    described = make_model("cgan.x")
    test = page("model", model="cgan.x")
    text = texts(test)
    for part in (LIMITS, "Handwritten digits", "a blink", "2 steps", described.sha256[:12], "seed 0"):
        assert plain(part) in text or part in text
    assert test.slider(key="sampler-count").value == 20  # two of each class
    first = samples(test)
    sound(test.button(key="sampler-dice").click().run())
    seed = test.number_input(key="sampler-seed").value
    assert test.query_params["seed"] in (str(seed), [str(seed)])
    assert samples(test) != first
    sound(test.number_input(key="sampler-seed").set_value(0).run())
    assert samples(test) == first
    assert "seed" not in test.query_params
    sound(test.selectbox(key="sampler-class").set_value(3).run())
    assert samples(test) != first
    assert test.query_params["class"] in ("3", ["3"])
    assert page("model", model="cgan.x", **{"class": "3"}).selectbox(key="sampler-class").value == 3


def test_samples_are_shown_with_their_nearest_training_images_where_computed(store: RunStore, shelf: Path) -> None:
    make_model("mlp_gan.x")
    before = page("model", model="mlp_gan.x")
    assert "Memorised training images?" not in texts(before)
    Image.new("L", (71, 17)).save(shelf / "mlp_gan.x" / NEIGHBOURS)
    after = page("model", model="mlp_gan.x")
    assert "Memorised training images?" in texts(after)
    assert len(after.get("image")) == len(before.get("image")) + 1
    (shelf / "mlp_gan.x" / NEIGHBOURS).write_bytes(b"no picture")
    assert "Memorised training images?" not in texts(page("model", model="mlp_gan.x"))


def test_truncation_pulls_the_samples_together(store: RunStore) -> None:
    make_model("stylegan2.x")
    test = page("model", model="stylegan2.x", truncation="0", n="4", seed="7")
    assert test.slider(key="sampler-psi").value == 0
    assert test.slider(key="sampler-count").value == 4
    pulled = samples(test)
    sound(test.slider(key="sampler-psi").set_value(1.0).run())
    assert samples(test) != pulled
    for odd in ("-1", "x", "²", "9" * 30):
        test = page("model", model="stylegan2.x", truncation=odd, n=odd, seed=odd)
        assert (test.slider(key="sampler-psi").value, test.slider(key="sampler-count").value) == (1.0, 16)


def samples(test: AppTest) -> str:
    """The address of the drawn picture, which depends on its content."""
    pictures = [element.proto.imgs[0] for element in test.get("image")]
    drawn = [picture.url for picture in pictures if "seed" in picture.alt]
    assert len(drawn) == 1
    return str(drawn[0])


def test_a_model_of_points_is_drawn_over_its_data(store: RunStore) -> None:
    make_model("points.x", "ring8")
    test = page("model", model="points.x")
    assert samples(test)
    assert not test.selectbox


def test_a_judge_has_its_own_section_and_no_sampler(store: RunStore, shelf: Path) -> None:
    described = make_model("cgan.x")
    parameters = {"features": 1000}
    metrics = {"accuracy180": 0.987}
    judge = Card(**{**vars(described), "task": "supervised", "parameters": parameters, "metrics": metrics})
    write_card(shelf / "cgan.x", judge)
    text = texts(page("models"))
    assert "Feature networks" in text
    assert "accuracy 98.7 %" in text
    test = page("model", model="cgan.x")
    assert "98.7 %" in [element.value for element in test.metric]
    assert "ganscope eval RUN --net" in texts(test)
    assert not test.slider


def test_a_translator_has_its_own_section_and_shows_outputs_for_unseen_pictures(store: RunStore) -> None:
    make_model("cyclegan.x", "digits_coloured_unpaired")
    make_model("srgan.x")
    text = texts(page("models"))
    assert "Image-to-image models" in text
    assert "2× enlargement" in text
    assert "generate new images" not in text
    test = page("model", model="srgan.x")
    assert "Side by side: small, bicubic, output, truth" in texts(test)
    assert "ganscope eval" not in texts(test)
    first = samples(test)
    sound(test.button(key="translator-dice").click().run())
    assert samples(test) != first
    test = page("model", model="cyclegan.x", seed="7")
    assert test.number_input(key="translator-seed").value == 7
    assert samples(test)
    assert "Generator a to b" in texts(test)
    assert "ganscope translate cyclegan.x PICTURE" in texts(test)


def test_an_encoder_has_its_own_section_and_shows_reconstructions(store: RunStore) -> None:
    make_model("stylegan2.tiny")
    make_model("encoder.x")
    text = texts(page("models"))
    assert "Encoders" in text
    assert "Image-to-image models" not in text
    test = page("model", model="encoder.x")
    assert "Side by side: given, output" in texts(test)
    assert "starts from its prediction" in texts(test)
    assert "model-settings" not in {button.key for button in test.button}  # the Train page doesn't offer its recipe
    sound(test.button(key="translator-dice").click().run())


def test_a_translator_without_its_data_says_how_to_get_them(
    store: RunStore, shelf: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GANSCOPE_DATA", raising=False)
    described = make_model("pix2pix.x", "digits_coloured")
    write_card(shelf / "pix2pix.x", Card(**{**vars(described), "data": "emoji_styles"}))
    test = page("model", model="pix2pix.x")
    assert "ganscope data get emoji" in test.info[0].value
    assert "Side by side: source, output, target" in texts(test)


def test_training_continues_from_a_model(store: RunStore) -> None:
    described = make_model("infogan.x")
    test = page("model", model="infogan.x")
    from ui.classroom.shell import sessions

    run = sessions.start_from(listing.standing("infogan.x"), 3, "onwards")
    wait(lambda: store.get(run.id).state is RunState.FINISHED)
    run = store.get(run.id)
    assert (run.name, run.step) == ("onwards", 3)
    assert run.images_seen == described.images + 3 * described.hparams["batch_size"]
    assert not test.exception


def test_settings_are_put_into_the_link_of_the_train_page(store: RunStore) -> None:
    from ui.classroom.models.actions import settings_link
    from ui.classroom.train.setup import from_query

    described = make_model("cgan.x", seed=7)
    setup, problems = from_query(settings_link(described))
    assert problems == []
    assert (setup.recipe, setup.data, setup.size, setup.steps) == ("cgan", "digits", 8, 2)
    recipe = recipes.get("cgan")
    assert recipe.settings(setup.hparams) == recipe.settings(described.hparams)


def test_without_the_passphrase_visitors_can_draw_but_not_train(
    store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_model("mlp_gan.x")
    monkeypatch.setenv("GANSCOPE_PASSPHRASE", "open sesame")
    test = page("model", model="mlp_gan.x")
    assert samples(test)
    code = (
        "from gan_core.models import listing\nfrom ui.classroom.shell import sessions\n"
        "from ui.classroom.shell.errors import showing_errors\n"
        "with showing_errors():\n    sessions.start_from(listing.standing('mlp_gan.x'), 3)\n"
    )
    refused = sound(AppTest.from_string(code, default_timeout=60).run())
    assert "passphrase" in refused.error[0].value
    assert store.runs() == []


@pytest.mark.flaky(reruns=2)  # other work on the machine slows it
def test_sixteen_faces_of_64_pixels_are_drawn_quickly(store: RunStore) -> None:
    from ui.classroom.models import sampler as models_sampler

    described = make_model("dcgan.x", stem="linear")
    sampler = models_sampler.loaded(described.sha256, "dcgan.x")
    assert models_sampler.loaded(described.sha256, "dcgan.x") is sampler
    began = time.perf_counter()
    models_sampler.drawn(sampler, described, models_sampler.Wish(16, 1, None, None))
    assert time.perf_counter() - began < 2


def test_numbers_are_shown_with_net_and_count() -> None:
    described = make_model("mlp_gan.x")
    metrics = {"fd10k_mnistnet": 12.34, "kid1k_mnistnet": 0.5, "kid1k_mnistnet_error": 0.01, "recall500_mnistnet": 0.25}
    card = Card(**{**vars(described), "metrics": metrics | {"strange": 3.0}})
    found = models_metrics.numbers(card)
    assert [(one.label, one.value, one.made_of) for one in found] == [
        ("Fréchet distance", "12.3", "10k samples, net mnistnet"),
        ("KID", "0.5 ± 0.01", "1k samples, net mnistnet"),
        ("Recall", "25.0 %", "500 samples, net mnistnet"),
        ("strange", "3", ""),
    ]
    marks = {"psnr200": 26.123, "psnr_bicubic200": 25.0, "back_perceptual_input9_emojinet": 0.5}
    found = models_metrics.numbers(Card(**{**vars(described), "metrics": marks}))
    assert [(one.label, one.value, one.made_of) for one in found] == [
        ("PSNR", "26.1", "200 samples"),
        ("PSNR of bicubic enlargement", "25", "200 samples"),
        ("Perceptual distance of the unchanged input, reverse direction", "0.5", "9 samples, net emojinet"),
    ]
    parts = {
        "fd5k_avatarsnet_floor": 2.9, "sure9_digitsnet_real_train": 0.5, "reached10k_avatarsnet_hair_colour": 0.8,
        "error10k_gaze_hidden": 0.2, "nearest500_pixels": 1.2, "commonest_class9_digitsnet": 1.25,
    }  # fmt: skip
    found = models_metrics.numbers(Card(**{**vars(described), "metrics": parts}))
    assert [(one.label, one.part, one.value, one.made_of) for one in found] == [
        ("Fréchet distance between halves of the real images", "", "2.9", "5k samples, net avatarsnet"),
        ("Recognisable, real images", "", "50.0 %", "9 samples, net digitsnet, compared with the training images"),
        ("Values covered", "Hair colour", "80.0 %", "10k samples, net avatarsnet"),
        ("Error rate", "Gaze, where hidden", "20.0 %", "10k samples"),
        ("Distance to the training images", "", "1.2", "500 samples"),
        ("Most frequent class", "", "1.25", "9 samples, net digitsnet"),
    ]
    assert {label: len(members) for label, members in models_metrics.by_attribute(found).items()} == {
        "Values covered": 1, "Error rate": 1,
    }  # fmt: skip
    with using("zh"):
        assert models_metrics.numbers(card)[0].label == "Fréchet 距离"


def test_numbers_of_attributes_are_collapsed_into_a_table(home: Path) -> None:
    described = make_model("mlp_gan.x")
    metrics = {"fd10k_avatarsnet": 2.0, "reached10k_avatarsnet_hat": 0.5, "reached10k_avatarsnet_hair_colour": 0.25}
    write_card(home / "models" / "mlp_gan.x", Card(**{**vars(described), "metrics": metrics}))
    test = page("model", model="mlp_gan.x")
    assert [one.label for one in test.metric] == ["Fréchet distance"]
    folded = next(one for one in test.expander if one.label == "Values covered, by attribute")
    table = folded.markdown[0].value
    assert f"| Hat | {plain('50.0 %')} |" in table
    assert f"| Hair colour | {plain('25.0 %')} |" in table


def test_models_with_the_same_title_get_distinct_names(store: RunStore, shelf: Path) -> None:
    for name, title in (
        ("cgan.x", "Faces"),
        ("mlp_gan.x", "Faces"),
        ("mlp_gan.y", "Faces"),
        ("dcgan.x", "Faces at sea"),
    ):
        write_card(shelf / name, Card(**{**vars(make_model(name)), "title": title}))
    named = titles(listing.survey()[0])
    assert set(named.values()) == {
        "Faces (Conditional GAN)", "Faces (mlp_gan.x)", "Faces (mlp_gan.y)", "Faces at sea",
    }  # fmt: skip
    assert plain(named["cgan.x"]) in " ".join(one.proto.label for one in page("models").get("page_link"))
    assert named["mlp_gan.y"] in page("model", model="mlp_gan.y").title[0].value.replace("\\", "")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_two_models_of_the_shelf_have_the_same_name(monkeypatch: pytest.MonkeyPatch, language: str) -> None:
    monkeypatch.setattr(listing, "BUNDLED", Path(listing.__file__).parents[2] / "pretrained")
    with using(language):
        named = titles(listing.survey()[0])
    assert len(named) > 20
    for name, title in named.items():
        assert not [other for other in named if other != name and named[other].startswith(title)], name
        assert name not in title  # told apart by words, never by a file's name


def test_encoders_and_judges_are_collapsed(store: RunStore) -> None:
    make_model("stylegan2.tiny")
    make_model("encoder.x")
    folded = next(one for one in page("models").expander if "Tools" in one.label)
    assert folded.label == "Tools: encoders and classifiers (1)"
    assert not folded.proto.expanded
    assert "Encoders" in [one.value for one in folded.subheader]


def test_every_number_on_the_shelf_has_a_name_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listing, "BUNDLED", Path(listing.__file__).parents[2] / "pretrained")
    cards = listing.survey()[0].values()
    assert cards
    for card in cards:
        for one in models_metrics.numbers(card):
            assert one.help, f"{card.name}: {one.label}"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_recipe_has_a_page_whose_body_can_be_shown(language: str) -> None:
    for recipe in recipes:
        path = facts.DOCS / f"{recipe.name}{'.zh' if language == 'zh' else ''}.md"
        body = facts.body_of(path.read_text(encoding="utf-8"))
        assert "README" not in body
        assert "| ---" not in body
        assert "arxiv.org" in body
        assert len(body) > 200


def test_the_page_speaks_chinese(store: RunStore) -> None:
    make_model("mlp_gan.x")
    assert "预训练模型" in texts(page("models", {"language": "zh"}))
    assert PagesManager.uses_pages_directory is False
