#!/usr/bin/env bash
# guess: a deep copy of a layer with spectral norm is an independent layer. Removing the spectral norm from the copy
#   (as for the averaged generator before export) leaves the original, which still trains, unchanged.
# what happens: torch 2.15.0 gives a parametrised layer a class made for it alone, and a deep copy shares that class.
#   remove_parametrizations deletes the attribute `weight` from the class, so the original can't compute anything any
#   more: "'ParametrizedLinear' object has no attribute 'weight'". Its state_dict() is still complete, so that saving
#   doesn't reveal it. The older hook form, torch.nn.utils.spectral_norm, doesn't do this.
# source: https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.remove_parametrizations.html;
#   deep copies of parametrised modules came with https://github.com/pytorch/pytorch/pull/80811
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" torch==2.15.0 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import copy

import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm
from torch.nn.utils.parametrize import remove_parametrizations

trained = spectral_norm(nn.Linear(4, 4)).eval()
averaged = copy.deepcopy(trained)
remove_parametrizations(averaged, "weight")
print("torch", torch.__version__)
print("the copy:", type(averaged).__name__, tuple(averaged(torch.ones(1, 4)).shape))
try:
    trained(torch.ones(1, 4))
    said = "computes as before"
except AttributeError as error:
    said = str(error)
print("the original:", said)
print("its state:", sorted(trained.state_dict()))
assert said == "'ParametrizedLinear' object has no attribute 'weight'"
assert "parametrizations.weight.original" in trained.state_dict()

older = nn.utils.spectral_norm(nn.Linear(4, 4)).eval()
plain = copy.deepcopy(older)
nn.utils.remove_spectral_norm(plain)
assert older(torch.ones(1, 4)).shape == (1, 4)
print("the older hook form: the original computes as before")
PYTHON
