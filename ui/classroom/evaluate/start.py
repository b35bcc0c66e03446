"""The form of the page Evaluate: what to evaluate, against which data, with how many samples, and which metrics are
reliable then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from gan_core.data import task_of
from gan_core.data.parts import held_out
from gan_core.data.user.references import user_images
from gan_core.errors import BadValue, GanscopeError
from gan_core.evaluation import process
from gan_core.evaluation.subjects import Subject
from gan_core.evaluation.work import Asked
from gan_core.metrics.trust import METRICS, Has, doubts, possible
from ui.classroom.evaluate.words import METRICS as METRIC_WORDS
from ui.classroom.evaluate.words import note_text
from ui.classroom.models.shelf import TRANSLATION, draws, shelf
from ui.classroom.shell import access, warm
from ui.classroom.shell.i18n import N_, _
from ui.classroom.shell.run_titles import title_of
from ui.classroom.shell.store import store
from ui.texts import joined, number, plain, titles

COUNTS = (200, 500, 1000, 2000, 5000, 10_000)
USUAL = 2000
FEATURES = 64  # number of features of the nets that come with GANscope; ImageNet's has 320
IMAGENET = 320
TRAINING, UNSEEN, FOLDER = "training", "unseen", "folder"
AGAINST = {
    UNSEEN: N_("Held-out images, where there are any"),
    TRAINING: N_("Training data of each"),
    FOLDER: N_("A folder of real images"),
}
MODEL, RUN = "model:", "run:"
SHOWN_RUNS = 100


@dataclass(frozen=True)
class Choice:
    """A model or run that can be chosen: its title and its training data."""

    subject: Subject
    title: str
    data: str


def choices() -> dict[str, Choice]:
    """Models that make or translate images, and runs with a checkpoint, by `model:NAME` or `run:ID`."""
    found = shelf()
    models = {
        name: card
        for name, card in found.models.items()
        if (draws(card) and card.task == "images") or card.task in TRANSLATION[:3]
    }
    names = titles(models)
    offered = {
        MODEL + name: Choice(Subject(model=name), joined(names[name], name), card.data) for name, card in models.items()
    }
    for run in store().runs()[:SHOWN_RUNS]:
        if task_of(run.spec.data) in ("images", "paired", "unpaired") and run.step:
            words = joined(title_of(run), _("run {id}").format(id=run.id[-4:]))
            offered[RUN + run.id] = Choice(Subject(run=run), words, run.spec.data)
    return offered


def show() -> list[Asked]:
    """Renders the form; returns the request when the button is pressed."""
    offered = choices()
    chosen = st.multiselect(
        _("Models and runs"), list(offered), key="evaluate-subjects", format_func=lambda key: offered[key].title,
        placeholder=_("Choose one or more"), max_selections=8,
    )  # fmt: skip
    own = against_folder = ""
    first, second = st.columns(2)
    options = [UNSEEN, TRAINING, *([FOLDER] if access.is_owner() else [])]
    against = first.selectbox(
        _("Real images"), options, format_func=lambda name: _(AGAINST[name]), key="evaluate-against",
        help=_("Held-out images tell how good samples are; comparing with the training data also shows copies."),
    )  # fmt: skip
    count = second.select_slider(
        _("Samples"), COUNTS, USUAL, format_func=number, key="evaluate-count",
        help=_("The same number of real images is used, if there are that many."),
    )  # fmt: skip
    if access.is_owner():
        with st.expander(_("Your own images"), icon=":material/folder:"):
            own = st.text_input(_("Folder to evaluate"), key="evaluate-own", placeholder="/home/me/samples")
            against_folder = st.text_input(
                _("Folder of real images"), key="evaluate-folder", placeholder="/home/me/photos",
                help=_("Images of any size: both folders are brought to the same size and compared in the features "
                       "of a network trained on photos (ImageNet)."),
            )  # fmt: skip
    metrics = st.pills(
        _("Metrics"), list(METRICS), selection_mode="multi", key="evaluate-metrics",
        format_func=lambda name: _(METRIC_WORDS[name]), help=_("None selected: all that are possible."),
    )  # fmt: skip
    _trust(int(count), tuple(metrics))
    pressed = st.button(
        _("Evaluate"), type="primary", icon=":material/monitoring:", key="evaluate-start",
        disabled=not access.may_steer() or process.runs() or not (chosen or own), help=access.why_locked(),
    )  # fmt: skip
    if not pressed:
        return []
    return _asked([offered[key] for key in chosen], against, own, against_folder, int(count), tuple(metrics))


def _asked(
    chosen: Sequence[Choice], against: str, own: str, folder: str, count: int, metrics: tuple[str, ...]
) -> list[Asked]:
    access.require_steering()
    if own or against == FOLDER:
        access.require_owner()
    reference = _folder(folder) if folder and (own or against == FOLDER) else ""
    found = []
    if own:
        images = user_images(_folder(own))
        assert images is not None
        found.append(Asked(Subject(images=images), own, reference, metrics=metrics))
    if chosen and against == FOLDER and not reference:
        raise BadValue("Enter a folder of real images.")
    for one in chosen:
        beside = reference if against == FOLDER else held_out(one.data) if against == UNSEEN else ""
        found.append(Asked(one.subject, one.title, beside, samples=_fewer(count, beside or one.data), metrics=metrics))
    return found


def _fewer(count: int, reference: str) -> int | None:
    """The number of samples, or None (as many as there are) where the data set is known to be smaller."""
    from gan_core import data

    try:
        items = data.source(reference).items
    except GanscopeError:  # the user's own images aren't counted yet
        return None
    return None if 0 < items < count else count


def _folder(path: str) -> str:
    from pathlib import Path

    place = Path(path).expanduser()
    if not place.is_dir():
        raise BadValue("There is no folder {path}.", path=path)
    return f"folder:{place.resolve()}"


def _trust(count: int, metrics: tuple[str, ...]) -> None:
    """Says which metrics are reliable at this number of samples, and why others aren't."""
    everything = Has(classes=10, answers=True, labels=10, w=True)
    names = metrics or possible(FEATURES, count, everything)
    few = doubts(names, FEATURES, count, classes=10)
    doubted = {str(note.values["metric"]): note for note in few}
    fine = [name for name in names if METRICS[name].title not in doubted]
    title = _("What {count} samples can tell").format(count=number(count))
    with st.expander(title, icon=":material/verified:" if not few else ":material/info:", key="evaluate-trust"):
        if fine:
            words = ", ".join(_(METRIC_WORDS[name]) for name in fine)
            st.markdown(":material/check: " + _("Reliable: {metrics}.").format(metrics=words))
        for note in few:
            st.markdown(":material/warning: " + plain(note_text(note)))
        st.caption(
            _("For the bundled feature nets of 64 features and 10 classes. ImageNet has {features} features: its "
              "Fréchet distance needs {least} images.").format(
                features=IMAGENET, least=number(METRICS["fd"].trusted(IMAGENET))
            )
        )  # fmt: skip


def begin(asked: Sequence[Asked]) -> None:
    """Checks the request and starts the process that evaluates it; raises a GanscopeError."""
    access.require_steering()
    with st.spinner(_("Checking …")):
        warm.now()
        process.check(store(), asked)
    process.start(asked)
    st.rerun()
