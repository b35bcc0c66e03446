"""Metrics of a model's card in words.

Their names contain sample count, network and subject: `fd10k_mnistnet`, `reached10k_avatarsnet_hair`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from gan_core.metrics.figures import PIXELS, TRAIN, parsed
from gan_core.models.card import Card
from ui.attributes import ATTRIBUTES
from ui.classroom.shell.i18n import N_, _
from ui.texts import joined, percent

BACK = "back_"  # prefix of the metrics of a translator's second direction
ACCURACY = "accuracy"

# metric -> label and help
WORDS = {
    ACCURACY: (N_("Accuracy"), N_("Share of held-out images classified correctly.")),
    "fd": (N_("Fréchet distance"),
           N_("Distance between samples and real images in the feature space of a network (mean and covariance). 0 "
              "is best; compare only values with the same network and sample count.")),
    "fd_class": (N_("Fréchet distance of each class"),
                 N_("Fréchet distance of the images in which the network sees one class. Each has fewer images, so "
                    "that it is larger than that of all.")),
    "fd_infinity": (N_("Fréchet distance, extrapolated"),
                    N_("Fréchet distance extrapolated to infinitely many samples, by a line fitted to the distances "
                       "at several sample counts (FID-infinity). It removes the bias of few samples, not that of "
                       "few real images.")),
    "sliced": (N_("Sliced Wasserstein distance"),
               N_("Distance in the features of a network, averaged over directions; 1 is one standard deviation of "
                  "real images. Needs fewer samples than the Fréchet distance. 0 is best.")),
    "ndb": (N_("Bins that differ (NDB)"),
            N_("Share of groups of similar images in which samples are clearly rarer or more frequent than real "
               "images. About 5 % differ by chance.")),
    "ndb_js": (N_("Divergence over bins"),
               N_("Jensen-Shannon divergence between samples and real images over groups of similar images, in bits. "
                  "0 is best.")),
    "vendi": (N_("Vendi score"), N_("Effective number of different images among the samples; compare with that of "
                                    "real images.")),
    "msssim": (N_("MS-SSIM of pairs"),
               N_("Mean similarity of two samples of one class. Above that of real images, samples are too much "
                  "alike.")),
    "obedience": (N_("Label obedience"), N_("Share of samples in which a classifier sees the class that was asked "
                                            "for; at best its accuracy on real images.")),
    "authentic": (N_("Authentic samples"),
                  N_("Share of samples whose closest training image lies further away than that image's own closest "
                     "one (AuthPct). About half for new images, near 0 for copies.")),
    "mifid": (N_("MiFID"), N_("Fréchet distance, made larger if samples lie very close to training images.")),
    "copy_test": (N_("Copying test (C_T)"),
                  N_("Whether samples lie closer to the training images than unseen images do. Far below 0: copies; "
                     "far above 0: samples lie away from the data.")),
    "ppl": (N_("Perceptual path length"),
            N_("How much the image changes along small steps in w; lower is smoother. Compare only values with the "
               "same network.")),
    "tutorial_mode_score": (N_("Mode score (tutorials)"),
                            N_("The formula that many tutorials print: the Inception Score, divided by how far the "
                               "classes of the samples are from those of the data. It falls if classes are missing.")),
    "kid": (N_("KID"), N_("Kernel distance between samples and real images in the feature space of a network. 0 is "
                          "best.")),
    "precision": (N_("Precision"), N_("Share of samples that look like real images.")),
    "recall": (N_("Recall"), N_("Share of real images that the samples come close to: diversity.")),
    "density": (N_("Density"), N_("How densely the samples lie among the real images; about 1 for real images.")),
    "coverage": (N_("Coverage"), N_("Share of real images with a sample close by.")),
    "confidence": (N_("Confidence"), N_("Mean confidence of a classifier in the class of a sample.")),
    "sure": (N_("Recognisable"), N_("Share of samples that a classifier is confident about.")),
    "inception_score": (N_("Inception Score"), N_("High for samples that are recognisable and diverse; at most the "
                                                  "number of classes.")),
    "mode_score": (N_("Mode score"), N_("The formula of the paper, which always equals the Inception Score.")),
    "class_divergence": (N_("Class divergence"), N_("Divergence between the class frequencies of samples and data. "
                                                    "0 is best.")),
    "rarest_class": (N_("Rarest class"), N_("Frequency of the rarest class; 1 means as frequent as the others.")),
    "commonest_class": (N_("Most frequent class"),
                        N_("Frequency of the most frequent class; 1 means as frequent as the others.")),
    "reached": (N_("Values covered"),
                N_("Share of an attribute's values, such as blonde or copper hair, that appear at least half as "
                   "often as in real images.")),
    "error": (N_("Error rate"), N_("Share of held-out images classified incorrectly.")),
    "nearest": (N_("Distance to the training images"),
                N_("Distance from samples to the closest training image, as a multiple of the distance between "
                   "real images. Far below 1 means that training images were memorised.")),
    "found_first": (N_("Found first"), N_("Share of sentences whose own picture is found first among 100.")),
    "found_in_five": (N_("Found in five"), N_("Share of sentences whose own picture is among the first five of 100.")),
    "copied": (N_("Near copies"), N_("Share of samples that are nearly identical to a training image.")),
    "psnr": (N_("PSNR"), N_("Peak signal-to-noise ratio to the ground truth in dB; higher is closer. Blurry images "
                            "score well. Enlarged images: luma Y (BT.601, 16 to 235) without a border of 4 pixels; "
                            "other images: all colours. 8 bits.")),
    "ssim": (N_("SSIM"), N_("Structural similarity to the ground truth; 1 for identical images. Wang et al. 2004: "
                            "Gaussian window of 11 pixels, only where it fits into the image. Enlarged images: "
                            "luma Y; other images: all colours. 8 bits.")),
    "perceptual": (N_("Perceptual distance"),
                   N_("Distance to the ground truth in the features of a network, over all levels. 0 is best.")),
}  # fmt: skip
BESIDE = {  # suffix: the subject, if it isn't the model itself
    "_bicubic": N_("{mark} of bicubic enlargement"),
    "_input": N_("{mark} of the unchanged input"),
    "_colours": N_("{mark} of the input in the colours of the other domain"),
    "_mean": N_("{mark} of the mean colour"),
    "_average": N_("{mark} of the average image"),
}
OF = {  # suffix of a name
    "floor": N_("{mark} between halves of the real images"),
    "real": N_("{mark}, real images"),
}
HIDDEN = "_hidden"  # suffix of an attribute: where it is hidden
# in [0, 1], shown in percent
SHARES = {
    ACCURACY, "precision", "recall", "coverage", "confidence", "sure", "copied", "found_first",
    "found_in_five", "reached", "error", "ndb", "obedience",
    "authentic",
}  # fmt: skip


@dataclass(frozen=True)
class Number:
    """One metric as shown on a page."""

    label: str
    value: str
    help: str
    made_of: str  # samples and network
    part: str  # the attribute that it measures; "" for the whole picture


def numbers(card: Card) -> list[Number]:
    """Returns the card's metrics; a standard error is shown with its number."""
    return [_number(name, card) for name in card.metrics if not name.endswith("_error")]


