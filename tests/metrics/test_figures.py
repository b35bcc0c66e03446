"""The record of a figure: names, columns, intervals; which metric is reliable at which number of images."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from gan_core.errors import BadData, UnknownName
from gan_core.metrics.bootstrap import around, grouped, of_mean, of_share, weights
from gan_core.metrics.figures import PIXELS, TRAIN, Figure, apart, as_csv, by_name, table
from gan_core.metrics.trust import METRICS, Has, check_counts, check_metrics, check_possible, doubts, possible

FD = Figure("fd", 10_000, "mnistnet", 1.5, 1.4, 1.6, floor=0.3, floor_n=5000, pixels=28, origin="model features.mnist")


def test_a_name_carries_count_net_and_side() -> None:
    assert FD.name == "fd10k_mnistnet"
    assert Figure("fd", 2500, "mnistnet", 1.0, side=TRAIN).name == "fd2500_mnistnet_train"
    assert Figure("nearest", 500, PIXELS, 1.0, side=TRAIN).name == "nearest500_pixels_train"
    assert Figure("kid", 2000, "imagenet", 1.0, pixels=64).name == "kid2k_imagenet_64px"
    assert Figure("reached", 10_000, "avatarsnet", 1.0, of="hair").name == "reached10k_avatarsnet_hair"
    assert by_name([FD]) == {"fd10k_mnistnet": FD}


def test_figures_of_other_nets_or_counts_get_columns_of_their_own() -> None:
    fewer = Figure("fd", 1000, "mnistnet", 2.0, pixels=28, origin=FD.origin)
    other_net = Figure("fd", 10_000, "mnistnet", 2.0, pixels=28, origin="run 7")  # of the same name
    larger = Figure("fd", 10_000, "mnistnet", 2.0, pixels=32, origin=FD.origin)
    like = Figure("fd", 10_000, "mnistnet", 2.0, 1.9, 2.1, pixels=28, origin=FD.origin)
    found = table({"a": [FD], "b": [fewer, like], "c": [other_net, larger]})
    assert [list(row) for row in found.values()] == [["a", "b"], ["b"], ["c"], ["c"]]
    assert apart(FD, like)
    elsewhere = replace(like, against="images:/other")  # compared with other real images
    assert len(table({"a": [FD], "b": [elsewhere]})) == 2
    assert not apart(FD, elsewhere)
    assert "images:/other" in as_csv({"b": [elsewhere]})
    assert not apart(FD, fewer)
    assert not apart(FD, Figure("fd", 10_000, "mnistnet", 1.55, 1.4, 1.7, pixels=28, origin=FD.origin))


def test_a_csv_holds_all_and_no_formula() -> None:
    lines = as_csv({"=cmd()": [FD, Figure("ppl", 100, "x", 3.0)]}).splitlines()
    assert lines[0].startswith("subject,name,kind,n,net,value,low,high,floor,floor_n")
    assert lines[1].startswith("'=cmd(),fd10k_mnistnet,fd,10000,mnistnet,1.5,1.4,1.6,0.3,5000")
    assert lines[2].startswith("'=cmd(),ppl100_x,ppl,100,x,3.0,,,,0")


def test_intervals_by_closed_forms() -> None:
    """Wilson's of 8 of 10 is (.490, .943); a mean's is Student's; sums of groups partition all samples."""
    assert of_share(0.8, 10) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert of_share(0.0, 10)[0] == pytest.approx(0, abs=1e-12)
    assert of_share(1.0, 10)[1] == pytest.approx(1)
    low, high = of_mean(np.array([1.0, 2.0, 3.0, 4.0]))
    assert (low + high) / 2 == pytest.approx(2.5)
    assert (high - low) / 2 == pytest.approx(3.18245 * math.sqrt(5 / 3) / 2, rel=1e-4)
    assert all(map(math.isnan, around(1.0, np.array([1.0]))))
    parts = grouped(103, 10)
    assert [parts[0].start, parts[-1].stop, len(parts)] == [0, 103, 10]
    assert len(grouped(3)) == 1
    assert (weights(np.random.default_rng(0), 7, 5).sum(1) == 7).all()


def test_the_interval_holds_the_truth_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)
    hits = [low <= 0.3 <= high for low, high in (of_share(random.binomial(80, 0.3) / 80, 80) for _ in range(400))]
    assert np.mean(hits) == pytest.approx(0.95, abs=0.035)


def test_which_metrics_are_reliable_at_which_count() -> None:
    assert not doubts(("fd", "kid", "prdc"), 64, 1000)
    found = doubts(("fd", "kid", "fd_class"), 64, 600, classes=10)
    assert [note.values["metric"] for note in found] == ["Fréchet distance", "Fréchet distance of each class"]
    assert str(found[0]) == (
        "Fréchet distance: 600 images are few; trust it from 640 on. With few samples for each feature the distance "
        "is too large, by an amount that depends on the number."
    )
    assert [str(note.values["trusted"]) for note in found] == ["640", "6,400"]
    assert all(metric.trusted(64) >= metric.needs(64) for metric in METRICS.values())


def test_what_can_be_computed_depends_on_net_and_model() -> None:
    bare = possible(320, 100, Has())
    assert set(bare) == {"fd", "kid", "sliced", "prdc", "ndb", "vendi", "msssim", "nearest", "copying"}
    assert "obedience" in possible(64, 1000, Has(classes=10, answers=True, labels=10, w=True))
    with pytest.raises(BadData, match=r"\('ppl'\) needs a model with an intermediate latent w"):
        check_possible(["ppl"], Has())
    with pytest.raises(BadData, match=r"\('classes'\) needs a feature net with at least two classes"):
        check_possible(["classes"], Has(classes=1, answers=True))
    with pytest.raises(BadData, match=r"\('fd_infinity'\) needs at least 640 samples .* only 100.*fd, fd_class, kid"):
        check_counts(["fd_infinity"], 320, 100, 100)
    with pytest.raises(UnknownName, match=r"'fid'\. Valid: fd"):
        check_metrics(["fid"])
