"""The images of a study: subsets of real images, and held-out test images. Needs no torch."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from gan_core import data
from gan_core.data import parts
from gan_core.data.base import DataSet, Progress, silent
from gan_core.errors import BadData, BadValue
from gan_core.study.plan import Setting, StudyPlan


@dataclass(frozen=True)
class Images:
    """The images for training, and those only for testing; `test_part` as in Background."""

    train: DataSet
    test: DataSet
    test_part: str


def load(plan: StudyPlan, progress: Progress = silent) -> Images:
    """The set with its own test part, else every tenth image held out.

    Raises BadData for data without classes, BadValue if a class has too few images.
    """
    whole = data.load(plan.data, plan.size, progress)
    if whole.spec.task != "images" or "label" not in whole.arrays or len(whole.class_names) < 2:
        raise BadData("A study needs images of at least two classes; '{name}' has fewer.", name=plan.data)
    if plan.data in data.sources and (own_test := data.sources.get(plan.data).test):
        images = Images(whole, own_test(plan.size, progress), "published")
    else:
        images = Images(parts.cut(whole, "train"), parts.cut(whole, "test"), "held_out")
    _check(plan, images)
    return images


def _check(plan: StudyPlan, images: Images) -> None:
    classes = len(images.train.class_names)
    there = np.bincount(images.train.arrays["label"], minlength=classes)
    for setting in plan.settings:
        for name, wanted, has in zip(images.train.class_names, setting.counts(classes), there, strict=True):
            if wanted > has:
                raise BadValue(
                    "The class '{name}' has only {has} training images, and {wanted} are needed. Lower --k or "
                    "--unbalanced.",
                    name=name, has=int(has), wanted=wanted,
                )  # fmt: skip
    if not np.bincount(images.test.arrays["label"], minlength=classes).all():
        raise BadData("The test split of '{name}' doesn't contain every class.", name=plan.data)


def chosen(train: DataSet, setting: Setting, seed: int) -> DataSet:
    """The real images of a setting, with smaller classes repeated to the size of the largest one.

    The same seed chooses the same images; a smaller selection is a subset of a larger one.
    """
    labels = np.asarray(train.arrays["label"])
    most = setting.common
    places = []
    for label, count in enumerate(setting.counts(len(train.class_names))):
        order = np.random.default_rng([seed, label]).permutation(np.flatnonzero(labels == label))
        places.append(np.resize(order[:count], most))
    return of_places(train, np.concatenate(places))


def of_places(whole: DataSet, places: np.ndarray) -> DataSet:
    """The items at these places, in memory; attributes and other arrays are left out."""
    arrays = {name: np.ascontiguousarray(whole.arrays[name][places]) for name in ("real", "label")}
    return DataSet(whole.name, arrays, whole.class_names, whole.licence)


def joined(real: DataSet, images: np.ndarray, labels: np.ndarray) -> DataSet:
    """Joins real and generated images, (N, C, H, W) and (M, C, H, W)."""
    arrays = {
        "real": np.concatenate([real.arrays["real"], images]),
        "label": np.concatenate([real.arrays["label"], labels]),
    }
    return dataclasses.replace(real, arrays=arrays)
