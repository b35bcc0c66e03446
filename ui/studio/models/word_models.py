"""The models that draw from words, those that can be searched by words, and the net that reads their pictures.

Imports no front end, and needs torch only once a model is opened.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gan_core.data.avatars import sentences
from gan_core.data.parts import kind_of
from gan_core.errors import UnknownName
from gan_core.models import listing
from gan_core.models.card import Card, read_card
from ui.studio.models import cache
from ui.studio.models.image_models import ImageModel
from ui.studio.models.opened import offered, opened

if TYPE_CHECKING:
    from torch import Tensor

    from gan_core.latent.attribute_classifier import AttributeClassifier
    from gan_core.latent.word_influence import Influence
    from gan_core.latent.words import Fit

DATA = "avatars"  # the pictures that sentences are about
READER = f"features.{DATA}"  # the net that sees their attributes
FACES = ((), sentences.VOCABULARY)  # vocabularies of models whose sentences are about faces
CLIP, ATTRIBUTES = "clip", "attributes"  # what a search can be guided by


@dataclass(frozen=True)
class Drawn:
    """Pictures (B, C, H, W) in [-1, 1], and for each what the attribute net sees of the named attributes.

    `seen`: attribute -> the value of each picture; `right`: attribute -> whether it is one that the sentence allows.
    """

    pictures: Tensor
    seen: Mapping[str, tuple[str, ...]]
    right: Mapping[str, tuple[bool, ...]]


def drawing() -> dict[str, Card]:
    """Returns the models that draw from words."""
    return {name: card for name, card in _cards().items() if card.task == "captions" and "words" in card.capabilities}


def searchable() -> dict[str, Card]:
    """Returns the models of faces in which pictures that fit words can be looked for, best first."""
    return {name: card for name, card in offered().items() if kind_of(card.data) == DATA and
            "w_space" in card.capabilities}  # fmt: skip


def guides() -> tuple[str, ...]:
    """Returns what a search can be guided by, the usual first."""
    cards = _cards()
    clips = (CLIP,) if _clips() else ()
    return (*((ATTRIBUTES,) if READER in cards else ()), *clips)  # faces follow a sentence better by the attributes


def vocabulary_of(name: str) -> tuple[str, ...]:
    """Returns the words that a model knows; those about faces of a model that is searched."""
    card = drawing().get(name)
    return card.vocabulary if card is not None and card.vocabulary else sentences.VOCABULARY


def _clips() -> list[str]:
    """Returns the models that match faces with sentences."""
    return [name for name, card in _cards().items() if card.task == "matching" and card.vocabulary in FACES]


def _cards() -> dict[str, Card]:
    return dict(listing.survey()[0])


def open_drawing(name: str) -> ImageModel:
    """Returns a model that draws from words; raises UnknownName or BadCheckpoint."""
    if name not in drawing():
        raise UnknownName("model", str(name)[:60], drawing())
    return _open(name)


def _open(name: str) -> ImageModel:
    folder = listing.standing(name)
    card = read_card(folder)

    def load() -> ImageModel:
        from gan_core.models import loading

        return ImageModel(name, card, loading.load(str(folder)), folder)

    def fits(kept: object) -> bool:
        return isinstance(kept, ImageModel) and kept.card.sha256 == card.sha256

    model = cache.models.get(f"words {name}", load, fits)
    assert isinstance(model, ImageModel)
    return model


def reader() -> AttributeClassifier | None:
    """Returns the attribute net; None if it isn't installed."""
    from gan_core.latent.attribute_classifier import attribute_classifier

    if READER not in _cards():
        return None
    model = _open(READER)
    return attribute_classifier(model.sampler, model.card.attributes)


def fit_of(guide: str, text: str) -> Fit:
    """Returns how well pictures fit a sentence; raises BadValue for an empty sentence or one without known words."""
    import torch

    from gan_core.errors import BadValue
    from gan_core.latent.words import by_attributes, by_clip

    if guide not in guides():
        raise BadValue("Unknown guide '{name}'. Valid: {valid}.", name=guide[:20], valid=", ".join(guides()) or "–")
    if guide == CLIP:
        clip = _open(_clips()[0]).sampler
        length = clip.spec.fields["caption"][-1]
        return by_clip(clip, torch.from_numpy(sentences.tokens(text, clip.spec.vocabulary, length)))
    classifier = reader()
    assert classifier is not None
    return by_attributes(classifier, sentences.read(text))


def looked_at(pictures: Tensor, text: str, name: str) -> Drawn:
    """Returns pictures of a model with what the attribute net sees of what the sentence names, if they are faces."""
    from gan_core.latent.words import followed

    if vocabulary_of(name) not in FACES:
        return Drawn(pictures, {}, {})
    classifier, meaning = reader(), sentences.read(text)
    if classifier is None or not meaning or tuple(pictures.shape[1:]) != (3, 64, 64):
        return Drawn(pictures, {}, {})
    seen = classifier.named(pictures)
    right = followed(seen, meaning, classifier.attributes)
    return Drawn(
        pictures,
        {name: tuple(classifier.attributes[name][place] for place in seen[name].tolist()) for name in meaning},
        {name: tuple(right[:, column].tolist()) for column, name in enumerate(meaning)},
    )


def sampled(name: str, text: str, seed: int, count: int, variety: float) -> Tensor:
    """Returns pictures of a sentence by a model that draws from words."""
    sampler = open_drawing(name).sampler
    return sampler.sample(count, seed, text, variety)


def acting(name: str, text: str, seed: int, place: int, count: int, variety: float) -> Influence:
    """Returns where each word acts in one of the pictures that `sampled` makes."""
    import torch

    from gan_core.latent.word_influence import influence

    sampler = open_drawing(name).sampler
    latents, _tokens = sampler.latents(count, seed, text)
    words, length = sampler.spec.vocabulary or sentences.VOCABULARY, sampler.spec.fields["caption"][-1]
    return influence(sampler, latents[place], torch.from_numpy(sentences.tokens(text, words, length)), variety)


def best_of(name: str, text: str, seed: int, count: int, guide: str) -> Tensor:
    """Returns those of many faces of a model that knows no words which fit a sentence best."""
    from gan_core.latent.words import best

    explorer = opened(name).explorer
    return explorer.draw(best(explorer, fit_of(guide, text), count, seed))