def by_attribute(found: Iterable[Number]) -> dict[str, list[Number]]:
    """Returns the metrics of attributes by label."""
    groups: dict[str, list[Number]] = {}
    for one in found:
        if one.part:
            groups.setdefault(one.label, []).append(one)
    return groups


def accuracy(card: Card) -> str:
    """Returns a feature network's accuracy in percent; "" if the card doesn't give it."""
    found = [value for name, value in card.metrics.items() if parsed(name).kind == ACCURACY]
    return _text(ACCURACY, found[0]) if found else ""


def _number(name: str, card: Card) -> Number:
    kind, count, net, pixels, of, side = parsed(name)
    label, help_ = _words(kind)
    value = _text(kind, card.metrics[name])
    if (error := card.metrics.get(f"{name}_error")) is not None:
        value += f" ± {error:.2g}"
    label, part = (_(OF[of]).format(mark=label), "") if of in OF else (label, _attribute(of))
    return Number(label, value, help_, ", ".join(_made_of(count, net, pixels, side)), part)


def _attribute(of: str) -> str:
    name = of.removesuffix(HIDDEN)
    attribute = _(ATTRIBUTES.get(name, name.replace("_", " "))) if name else ""
    return _("{attribute}, where hidden").format(attribute=attribute) if of.endswith(HIDDEN) else attribute


def figure_words(name: str) -> str:
    """Returns a figure's name in words: what, of how many samples, in which network. Plain text."""
    kind, count, net, pixels, of, side = parsed(name)
    label, _help = _words(kind)
    return joined(_attribute(of), label, *_made_of(count, net, pixels, side))


def _made_of(count: str, net: str, pixels: str, side: str) -> list[str]:
    found = [_("{count} samples").format(count=count)] if count else []
    found += [_("net {net}").format(net=joined(net, pixels))] if net and net != PIXELS else []
    return found + ([_("compared with the training images")] if side == TRAIN else [])


def _words(kind: str) -> tuple[str, str]:
    """Returns label and help of a metric."""
    if kind.startswith(BACK):
        label, help_ = _words(kind.removeprefix(BACK))
        return _("{mark}, reverse direction").format(mark=label), help_
    for ending, words in BESIDE.items():
        if kind.endswith(ending) and kind.removesuffix(ending) in WORDS:
            label, help_ = _words(kind.removesuffix(ending))
            return _(words).format(mark=label), help_
    label, help_ = WORDS.get(kind, (kind.replace("_", " "), ""))
    return _(label), _(help_)


def _text(kind: str, value: float) -> str:
    return percent(value, 1) if kind in SHARES else f"{value:.3g}"
