"""Scores in the plane against those of the library, and the lesson's statements about them."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from gan_core.metrics import classes, fid, neighbours
from gan_core.models.card import read_card
from gan_core.teaching import scores
from gan_core.teaching.scores import DATA, TRAINING, Maker

SHELF = Path(__file__).parents[2] / "pretrained"
MAKERS = [DATA, Maker(1), Maker(3, 1.0), Maker(spread=0.02), Maker(outwards=1.5), Maker(cloud=True)]


@pytest.mark.parametrize("maker", MAKERS)
def test_the_scores_are_those_of_the_library(maker: Maker) -> None:
    real, made = DATA.draw(300), maker.draw(300, 1)
    p = scores.probabilities(made)
    counts = classes.ClassCounts(len(TRAINING))
    counts.add(p)
    assert scores.inception_score(p) == pytest.approx(counts.inception_score())
    assert scores.mode_score(p, TRAINING) == pytest.approx(counts.mode_score(TRAINING))
    assert scores.class_divergence(p, TRAINING) == pytest.approx(classes.divergence(counts.marginal, TRAINING))
    known = fid.frechet_distance(fid.gaussian(real), fid.gaussian(made))
    assert scores.frechet(real, made) == pytest.approx(known, rel=1e-6, abs=1e-9)
    assert scores.NEAREST == neighbours.NEAREST
    among = neighbours.manifold(real, made)
    assert scores.precision(real, made) == pytest.approx(among.precision)
    assert scores.recall(real, made) == pytest.approx(among.recall)


def test_the_mode_score_is_the_inception_score_whatever_the_classes_shares() -> None:
    random = np.random.default_rng(0)
    for _trial in range(5):
        p, shares = random.dirichlet(np.ones(4), 50), random.dirichlet(np.ones(4))
        assert scores.mode_score(p, shares) == pytest.approx(scores.inception_score(p))


def test_lost_classes() -> None:
    for kept in (1, 2, 3, 4):
        p = np.eye(4)[np.arange(12 * kept) % kept]
        assert scores.class_divergence(p, TRAINING) == pytest.approx(math.log(4 / kept))
        assert scores.inception_score(p) == pytest.approx(kept)


def test_the_classifier_is_bayes_rule_for_equal_bells() -> None:
    points = DATA.draw(20)
    bells = np.exp(-0.5 * np.square(points[:, None] - scores.CENTRES).sum(2) / scores.SPREAD**2)
    np.testing.assert_allclose(scores.probabilities(points), bells / bells.sum(1, keepdims=True))


def test_a_cloud_has_the_datas_mean_and_covariance() -> None:
    cloud, real = Maker(cloud=True).draw(200_000), DATA.draw(200_000)
    np.testing.assert_allclose(np.cov(cloud.T), np.cov(real.T), atol=0.05)
    np.testing.assert_allclose(cloud.mean(0), real.mean(0), atol=0.02)


def test_what_the_lesson_says() -> None:
    floor, few = scores.scores(DATA, 500), scores.scores(DATA, 50)
    assert floor.frechet == pytest.approx(0.002, abs=5e-4)
    assert few.frechet == pytest.approx(0.053, abs=5e-4)
    assert floor.inception == pytest.approx(3.996, abs=5e-4)
    repeats = scores.scores(Maker(spread=0.02), 500)
    assert repeats.inception == pytest.approx(4)
    assert repeats.frechet == pytest.approx(0.006, abs=5e-4)
    assert repeats.precision == 1
    assert repeats.recall == pytest.approx(0.014)
    cloud = scores.scores(Maker(cloud=True), 500)
    assert cloud.frechet == pytest.approx(0.033, abs=5e-4)
    assert cloud.precision == pytest.approx(0.52)
    assert cloud.inception == pytest.approx(3.638, abs=5e-4)
    outwards = scores.scores(Maker(outwards=1.5), 500)
    assert outwards.inception > floor.inception
    assert outwards.inception == pytest.approx(4, abs=5e-4)
    assert outwards.frechet == pytest.approx(1.981, abs=5e-4)
    assert outwards.precision == pytest.approx(0.80, abs=5e-3)
    one = scores.scores(Maker(classes=1), 500)
    assert one.frechet == pytest.approx(12.864, abs=5e-4)


def test_the_cards_of_the_experiment() -> None:
    shown = {"mlp_gan.mnist": (1.24, 0.913), "wgan_gp.mnist": (0.56, 0.910), "infogan.mnist": (0.36, 0.928)}
    for name, (distance, sure) in shown.items():
        metrics = read_card(SHELF / name).metrics
        assert metrics["fd10k_mnistnet"] == pytest.approx(distance, abs=5e-3)
        assert metrics["sure10k_mnistnet"] == pytest.approx(sure, abs=5e-4)
        assert metrics["fd5k_mnistnet_floor"] == pytest.approx(0.27, abs=5e-3)
