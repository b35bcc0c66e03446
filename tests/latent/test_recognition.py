"""Whether translators know a picture, and its direction: with the models that come with GANscope."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from PIL import Image

from gan_core.latent.recognition import FAR_BACK, Recognition, whole
from gan_core.models import listing
from gan_core.pictures.photos import sample_photo
from tests.made_models import make_model
from ui.studio.models.image_models import TRANSLATING, ImageModel, examples, open_image_model, taken

PRETRAINED = Path(__file__).parents[2] / "pretrained"


@pytest.fixture
def emoji(home: Path, monkeypatch: pytest.MonkeyPatch) -> ImageModel:
    monkeypatch.setattr(listing, "BUNDLED", PRETRAINED)
    return open_image_model("cyclegan.emoji", TRANSLATING)


def test_styles_of_emoji_are_told_apart_and_photos_from_both(emoji: ImageModel) -> None:
    for start, goes in (("a", "a_to_b"), ("b", "b_to_a")):
        kinds = [emoji.recognition.kind(taken(emoji, one)) for one in examples(emoji.card, start)]
        assert [kind.likely for kind in kinds] == [goes] * len(kinds)
        assert sum(kind.strange for kind in kinds) <= 1
    for name in ("flower.jpg", "china.jpg"):
        assert emoji.recognition.kind(taken(emoji, sample_photo(name))).strange


def test_without_discriminators_the_reverse_translation_decides(emoji: ImageModel) -> None:
    known = {f"{one}_to_{other}": torch.cat([taken(emoji, each) for each in examples(emoji.card, one)])
             for one, other in ("ab", "ba")}  # fmt: skip
    alone = Recognition(whole(emoji.sampler), known)
    correct = [alone.kind(one[None]).likely == name for name, some in known.items() for one in some]
    assert sum(correct) >= len(correct) - 1


def test_a_model_that_shows_less_of_the_change_knows_the_same(emoji: ImageModel) -> None:
    (one, *_) = examples(emoji.card, "b")
    faint = emoji.at(0.2)
    again = Recognition(whole(faint.sampler), {})
    assert again.kind(taken(emoji, one)).times == Recognition(whole(emoji.at(1.0).sampler), {}).kind(
        taken(emoji, one)).times  # fmt: skip


def test_without_examples_nothing_is_far(home: Path, tmp_path: Path) -> None:
    make_model("cyclegan.tiny", "digits_coloured_unpaired", home / "models" / "cyclegan.tiny")
    (home / "models" / "cyclegan.tiny" / "sample.png").unlink()
    worker = open_image_model("cyclegan.tiny", TRANSLATING)
    kind = worker.recognition.kind(taken(worker, Image.effect_noise((64, 64), 99).convert("RGB")))
    assert kind.far == FAR_BACK
    assert not kind.strange
