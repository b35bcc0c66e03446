"""A paragraph for a paper: what was measured, how, on how many images, and the results. English, plain text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from gan_core.evaluation.results import Result
from gan_core.metrics.figures import PIXELS, Figure, table

PHRASES = {  # kind -> its name in papers, with its source
    "fd": "Frechet distance (arXiv:1706.08500)",
    "fd_class": "Frechet distance (arXiv:1706.08500) within the class",
    "fd_infinity": "Frechet distance extrapolated to infinitely many samples (arXiv:1911.07023)",
    "kid": "KID (arXiv:1801.01401)",
    "sliced": "sliced Wasserstein distance of features (arXiv:1011.3014)",
    "precision": "precision (arXiv:1904.06991)",
    "recall": "recall (arXiv:1904.06991)",
    "density": "density (arXiv:2002.09797)",
    "coverage": "coverage (arXiv:2002.09797)",
    "inception_score": "Inception score (arXiv:1606.03498)",
    "mode_score": "Mode Score (arXiv:1612.02136)",
    "tutorial_mode_score": "Mode Score in the form exp(E KL(p(y|x) || p*(y)) - KL(p*(y) || p(y)))",
    "confidence": "mean confidence of the classifier",
    "sure": "share of samples with a confidence above 0.9",
    "class_divergence": "KL divergence of the class frequencies",
    "ndb": "share of statistically different bins, NDB/K (arXiv:1805.12462)",
    "ndb_js": "Jensen-Shannon divergence over the bins of NDB",
    "vendi": "Vendi score (arXiv:2210.02410)",
    "msssim": "mean MS-SSIM of pairs within a class (arXiv:1610.09585)",
    "obedience": "share of samples classified as the requested class",
    "nearest": "median distance to the closest training image over that between training images",
    "copied": "share of samples closer to a training image than 99 % of training images",
    "authentic": "AuthPct (arXiv:2102.08921)",
    "mifid": "MiFID (arXiv:2106.03062)",
    "copy_test": "C_T (arXiv:2004.05675)",
    "ppl": "perceptual path length in W (arXiv:1812.04948)",
    "reached": "share of attribute values that are reached",
    "psnr": "PSNR in dB",
    "ssim": "SSIM",
    "perceptual": "perceptual distance (the form of arXiv:1801.03924 without learnt weights)",
}


def paragraph(results: Sequence[Result], kinds: Sequence[str]) -> str:
    """The paragraph on figures of these kinds; other nets, numbers of samples or real images get sentences of their
    own.
    """
    rows: dict[str, list[Figure]] = {}
    for result in results:
        rows.setdefault(result.title, []).extend(one for one in result.figures if one.kind in kinds)
    several = len({result.against for result in results}) > 1
    sentences = [_sentence(found, several) for found in table(rows).values()]
    if not sentences:
        return ""
    return " ".join([_method(results), *sentences, _intervals(rows)])


def _method(results: Sequence[Result]) -> str:
    against = ", ".join(dict.fromkeys(result.against for result in results))
    return (
        f"All images were rounded to 8 bits. Samples were drawn with fixed seeds and compared with real images of "
        f"{against}."
    )


def _sentence(found: Mapping[str, Figure], several: bool) -> str:
    first = next(iter(found.values()))
    phrase = PHRASES.get(first.kind, first.kind.replace("_", " ")) + (f" {first.of}" if first.of else "")
    origin = f" ({first.origin})" if first.origin else ""
    net = "" if first.net == PIXELS else f" in the features of {first.net}{origin}"
    side = " against the training images" if first.side else f" against {first.against}" if several else ""
    values = ", ".join(f"{_value(figure)} for {subject}" for subject, figure in found.items())
    floor = ""
    if math.isfinite(first.floor):
        floor = f"; real images score {first.floor:.3g} (n = {first.floor_n:,})"
    return f"The {phrase} of {first.n:,} samples{net}{side} was {values}{floor}."


def _value(figure: Figure) -> str:
    return f"{figure.value:.3g} [{figure.low:.3g}, {figure.high:.3g}]" if figure.known else f"{figure.value:.3g}"


def _intervals(rows: Mapping[str, Sequence[Figure]]) -> str:
    if not any(figure.known for figures in rows.values() for figure in figures):
        return "Computed with GANscope."
    return (
        "Brackets are 95 % intervals (shares: Wilson's; means: Student's t; others: bootstrap over samples or "
        "blocks); they do not cover the spread over training seeds. Computed with GANscope."
    )
