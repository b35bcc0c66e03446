"""The page Few labels: segmenters from ten labelled pictures, and a classifier for a domain without labels.

Its numbers were measured by `benchmarks/segmentation.py` and `benchmarks/adaptation.py`, which write `measured.json`
and the two pictures.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.grids import picture
from ui.classroom.shell.i18n import N_, _
from ui.texts import paragraph, percent

HERE = Path(__file__).parent
KEPT = HERE / "measured.json"
PAIRS, FEATURES, TRANSLATED = HERE / "pairs.png", HERE / "features.png", HERE / "translated.png"
ARMS = {
    "ten": N_("Ten labelled pictures"),
    "classical": N_("The same ten, with classical augmentation"),
    "gan": N_("Pictures and labels by the generator"),
    "all": N_("All 4,000 pictures labelled"),
}
PARTS = {
    "background": N_("Background"), "skin": N_("Skin region"), "hair": N_("Hair region"), "eyes": N_("Eyes"),
    "glasses": N_("Glasses"), "hat": N_("Hat"), "clothes": N_("Clothes"),
}  # fmt: skip
CLASSIFIERS = {
    "source": N_("Trained on plain digits"),
    "statistics": N_("The same, with batch statistics of both kinds"),
    "dann": N_("Adapted without labels (DANN)"),
    "translated": N_("Trained on translated digits (CycleGAN)"),
    "translated_statistics": N_("The same, with batch statistics of digits on photos"),
    "target": N_("Trained on digits on photos, with their labels"),
}


@cache
def measured() -> Any:
    """The file's content."""
    return json.loads(KEPT.read_text(encoding="utf-8"))


def show() -> None:
    """Renders the page."""
    st.title(_("Few labels"), anchor=False)
    st.markdown(
        _("Pictures are easy to come by, labels are not. Two ways in which adversarial learning copes with few labels, "
          "or with none in the domain that matters.")
    )  # fmt: skip
    with showing_errors():
        _adaptation(measured().get("adaptation"))
        _segmentation(measured().get("segmentation"))


def _not_measured(benchmark: str) -> None:
    st.info(_("Not measured yet. This command does it, and its results appear here:"))
    st.code(f"python -m benchmarks.{benchmark} --keep", language="bash")


def _segmentation(found: Any) -> None:
    st.subheader(_("Labels from ten pictures"), anchor=False)
    st.markdown(
        _("A generator that draws eyes knows where it draws them. Ten of its pictures are labelled, pixel by pixel; "
          "small networks learn from them which of the generator's features mean what, and then label every picture "
          "that it draws (DatasetGAN, arXiv 2104.06490). A segmenter learns from such pairs.")
    )  # fmt: skip
    if not found:
        _not_measured("segmentation")
        return
    picture(PAIRS, alt=_("Generated faces, each with the part of the face that every pixel was labelled with"))
    st.caption(_("Generated faces and the labels that came with them; not chosen."))
    columns = {_("Learnt from"): [_(ARMS[arm]) for arm in found["arms"]]}
    columns[_("Mean IoU")] = [_with_range(found["arms"][arm]) for arm in found["arms"]]
    for place, part in enumerate(found["parts"]):
        columns[_(PARTS[part])] = [_share(found["by_part"][arm][place]) for arm in found["arms"]]
    st.table(columns)
    who = _("Mean over {seeds} seeds, with the lowest and the highest, on {tested} fresh drawn faces.")
    if found["seeds"] == 1:
        who = _("One seed, on {tested} fresh drawn faces.")
    words = _(
        "Their true masks are known. IoU: pixels where label and truth agree, as a share of those where either names "
        "the part. The ten generated pictures were labelled by a segmenter that had learnt from all labels, in place "
        "of a person."
    )
    st.caption(paragraph(who.format(seeds=found["seeds"], tested=found["tested"]), words))
    if np.mean(found["arms"]["gan"]) <= np.mean(found["arms"]["ten"]):
        st.markdown(
            _("**Here the generator's pairs don't help.** Hair and skin are found better, but its labels miss small "
              "parts such as the eyes, and the segmenter learns to leave them out.")
        )  # fmt: skip


def _adaptation(found: Any) -> None:
    st.subheader(_("A domain without labels"), anchor=False)
    st.markdown(
        _("A classifier learns plain digits and is asked to read digits on photos, which nobody has labelled. DANN "
          "(arXiv 1505.07818) has a second network tell the two kinds apart by the classifier's features, and changes "
          "the features until it can't: a GAN without a generator.")
    )  # fmt: skip
    if not found:
        _not_measured("adaptation")
        return
    picture(FEATURES, alt=_("The features of both kinds of digits in a plane, before and after adaptation"))
    st.caption(
        _("Features of {items} digits of each kind in the plane of their largest variance: plain digits in grey, "
          "digits on photos in colour. Left: trained on plain digits only. Right: adapted.")
        .format(items=found["shown"])
    )  # fmt: skip
    rows = found["arms"]
    if "translated" in rows:
        st.markdown(
            _("Pictures can be adapted, too: a CycleGAN that has seen both kinds, without labels, draws the plain "
              "digits as if they lay on photos, and a classifier learns from its drawings, whose labels are known.")
        )  # fmt: skip
        picture(TRANSLATED, alt=_("Plain digits, the same as CycleGAN draws them on photos, and true digits on photos"))
        st.caption(_("From above: plain digits, their translations, and other digits on photos; not chosen."))
    st.table(
        {
            _("Classifier"): [_(CLASSIFIERS[name]) for name in rows],
            _("Plain digits"): [_with_range(rows[name]["source"]) for name in rows],
            _("Digits on photos"): [_with_range(rows[name]["target"]) for name in rows],
            _("Domains told apart"): [_with_range(rows[name]["apart"]) for name in rows],
        }
    )
    words = _(
        "Accuracy on 10,000 test digits: mean over {seeds} seeds, with the lowest and the highest. The paper reports "
        "52 % before and 77 % after. Domains told apart: how often a linear classifier recognises from the features "
        "which domain a digit comes from; 50 % is chance."
    )
    st.caption(words.format(seeds=found["seeds"]))
    if np.mean(rows["dann"]["target"]) <= np.mean(rows["statistics"]["target"]):
        st.markdown(
            _("**What helps here is batch normalisation.** Its statistics, taken of both kinds of pictures, account "
              "for the whole gain; adversarial training this short adds nothing. A comparison without this row would "
              "credit the adversary.")
        )  # fmt: skip


def _share(value: float) -> str:
    return percent(value, 1)


def _with_range(values: list[float]) -> str:
    mean = sum(values) / len(values)
    if len(values) == 1:
        return _share(mean)
    return f"{100 * mean:.1f} % ({100 * min(values):.1f}–{100 * max(values):.1f})"
