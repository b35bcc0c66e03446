"""The numbers on a model's card in words.

Their names carry the sample count, the net and what they are of: `fd10k_mnistnet`, `reached10k_avatarsnet_hair`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from gan_core.models.card import Card
from ui.attributes import ATTRIBUTES
from ui.classroom.shell.i18n import N_, _

NAME = re.compile(r"([a-z_]+?)(?:(\d+k?)((?:_[a-z0-9]+)*))?")
BACK = "back_"  # before the marks of a translator's second direction
ACCURACY = "accuracy"

# what a metric is called, and what it says
WORDS = {
    ACCURACY: (N_("Accuracy"), N_("The share of images that it had never seen and named rightly.")),
    "fd": (N_("Fréchet distance"),
           N_("How far the samples are from real images, as a net sees both: means and spread of what it notices. 0 is "
              "best; compare only numbers of the same net and count.")),
    "kid": (N_("KID"), N_("Kernel distance between samples and real images, as a net sees both. 0 is best.")),
    "precision": (N_("Precision"), N_("The share of samples that look like real images.")),
    "recall": (N_("Recall"), N_("The share of real images that the samples come near to: variety.")),
    "density": (N_("Density"), N_("How closely the samples lie among real images; about 1 for real ones.")),
    "coverage": (N_("Coverage"), N_("The share of real images with a sample close by.")),
    "confidence": (N_("Confidence"), N_("How sure a classifier is of what the samples show, on average.")),
    "sure": (N_("Readable"), N_("The share of samples of which a classifier is sure.")),
    "inception_score": (N_("Inception score"), N_("Readable and varied samples score high; the most is the number of "
                                                  "classes.")),
    "mode_score": (N_("Mode score"), N_("The inception score, if the classes should be as frequent as in the data.")),
    "class_divergence": (N_("Class divergence"), N_("How far the samples' classes are from the data's. 0 is best.")),
    "rarest_class": (N_("Rarest class"), N_("How often the rarest class is drawn: 1 is as often as all others.")),
    "commonest_class": (N_("Commonest class"),
                        N_("How often the commonest class is drawn: 1 is as often as all others.")),
    "reached": (N_("Values reached"),
                N_("The share of an attribute's values, such as blonde or copper, that are drawn at least half as "
                   "often as they are among real images.")),
    "error": (N_("Errors"), N_("The share of images that it had never seen and named wrongly.")),
    "nearest": (N_("Distance to the training images"),
                N_("How far samples are from the closest training image, as a multiple of how far real images are from "
                   "each other. Far below 1 means that images were learnt by heart.")),
    "copied": (N_("Copies"), N_("The share of samples that are nearly a training image.")),
    "psnr": (N_("PSNR"), N_("How near the pixels come to the true ones, in decibel: the more, the nearer. Blur scores "
                            "well. Of enlarged pictures on luma Y (BT.601, 16 to 235) without 4 pixels at each side, "
                            "of others over all colours; in 8 bits.")),
    "ssim": (N_("SSIM"), N_("How alike structures are to the true ones: 1 for the same picture. As Wang et al. 2004: a "
                            "Gaussian window of 11 pixels, only where it fits into the picture. Of enlarged pictures "
                            "on luma Y, of others over all colours; in 8 bits.")),
    "perceptual": (N_("Perceptual distance"),
                   N_("How far pictures are from the true ones in what a net notices, at all its levels. 0 is best.")),
}  # fmt: skip
BESIDE = {  # after a mark: what it is of, where it isn't the model's own
    "_bicubic": N_("{mark} of bicubic enlargement"),
    "_input": N_("{mark} of the input as it is"),
    "_colours": N_("{mark} of the input in the other's colours"),
    "_mean": N_("{mark} of the mean colour"),
    "_average": N_("{mark} of the average picture"),
}
OF = {  # at a name's end
    "floor": N_("{mark} between halves of the real images"),
    "real": N_("{mark}, of real images"),
}
HIDDEN = "_hidden"  # after an attribute: where it can't be seen
PIXELS = "pixels"  # in the place of a net
# in [0, 1], shown in percent
SHARES = {ACCURACY, "precision", "recall", "coverage", "confidence", "sure", "copied", "reached", "error"}


@dataclass(frozen=True)
class Number:
    """One metric as a page shows it."""

    label: str
    value: str
    help: str
    made_of: str  # samples and net
    part: str  # the attribute that it is of; "" where it is of the whole


def numbers(card: Card) -> list[Number]:
    """The card's metrics; an error of measuring stands beside its number."""
    return [_number(name, card) for name in card.metrics if not name.endswith("_error")]


def by_attribute(found: Iterable[Number]) -> dict[str, list[Number]]:
    """The numbers that are of attributes, by what they are called."""
    groups: dict[str, list[Number]] = {}
    for one in found:
        if one.part:
            groups.setdefault(one.label, []).append(one)
    return groups


def accuracy(card: Card) -> str:
    """How often a judging net is right, in percent; "" where the card doesn't say."""
    found = [value for name, value in card.metrics.items() if _parts(name)[0] == ACCURACY]
    return _text(ACCURACY, found[0]) if found else ""


def _number(name: str, card: Card) -> Number:
    kind, count, net, of, trained = _parts(name)
    label, help_ = _words(kind)
    value = _text(kind, card.metrics[name])
    if (error := card.metrics.get(f"{name}_error")) is not None:
        value += f" ± {error:.2g}"
    made_of = [_("{count} samples").format(count=count)] if count else []
    made_of += [_("net {net}").format(net=net)] if net.endswith("net") else []
    made_of += [_("against the training images")] if trained else []
    label, part = (_(OF[of]).format(mark=label), "") if of in OF else (label, _attribute(of))
    return Number(label, value, help_, ", ".join(made_of), part)


def _parts(name: str) -> tuple[str, str, str, str, bool]:
    """Kind, sample count, net, what it is of, and whether it is measured against the training images."""
    match = NAME.fullmatch(name)
    if not match or not match[2]:
        return name, "", "", "", False
    rest = match[3].split("_")[1:]
    trained = rest[-1:] == ["train"]
    rest = rest[:-1] if trained else rest
    net = rest.pop(0) if rest and (rest[0].endswith("net") or rest[0] == PIXELS) else ""
    return match[1], match[2], net, "_".join(rest), trained


def _attribute(of: str) -> str:
    name = of.removesuffix(HIDDEN)
    attribute = _(ATTRIBUTES.get(name, name.replace("_", " "))) if name else ""
    return _("{attribute}, where it is hidden").format(attribute=attribute) if of.endswith(HIDDEN) else attribute


def _words(kind: str) -> tuple[str, str]:
    """What a mark is called and what it says."""
    if kind.startswith(BACK):
        label, help_ = _words(kind.removeprefix(BACK))
        return _("{mark}, the other way").format(mark=label), help_
    for ending, words in BESIDE.items():
        if kind.endswith(ending) and kind.removesuffix(ending) in WORDS:
            label, help_ = _words(kind.removesuffix(ending))
            return _(words).format(mark=label), help_
    label, help_ = WORDS.get(kind, (kind.replace("_", " "), ""))
    return _(label), _(help_)


def _text(kind: str, value: float) -> str:
    return f"{100 * value:.1f} %" if kind in SHARES else f"{value:.3g}"
