"""Trains the GANs and classifiers of a study, and evaluates them on the test images."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from gan_core.data.base import DataSet
from gan_core.errors import BadData, BadValue, StoreError, listed
from gan_core.gans import recipes
from gan_core.metrics.feature_net import FeatureNet
from gan_core.models.sampler import Sampler
from gan_core.pictures.grids import grid, png, to_uint8
from gan_core.study import subsets
from gan_core.study.plan import ALTERED, GENERATED, Cell, Setting, StudyPlan
from gan_core.study.results import Background, Result, StudyFolder
from gan_core.training.trainer import Trainer

SHOWN = 8  # images of each class in a picture
CLASSES_SHOWN = 10
ALTER = 0.5  # strength of the alterations in the classical arms: the recipe's own default

# DCGAN as in plans.py, small enough for a minute on one core; DiffAugment keeps it from memorising 20 images
# (2006.10738)
GAN: Mapping[str, Any] = {
    "body": "dcgan", "batch_norm": True, "channels": 16, "max_channels": 64, "latent_size": 32, "stem": "linear",
    "batch_size": 32, "generator_rate": 1e-3, "discriminator_rate": 1e-3, "beta1": 0.0, "ema": 0.99,
    "penalty": "r1", "penalty_weight": 0.3, "penalty_every": 8, "augment": "diffaugment",
}  # fmt: skip
CLASSIFIER: Mapping[str, Any] = {
    "channels": 8, "max_channels": 32, "features": 32, "batch_size": 32, "schedule": "cosine", "ema": 0.98,
}  # fmt: skip

Report = Callable[[int, int, Cell, Result], None]  # finished cells, all cells, the newest one, its result


def run(plan: StudyPlan, images: subsets.Images, report: Report) -> StudyFolder:
    """Trains and evaluates all cells without a result; raises GanscopeError. It can be interrupted at any time and
    resumed.
    """
    folder = StudyFolder.of(plan)
    names = images.train.class_names
    _check_classes(folder, plan, names)
    folder.begin(plan, Background(names, len(images.test), images.test_part))
    cells = list(plan.cells())
    for place, cell in enumerate(cells, 1):
        if folder.result(cell) is None:
            result = _measured(plan, images, folder, cell)
            folder.keep(cell, result)
            report(place, len(cells), cell, result)
    return folder


def _check_classes(folder: StudyFolder, plan: StudyPlan, names: tuple[str, ...]) -> None:
    """Raises BadData if the stored results have other classes, on whose numbers the stored images depend."""
    try:
        known = folder.plan()[1].class_names
    except StoreError:  # not begun yet, or to be written again
        return
    if known != names:
        raise BadData(
            "The results in {folder} are for the classes {known}, but '{name}' now has {found}. Rename the class "
            "folders back, or delete the results to start over.",
            folder=folder.path, known=listed(known), name=plan.data, found=listed(names),
        )  # fmt: skip


def _measured(plan: StudyPlan, images: subsets.Images, folder: StudyFolder, cell: Cell) -> Result:
    began = time.monotonic()
    shown = subsets.chosen(images.train, cell.setting, cell.seed)
    if cell.arm in GENERATED:
        shown = subsets.joined(shown, *_generated(plan, shown, folder, cell.setting, cell.seed))
    accuracy, auc = _evaluated(classifier(plan, shown, cell), images.test)
    return Result(accuracy, auc, time.monotonic() - began)


def classifier(plan: StudyPlan, shown: DataSet, cell: Cell) -> FeatureNet:
    """A classifier trained on these images, augmented in the classical arms."""
    changes = {"augment": ALTER if cell.arm in ALTERED else 0.0, "decay_steps": plan.steps, "seed": cell.seed}
    return FeatureNet("study", _trained("feature_net", {**CLASSIFIER, **changes}, shown, plan.steps))


def _generated(
    plan: StudyPlan, shown: DataSet, folder: StudyFolder, setting: Setting, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Generated images, as many as real ones, uint8 (N, C, H, W), and their labels; each GAN is trained only once."""
    if kept := folder.generated(setting, seed):
        return kept
    changes = {**GAN, "seed": seed, "schedule": "linear", "decay_steps": plan.gan_steps}
    samples = _trained("cgan", changes, shown, plan.gan_steps).sample(len(shown), seed)
    if not torch.isfinite(samples).all():
        raise BadValue(
            "The GAN for {setting}, seed {seed}, diverged. Try another number of steps.",
            setting=setting.name,
            seed=seed,
        )
    images = to_uint8(samples).transpose(0, 3, 1, 2)  # (N, H, W, C) -> (N, C, H, W)
    labels = np.arange(len(shown)) % len(shown.class_names)  # the sampler's order
    if seed == 0:
        pictured(folder, setting, "real", shown.arrays["real"], shown.arrays["label"])
        pictured(folder, setting, "generated", images, labels)
    folder.keep_generated(setting, seed, images, labels)
    return images, labels


def _trained(recipe_name: str, changes: Mapping[str, Any], shown: DataSet, steps: int) -> Sampler:
    """The averaged networks after training for `steps` steps."""
    recipe = recipes.get(recipe_name)
    hparams = recipe.settings(changes)
    trainer = Trainer(recipe, hparams, shown)
    while trainer.step < steps:
        trainer.train_step()
    return Sampler(recipe, hparams, shown.spec, trainer.ema.refresh())


def _evaluated(net: FeatureNet, test: DataSet) -> tuple[float, float]:
    """Accuracy, and the area under the ROC curve; for more than two classes the mean of one against the rest."""
    from sklearn.metrics import roc_auc_score

    labels = np.asarray(test.arrays["label"])
    found = np.concatenate([probabilities for _, probabilities in net.predict(test.arrays["real"])])
    # scikit-learn requires rows that sum to 1 more precisely than in float32
    exact = found.astype(np.float64) / found.sum(1, keepdims=True, dtype=np.float64)
    scores = exact[:, 1] if exact.shape[1] == 2 else exact
    return float((found.argmax(1) == labels).mean()), float(roc_auc_score(labels, scores, multi_class="ovr"))


def pictured(folder: StudyFolder, setting: Setting, kind: str, images: np.ndarray, labels: np.ndarray) -> None:
    """A picture with a row for each class, of uint8 images (N, C, H, W)."""
    rows = []
    for label in range(min(CLASSES_SHOWN, int(labels.max()) + 1)):
        rows.append(np.resize(np.flatnonzero(labels == label), SHOWN))
    chosen = images[np.concatenate(rows)].transpose(0, 2, 3, 1)  # (N, C, H, W) -> (N, H, W, C)
    folder.write(f"{setting.name}.{kind}.png", png(grid(chosen, SHOWN)))
