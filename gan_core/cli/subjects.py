"""Finds what `ganscope eval` evaluates by name, among folders, models and runs."""

from __future__ import annotations

import os

from gan_core.cli.output import data_name, find_run, unknown
from gan_core.data.user.references import user_images
from gan_core.errors import UnknownName
from gan_core.evaluation.subjects import FindRun, Subject
from gan_core.models import listing
from gan_core.runs.store import Run, RunStore


def subject_of(store: RunStore, wanted: str) -> Subject:
    """The images, model or run of that name; raises UnknownName, or BadData if there is no such folder."""
    named = wanted if user_images(wanted) else f"folder:{wanted}"
    if (
        (mine := user_images(data_name(named)))
        and mine.task == "images"
        and (named == wanted or os.path.isdir(mine.path))
    ):
        return Subject(images=mine)
    if listing.is_model(wanted):
        return Subject(model=wanted)
    try:
        return Subject(run=find_run(store, wanted))
    except UnknownName:
        raise unknown(store, "model, run or folder of images", wanted) from None


def net_finder(store: RunStore) -> FindRun:
    """Finds the run that is used as a feature net; raises UnknownName."""

    def find(wanted: str) -> Run:
        try:
            return find_run(store, wanted)
        except UnknownName:
            raise unknown(store, "model, run or file of weights", wanted) from None

    return find
