"""Labels of figures and metrics on the page Evaluate."""

from __future__ import annotations

from gan_core.metrics.figures import BACK_PREFIX, PIXELS, Figure, count_text
from gan_core.metrics.trust import Note
from ui.classroom.models.metrics import WORDS
from ui.classroom.shell.i18n import N_, _
from ui.texts import data_title, joined, sentence

# metric -> label; one metric can give several figures
METRICS = {
    "fd": N_("Fréchet distance"),
    "fd_infinity": N_("Fréchet distance, extrapolated"),
    "fd_class": N_("Fréchet distance of each class"),
    "kid": N_("KID"),
    "sliced": N_("Sliced Wasserstein distance"),
    "prdc": N_("Precision and recall"),
    "classes": N_("Classes"),
    "ndb": N_("Bins that differ (NDB)"),
    "vendi": N_("Vendi score"),
    "msssim": N_("MS-SSIM of pairs"),
    "obedience": N_("Label obedience"),
    "nearest": N_("Closest training images"),
    "copying": N_("Evidence of copying"),
    "ppl": N_("Perceptual path length"),
    "pairs": N_("Closeness to the truth"),
}
LOWER_IS_BETTER = {
    "fd", "fd_infinity", "kid", "sliced", "ndb", "ndb_js", "class_divergence", "copied", "mifid", "ppl", "perceptual",
}  # fmt: skip
HIGHER_IS_BETTER = {
    "precision", "recall", "density", "coverage", "confidence", "sure", "inception_score", "mode_score",
    "tutorial_mode_score", "obedience", "reached", "psnr", "ssim",
}  # fmt: skip


def kind_word(kind: str) -> str:
    """The label of a kind of figure."""
    if kind.startswith(BACK_PREFIX):
        return _("{mark}, reverse direction").format(mark=kind_word(kind.removeprefix(BACK_PREFIX)))
    return _(WORDS[kind][0]) if kind in WORDS else kind.replace("_", " ")


def kind_help(kind: str) -> str:
    kind = kind.removeprefix(BACK_PREFIX)
    return _(WORDS[kind][1]) if kind in WORDS else ""


def column_word(figure: Figure, real: str = "") -> str:
    """The label of a figure's column: kind, samples, net, side, and the real images if they are named."""
    net = "" if figure.net == PIXELS else figure.net
    what = joined(kind_word(figure.kind), figure.of)
    side = _("training images") if figure.side else ""
    return joined(what, count_text(figure.n), net, side, real)


def note_text(note: Note) -> str:
    values = {name: data_title(str(value)) if name == "data" else value for name, value in note.values.items()}
    return sentence(note.message, values)
