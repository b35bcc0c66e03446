"""The first sliders of the first model do what they say."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest
import torch

from gan_core.data.avatars.attributes import ATTRIBUTES
from gan_core.latent.edits import Edit, edited
from gan_core.latent.sliders import SLOTS
from gan_core.metrics.feature_net import FeatureNet
from gan_core.models import loading
from gan_core.pictures.grids import to_uint8
from ui.studio.models import opened
from ui.studio.models.cache import models
from ui.studio.view import surprise
from ui.studio.view.view import PSI, View
from ui.studio.view.visit import REACH

SEEDS = range(12)
VALUES = [f"{attribute.name}: {value}" for attribute in ATTRIBUTES for value in attribute.values]


@pytest.mark.slow
def test_each_of_the_six_first_sliders_reaches_what_it_names(monkeypatch: pytest.MonkeyPatch) -> None:
    """At its end, according to the net for drawn faces, for at least 9 of 12 seeds; at 0 for at most 6."""
    monkeypatch.setattr("gan_core.models.listing.BUNDLED", Path(__file__).parents[2] / "pretrained")
    model = opened.opened(next(iter(opened.offered())))
    explorer, net = model.explorer, FeatureNet("features.avatars", loading.load("features.avatars"))
    mean = explorer.read(explorer.mean(), "w+")
    points = explorer.sample(len(SEEDS), 0)
    drawn = [explorer.sample(1, seed) for seed in SEEDS]
    points = explorer.write(points, "w+", torch.cat([explorer.read(one, "w+") for one in drawn]))
    points = explorer.write(points, "w+", mean + PSI * (explorer.read(points, "w+") - mean))

    def reached(name: str, strength: float) -> int:
        edit = Edit(model.directions[name], strength)
        pictures = to_uint8(explorer.draw(edited(explorer, points, [edit] if strength else [])))
        answers = np.concatenate([found for _features, found in net.predict(pictures.transpose(0, 3, 1, 2))])
        return int((answers[:, VALUES.index(name)] > 0.5).sum())

    assert len(model.slots) == SLOTS
    assert {name.partition(":")[0] for name in model.slots} == {
        "mouth",
        "glasses",
        "eye_colour",
        "cheeks",
        "beard",
        "gaze",
    }
    for name in model.slots:
        assert reached(name, 0) <= 6, name
        assert reached(name, REACH) >= 9, name


def test_a_surprise_is_the_candidate_with_the_highest_confidence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gan_core.models.listing.BUNDLED", Path(__file__).parents[2] / "pretrained")
    seen: list[tuple[list[View], np.ndarray]] = []
    clearness = surprise.clearness

    def noted(model: opened.Opened, views: list[View]) -> np.ndarray:
        seen.append((views, clearness(model, views)))
        return seen[-1][1]

    monkeypatch.setattr(surprise, "clearness", noted)
    name = next(iter(opened.offered()))
    with models.held():
        chosen = surprise.surprise(name, opened.opened(name).slots, random.Random(0))
    views, scores = seen[0]
    assert len(views) == surprise.CANDIDATES
    assert chosen == views[int(scores.argmax())]
    assert scores.max() > scores.mean() + 0.02  # of confidences; not a tie
    assert all(change.strength > 0 for view in views for change in view.changes)  # the effect of a value
