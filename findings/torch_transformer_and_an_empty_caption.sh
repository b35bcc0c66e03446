#!/usr/bin/env bash
# guess: a sequence of which every place is padding (an empty caption, the unconditional half of classifier-free
#   guidance) gives a transformer layer the same numbers in evaluation as in training; whatever they are, they are
#   finite in both.
# what happens: torch 2.15.0 has two paths. With gradients the layer gives finite numbers. Under torch.no_grad(), in
#   evaluation, the same layer with the same input gives NaN for that sequence, and nn.TransformerEncoder raises
#   "to_padded_tensor: at least one constituent tensor should have non-zero numel" if all sequences are empty. So
#   training and its losses look correct, and only drawn samples break. A first token that is never masked avoids it.
# source: https://docs.pytorch.org/docs/stable/generated/torch.nn.TransformerEncoderLayer.html ("Fast path")
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" torch==2.15.0 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import warnings

import torch
from torch import nn

warnings.simplefilter("ignore")  # nested tensors are a prototype
torch.manual_seed(0)
layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
words = torch.randn(2, 6, 8)
padding = torch.zeros(2, 6, dtype=torch.bool)
padding[1] = True  # the second caption is empty
with_gradients = layer(words, src_key_padding_mask=padding)
with torch.no_grad():
    without = layer(words, src_key_padding_mask=padding)
print("torch", torch.__version__)
print("finite with gradients:", bool(with_gradients.isfinite().all()))
print("finite without:", bool(without[0].isfinite().all()), bool(without[1].isfinite().any()))
assert with_gradients.isfinite().all()
assert without[0].isfinite().all()
assert not without[1].isfinite().any()
encoder = nn.TransformerEncoder(layer, 1).eval()
encoder(words, src_key_padding_mask=torch.ones_like(padding))
try:
    with torch.no_grad():
        encoder(words, src_key_padding_mask=torch.ones_like(padding))
except RuntimeError as error:
    print("encoder:", error)
    assert "at least one constituent tensor should have non-zero numel" in str(error)
else:
    raise AssertionError("the encoder takes empty captions")
PYTHON
