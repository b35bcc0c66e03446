#!/usr/bin/env bash
# guess: torch.onnx.export writes the network in the mode that it is in. Its `training` argument is deprecated with
#   the words "set the training mode of the model before exporting". A pix2pix generator, which is meant to run as in
#   training (dropout, and batch norm with the statistics of the test batch; 1611.07004, section 3.3), is exported by
#   leaving it in training mode.
# what happens: torch 2.15.0 with onnxscript 0.7.2 obeys the mode for dropout and ignores it for batch norm, which is
#   written with its running statistics: neither the network in training mode nor in evaluation, without an error. The
#   only warning says that the model is in training mode, which is intended here. The program that torch.export makes of
#   it is still right; onnxscript's translation sets `training = False`. A layer with track_running_stats=False is
#   written with the statistics of the batch, as wanted.
# source: https://docs.pytorch.org/docs/stable/onnx_export.html (training); onnxscript/function_libs/torch_lib/ops/
#   core.py (aten__native_batch_norm_legit_functional) of https://github.com/microsoft/onnxscript/tree/v0.7.2
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" \
  torch==2.15.0 numpy==2.4.6 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0
cd "$folder"
OMP_NUM_THREADS=1 venv/bin/python - <<'PYTHON'
import copy

import numpy as np
import onnxruntime
import torch
from torch import nn

pictures = 3 * torch.randn(2, 4, 8, 8, generator=torch.Generator().manual_seed(0)) + 1


def computed(network, training):
    return copy.deepcopy(network).train(training)(pictures).detach().numpy()


def exported(network, optimize):
    program = torch.onnx.export(
        copy.deepcopy(network).train(), (pictures,), dynamo=True, input_names=["picture"], external_data=False,
        optimize=optimize, verbose=False,
    )
    file = program.model_proto.SerializeToString()
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return session.run(None, {"picture": pictures.numpy()})[0]


def apart(first, second):
    return float(np.abs(first - second).max())


print("torch", torch.__version__, "onnxruntime", onnxruntime.__version__)
norm = nn.BatchNorm2d(4)
for optimize in (True, False):
    written = exported(norm, optimize)
    in_training, in_evaluation = apart(written, computed(norm, True)), apart(written, computed(norm, False))
    print(f"batch norm: {in_training:.2f} from training mode, {in_evaluation:.6f} from evaluation")
    assert in_training > 1 and in_evaluation < 1e-4
program = torch.export.export(copy.deepcopy(norm).train(), (pictures,)).module()
still_right = apart(program(pictures).detach().numpy(), computed(norm, True))
print(f"torch.export's program: {still_right:.6f} from training mode")
assert still_right < 1e-4
zeros = float((exported(nn.Sequential(nn.Dropout(0.5)), True) == 0).mean())
print(f"dropout: {zeros:.2f} of the outputs are 0")
assert 0.3 < zeros < 0.7
untracked = nn.BatchNorm2d(4, track_running_stats=False)
assert apart(exported(untracked, True), computed(untracked, True)) < 1e-4
print("batch norm without running statistics: as in training mode")
PYTHON
