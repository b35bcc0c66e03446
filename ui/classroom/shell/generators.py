"""The choice among models of the shelf and runs that generate one kind of samples, for pages about that kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from gan_core.data import task_of
from gan_core.models import listing
from ui.classroom.shell import address, warm
from ui.classroom.shell.i18n import _
from ui.classroom.shell.run_titles import distinct_titles
from ui.classroom.shell.store import store
from ui.texts import number, titles

if TYPE_CHECKING:
    from torch import nn

    from gan_core.models.sampler import Sampler

RUN = "run:"  # before a run's id
RUNS = 30  # the newest runs that are offered
IN_LINK = ("model",)


@dataclass(frozen=True)
class Chosen:
    """A model by its name, or a run as `run:ID`, and the checksum of its weights."""

    name: str
    sha256: str
    step: int = 0

    @property
    def is_run(self) -> bool:
        return self.name.startswith(RUN)


def offered(task: str) -> dict[Chosen, str]:
    """Models and runs whose samples are of a task, with their titles; models come first."""
    cards, _damaged = listing.survey()
    models = {name: card for name, card in cards.items() if card.task == task}
    found = {Chosen(name, models[name].sha256): title for name, title in titles(models).items()}
    runs = [run for run in store().runs() if task_of(run.spec.data) == task][:RUNS]
    for run, title in zip(runs, distinct_titles(runs), strict=True):
        if checkpoints := store().checkpoints(run.id):
            newest = checkpoints[-1]
            words = _("run {name}, step {step}").format(name=title, step=number(newest.step))
            found[Chosen(RUN + run.id, newest.sha256, newest.step)] = words
    return found


def choose(task: str, place: str) -> Chosen | None:
    """Renders the choice; None if there is nothing to choose from. In the link it is `model`."""
    options = offered(task)
    if not options:
        return None
    names = {one.name: one for one in options}
    asked = st.query_params.get("model", "")
    first = next(iter(names))
    key = f"{place}-model"
    if st.session_state.get(key) not in names or address.changed_elsewhere(key, IN_LINK):
        st.session_state[key] = asked if asked in names else first
    chosen = st.selectbox(
        _("Model or run"), list(names), key=key, format_func=lambda name: options[names[name]], width=420,
        help=_("Models of the shelf, and runs that have a checkpoint."),
    )  # fmt: skip
    if chosen != (asked or first):  # a link without a model stays as it is, or the browser's Back would lead here again
        st.query_params["model"] = chosen
    address.mark_synced(key, IN_LINK)
    return names[chosen]


def sampler_of(chosen: Chosen) -> Sampler:
    """Returns the sampler; raises BadCheckpoint."""
    with st.spinner(_("Loading the model …")):
        warm.now()
        return _sampler(chosen.sha256, chosen.name)


@st.cache_resource(show_spinner=False, max_entries=8)
def _sampler(sha256: str, _name: str) -> Sampler:
    from gan_core.models import loading

    return loading.from_run(store(), _name.removeprefix(RUN)) if _name.startswith(RUN) else loading.load(_name)


@st.cache_resource(show_spinner=False, max_entries=8)
def discriminator_of(sha256: str, _name: str) -> nn.Module | None:
    """Returns the discriminator of a model or run; None where its file has none. Raises BadCheckpoint."""
    from gan_core.models import discriminators

    try:
        if not _name.startswith(RUN):
            return discriminators.discriminator_of(_name)
        checkpoint = _sampler(sha256, _name).checkpoint
        if checkpoint and not checkpoint.path.is_file():  # a run in training has replaced it since
            _sampler.clear(sha256, _name)
        return discriminators.discriminator_beside(_sampler(sha256, _name))
    except discriminators.NoDiscriminator:
        return None
