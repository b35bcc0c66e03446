#!/usr/bin/env bash
# guess: the rows of scikit-learn's digits are in no order, so that every tenth row, or a random tenth, is a fair test
#   part: its digits are new, and the classes have equal shares.
# what happens: scikit-learn 1.9.1 keeps the order of the UCI test file, which has digits of 13 people: blocks of
#   about 130 rows, 12 of which begin with the same 30 labels. The nearest neighbour of a digit is usually close by:
#   58 % lie within 130 rows, where 14 % would by chance. A part that is taken at random or row by row has its writers in
#   the training part: a nearest-neighbour classifier makes 1.2 % errors there and 3.5 % on a fifth that is cut in one
#   piece, and for copy tests of generative models (distance to the closest training picture) held-out digits lie a
#   tenth closer. And because of the repeated sequence, every tenth row has 40 threes and 10 ones among 179. The
#   description says that 13 people wrote them, but not in which order the rows are, nor who wrote each.
# source: https://scikit-learn.org/stable/modules/generated/sklearn.datasets.load_digits.html;
#   https://archive.ics.uci.edu/dataset/80/optical+recognition+of+handwritten+digits (30 people in the training file, 13
#   others in the test file); https://github.com/scikit-learn/scikit-learn/pull/2463 (dependent neighbours, in a test)
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
cd "$folder"
OMP_NUM_THREADS=1 venv/bin/python - <<'PYTHON'
import numpy as np
import sklearn
from sklearn.datasets import load_digits
from sklearn.model_selection import KFold
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors

pictures, labels = load_digits(return_X_y=True)
rows = np.arange(len(labels))
print("scikit-learn", sklearn.__version__)

closest = NearestNeighbors(n_neighbors=2).fit(pictures).kneighbors(pictures)[1][:, 1]
near = float((np.abs(closest - rows) <= 130).mean())
chance = float(np.mean([((np.abs(rows - row) <= 130).sum() - 1) / (len(rows) - 1) for row in rows]))
print(f"nearest neighbours within 130 rows: {near:.3f}, by chance {chance:.3f}")
assert near > 0.55 and chance < 0.15

starts = [row for row in rows[:-30] if np.array_equal(labels[row : row + 30], labels[:30])]
print("the first 30 labels again at rows", [int(row) for row in starts])
assert len(starts) == 12


def errors_and_distance(folds):
    """Of the nearest neighbour as a classifier, and the mean distance to it, over the test parts."""
    found = [
        (KNeighborsClassifier(1).fit(pictures[train], labels[train]).score(pictures[test], labels[test]),
         NearestNeighbors(n_neighbors=1).fit(pictures[train]).kneighbors(pictures[test])[0].mean())
        for train, test in folds.split(pictures)
    ]
    right, apart = np.mean(found, 0)
    return 1 - float(right), float(apart)


random, pieces = errors_and_distance(KFold(5, shuffle=True, random_state=0)), errors_and_distance(KFold(5))
print("errors, distance to the closest training digit:")
print("random fifths %.3f, %.1f; pieces %.3f, %.1f" % (*random, *pieces))
assert random[0] < 0.015 and pieces[0] > 0.03
assert pieces[1] > 1.08 * random[1]
tenth = np.bincount(labels[9::10], minlength=10)
print("digits 0 to 9 among every tenth row:", tenth.tolist(), "of", int(tenth.sum()))
assert (tenth[1], tenth[3], tenth.sum()) == (10, 40, 179)
PYTHON
