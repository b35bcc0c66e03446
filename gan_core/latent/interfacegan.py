"""InterFaceGAN: directions from labelled examples, the normal of the separating hyperplane (1907.10786).

    f(w) = n^T w + b  separates the labels;   moving along n changes the attribute   (section 2.2)
    n1' = n1 - (projection of n1 on the others)                                               (section 2.3)

The second line is conditional manipulation, which keeps the other attributes unchanged. The plane is that of a logistic
regression in white coordinates, where points vary equally in all directions.

Differs from the paper: logistic regression instead of a support vector machine, on all labels instead of the extremes.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gan_core.errors import BadValue
from gan_core.latent.directions import Direction, Layers, check_layers, gaussian, vector_space
from gan_core.latent.edits import check_direction
from gan_core.latent.explorer import Explorer
from gan_core.latent.points import Points
from gan_core.layers.gaussian import Gaussian

LEAST_MARKS, MOST_MARKS = 10, 1_000
EASY = 0.1  # strength of the prior for a few marks: its inverse is the regression's weight decay
FOLDS = 5


def boundary(explorer: Explorer, name: str, points: Points, labels: Sequence[bool]) -> Direction:
    """The direction from negative to positive, learnt from many labelled points. Raises BadValue if all labels are
    equal.

    `accuracy` is cross-validated, in [0, 1].
    """
    return _learnt(explorer, name, points, labels, "boundary", strength=1.0)


def from_labels(explorer: Explorer, name: str, points: Points, marks: Sequence[bool]) -> Direction:
    """The direction from negative to positive, from 10 or more labelled samples, with strong regularisation.

    `accuracy` is cross-validated. Raises BadValue for too few marks, or if all are equal.
    """
    if not LEAST_MARKS <= len(marks) <= MOST_MARKS:
        raise BadValue(
            "Label {least} to {most} images; {count} are labelled.",
            least=LEAST_MARKS, most=MOST_MARKS, count=len(marks),
        )  # fmt: skip
    return _learnt(explorer, name, points, marks, "marks", strength=EASY)


def _learnt(
    explorer: Explorer, name: str, points: Points, labels: Sequence[bool], kind: str, strength: float
) -> Direction:
    said = np.array(labels, dtype=bool)
    if len(said) != len(points):
        raise BadValue("There are {points} images but {labels} labels.", points=len(points), labels=len(said))
    if said.all() or not said.any():
        raise BadValue("All images have the same label. A direction needs both positive and negative examples.")
    space = vector_space(explorer)
    values, around = explorer.read(points, space).double().cpu(), gaussian(explorer)
    white = (values - around.mean) @ around.whitening  # (N, d)
    normal, accuracy = hyperplane(white.numpy(), said, strength)
    return Direction(name, space, _raw(torch.from_numpy(normal), around), kind, facts={"accuracy": accuracy})


def hyperplane(values: np.ndarray, labels: np.ndarray, strength: float) -> tuple[np.ndarray, float]:
    """The unit normal (d,) of the plane that separates `values` (N, d) by `labels` (N,), and its cross-validated
    accuracy (0 to 1), with equal weights for both classes. `strength` is the inverse of the weight decay.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score

    regression = LogisticRegression(C=strength, class_weight="balanced", max_iter=1_000)
    folds = min(FOLDS, int(labels.sum()), int((~labels).sum()))
    accuracy = float("nan")
    if folds >= 2:
        parts = StratifiedKFold(folds, shuffle=True, random_state=0)
        accuracy = float(cross_val_score(regression, values, labels, cv=parts, scoring="balanced_accuracy").mean())
    normal = regression.fit(values, labels).coef_[0]
    return normal / np.linalg.norm(normal), accuracy


def _raw(white: Tensor, around: Gaussian) -> Tensor:
    """Converts a unit vector of white coordinates to a move in the space, one standard deviation long.

    Moving along the plane's own normal would also change everything correlated with it; the white normal, transformed
    back by the square root of the covariance, changes the labelled attribute and leaves independent ones unchanged.
    """
    return (around.root @ white).float()


def conditioned(explorer: Explorer, direction: Direction, others: Sequence[Direction]) -> Direction:
    """The direction without its components along others, so that their attributes stay unchanged; rescaled to one unit.

    In white coordinates, where independent attributes are orthogonal. Raises BadValue if nothing is left of it, or if
    the directions aren't plain vectors of one space.
    """
    around = gaussian(explorer)
    for one in (direction, *others):
        check_direction(explorer, one)
        if one.space != vector_space(explorer):
            raise BadValue(
                "{name} is a direction in {space}, which can't be conditioned on others.",
                name=one.name,
                space=one.space,
            )
    if not others:
        return direction
    whitening = around.whitening
    white = whitening @ direction.vector.double()
    basis, _ = torch.linalg.qr(torch.stack([whitening @ one.vector.double() for one in others], 1))  # (d, k)
    rest = white - basis @ (basis.T @ white)
    if float(rest.norm()) < 1e-3 * float(white.norm()):
        raise BadValue(
            "Nothing of {name} remains after projecting out the others: they point the same way.", name=direction.name
        )
    kept = Direction(
        direction.name, direction.space, _raw(rest / rest.norm(), around), direction.kind, direction.layers
    )
    check_layers(explorer, kept.layers)
    return kept


def within(direction: Direction, layers: Layers | None) -> Direction:
    """The same direction, restricted to these layers."""
    return Direction(direction.name, direction.space, direction.vector, direction.kind, layers, direction.facts)
