#!/usr/bin/env bash
# guess: a tool that simplifies ONNX files folds what is constant. The noise that a generator adds in each layer, as in
#   StyleGAN, is drawn anew at each run, so it stays.
# what happens: torch 2.15.0 writes torch.randn(1, 1, 8, 8) as RandomNormalLike of a constant. onnxslim 0.1.98 and
#   onnx-graphsurgeon 0.6.1 (`fold_constants`) take it for a constant, as its input is one: they draw once and store the
#   values, with no message. All pictures get the same noise, and variation by noise or an average over noise is gone.
#   onnxsim 0.8.1 and onnxscript 0.7.2's optimizer keep it. torch.randn_like(picture), whose input isn't constant,
#   survives all four.
# source: https://github.com/inisis/OnnxSlim (constant folding);
#   https://docs.nvidia.com/deeplearning/tensorrt/latest/_static/onnx-graphsurgeon/ir/graph.html (fold_constants);
#   https://onnx.ai/onnx/operators/onnx__RandomNormalLike.html
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" torch==2.15.0 numpy==2.4.6 onnx==1.23.2 \
  onnxscript==0.7.2 onnxruntime==1.32.0 onnxslim==0.1.98 onnxsim==0.8.1 onnx-graphsurgeon==0.6.1
cd "$folder"
OMP_NUM_THREADS=1 venv/bin/python -W ignore - <<'PYTHON'
import copy
from importlib.metadata import version

import numpy as np
import onnx_graphsurgeon
import onnxruntime
import onnxsim
import onnxslim
import torch
from onnxscript import optimizer
from torch import nn


class Generator(nn.Module):
    """A layer whose outputs get noise, for each place, or, with `like`, for each place of each channel."""

    def __init__(self, like: bool) -> None:
        super().__init__()
        self.like, self.layer = like, nn.ConvTranspose2d(2, 3, 8)

    def forward(self, z):
        picture = self.layer(z[:, :, None, None])  # (1, 3, 8, 8)
        return picture + (torch.randn_like(picture) if self.like else torch.randn(1, 1, 8, 8))


def folded(model):
    graph = onnx_graphsurgeon.import_onnx(model)
    graph.fold_constants().cleanup()
    return onnx_graphsurgeon.export_onnx(graph)


TOOLS = {
    "torch": lambda model: model,
    "onnxslim": onnxslim.slim,
    "onnx-graphsurgeon": folded,
    "onnxsim": lambda model: onnxsim.simplify(model)[0],
    "onnxscript": optimizer.optimize,
}


def varies(model):
    """Whether two runs of one session, with the same latents, differ."""
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    first, second = (session.run(None, {"z": np.ones((1, 2), np.float32)})[0] for _ in range(2))
    return bool(np.abs(first - second).max() > 0.01)


found = {}
for like in (False, True):
    program = torch.onnx.export(
        Generator(like).eval(), (torch.ones(1, 2),), dynamo=True, input_names=["z"], external_data=False, verbose=False
    )
    for name, tool in TOOLS.items():
        model = tool(copy.deepcopy(program.model_proto))
        random = [node.op_type for node in model.graph.node if "Random" in node.op_type]
        found[like, name] = varies(model)
        print(f"{name} {version(name)}: random operators {random}, pictures {'vary' if found[like, name] else 'are equal'}")
assert {name for (like, name), moving in found.items() if not (like or moving)} == {"onnxslim", "onnx-graphsurgeon"}
assert all(moving for (like, _), moving in found.items() if like)
PYTHON
