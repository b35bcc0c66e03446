#!/usr/bin/env bash
# guess: diffusers' EMAModel(parameters, decay=0.9999) keeps .9999 of the average at each step, unless its switch
#   `use_ema_warmup` (off by default) is turned on.
# what happens: diffusers 0.42.1 warms up either way. The switch only chooses the schedule: off is min(decay, (1 + n)
#   / (10 + n)), which is .92 after 100 steps and reaches .9999 after 90,000; only from there on is `decay` what was
#   asked for. A run of 1,000 steps gives the same average, about 100 steps behind, for every `decay` above .991; with
#   .9999 kept at each step it would be 950 steps behind. `min_decay` set to the same number makes the decay constant,
#   but for the first update, which copies.
# source: https://huggingface.co/docs/diffusers/main/en/api/utilities; src/diffusers/training_utils.py
#   (`EMAModel.get_decay`) of https://github.com/huggingface/diffusers/tree/v0.42.1
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" \
  diffusers==0.42.1 torch==2.15.0 numpy==2.4.6
cd "$folder"
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import diffusers
import torch
from diffusers.training_utils import EMAModel

STEPS = 1000
print("diffusers", diffusers.__version__)


def average(steps, **options):
    """The average, after `steps` updates, of a weight that is the number of its update."""
    weight = torch.nn.Parameter(torch.zeros(1, dtype=torch.float64))
    averaged = EMAModel([weight], **options)
    for step in range(1, steps + 1):
        weight.data.fill_(step)
        averaged.step([weight])
    return float(averaged.shadow_params[0]), averaged.cur_decay_value


asked = {decay: average(STEPS, decay=decay) for decay in (0.992, 0.999, 0.9999)}
for decay, (value, used) in asked.items():
    print(f"decay {decay}, switch off: {STEPS - value:.0f} steps behind; the last step kept {used:.4f}")
constant, used = average(STEPS, decay=0.9999, min_decay=0.9999)
print(f"decay .9999, min_decay .9999: {STEPS - constant:.0f} steps behind; the last step kept {used:.4f}")
assert len({value for value, _ in asked.values()}) == 1
assert 0.991 < asked[0.9999][1] < 0.992
assert STEPS - asked[0.9999][0] < 120
assert used == 0.9999 and STEPS - constant > 900
assert average(100, decay=0.9999)[1] < 0.92
PYTHON
