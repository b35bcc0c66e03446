#!/usr/bin/env bash
# guess: CTGAN.sample(n, condition_column="shape", condition_value="square") asks the generator for squares, whichever
#   place the column has in the table. (Not every row has to be one: the text says that the probability increases.)
# what happens: ctgan 0.12.1 never fills the table of where each column's categories begin in the condition, so that it
#   is 0 for all. Asking for the third category of the second column sets the third of the first: with the columns
#   colour and shape, the condition for a shape is the one for a colour, and how many rows have the shape is chance. No
#   error, no warning. Only conditions on the first discrete column work; training fills them correctly.
# source: ctgan/data_sampler.py (`_discrete_column_matrix_st`, generate_cond_from_condition_column_info) of
#   https://github.com/sdv-dev/CTGAN/tree/v0.12.1; https://github.com/sdv-dev/CTGAN/issues/235; paper: 1907.00503
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" torch==2.15.0 ctgan==0.12.1 numpy==2.4.6
cd "$folder"
OMP_NUM_THREADS=1 venv/bin/python - <<'PYTHON'
import warnings

import ctgan
import numpy as np
import pandas as pd
import torch

torch.manual_seed(0)
np.random.seed(0)
colours, shapes = ["blue", "green", "red"], ["disc", "square", "star"]
table = pd.DataFrame({"colour": np.random.choice(colours, 400), "shape": np.random.choice(shapes, 400)})
model = ctgan.CTGAN(
    epochs=60, batch_size=100, pac=1, generator_dim=(32, 32), discriminator_dim=(32, 32), generator_lr=2e-3
)
inputs = []
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    model.fit(table, ["colour", "shape"])
    trained = len(said)
    model._generator.register_forward_pre_hook(lambda network, given: inputs.append(given[0][0, -6:].tolist()))
    print("ctgan", ctgan.__version__)
    for column, values in (("colour", colours), ("shape", shapes)):
        for value in values:
            rows = model.sample(500, column, value)
            share, place = (rows[column] == value).mean(), inputs[-1].index(1)
            group = "colour" if place < 3 else "shape"
            print(f"{column} = {value}: {share:.0%} of the rows; the condition is on {group}, category {place % 3}")
            assert group == "colour", "conditions on later columns work now"
assert len(said) == trained
PYTHON
