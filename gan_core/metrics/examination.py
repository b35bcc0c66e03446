"""Accuracy of a feature net on held-out labelled images.

Names carry the number of images: `accuracy10k` is the share of 10,000 whose class is predicted correctly. For
attributes it is `error10k_hair`, the error rate among the pictures that show it, and `error10k_hair_hidden` among the
others, where hair can only be guessed; `error10k` is the mean over visible attributes.
"""

from __future__ import annotations

import numpy as np

from gan_core.data.base import DataSet
from gan_core.metrics.evaluate import count_text
from gan_core.metrics.feature_net import FeatureNet


def examined(net: FeatureNet, data: DataSet) -> dict[str, float]:
    """Error rates and accuracies by name; raises BadData for images of another shape."""
    wrong = net.answers(data.arrays["real"]) != data.answers  # (N, questions)
    end = count_text(len(data))
    if net.classes:
        return {f"accuracy{end}": float(1 - wrong.mean())}
    visible = data.arrays.get("visible", np.ones_like(wrong))
    marks = {}
    for name, missed, seen in zip(net.questions, wrong.T, visible.T, strict=True):
        marks[f"error{end}_{name}"] = float(missed[seen].mean())
        if not seen.all():
            marks[f"error{end}_{name}_hidden"] = float(missed[~seen].mean())
    return {f"error{end}": float(np.mean([marks[f"error{end}_{name}"] for name in net.questions]))} | marks
