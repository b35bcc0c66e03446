#!/usr/bin/env bash
# guess: torch.onnx.export with `dynamic_shapes` either writes a free batch, or raises as torch.export.export does when
#   the code fixes that axis ("Constraints violated (batch)").
# what happens: torch 2.15.0 tries one way of capturing the network after another, and the last one ignores the
#   constraint: a network with `len(z)` in its forward (where `z.shape[0]` would have been traced) is written with the
#   batch of the example, without an error and, with verbose=False, without a message. The file then runs only for that
#   batch size. Generators that expand a learnt constant to the batch, like StyleGAN's, are affected. Check the shapes
#   in the file, or run it at two batch sizes.
# source: https://docs.pytorch.org/docs/stable/onnx_export.html (dynamic_shapes);
#   https://docs.pytorch.org/docs/stable/export.html (the error that torch.export raises)
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" \
  torch==2.15.0 numpy==2.4.6 onnx==1.23.2 onnxscript==0.7.2 onnxruntime==1.32.0
cd "$folder"
venv/bin/python - <<'PYTHON' 2> /dev/null
import numpy as np
import onnxruntime
import torch
from torch import nn


class Generator(nn.Module):
    """A learnt constant for each item of the batch, changed by the latents."""

    def __init__(self, by_length: bool) -> None:
        super().__init__()
        self.by_length = by_length
        self.constant, self.style = nn.Parameter(torch.ones(1, 8)), nn.Linear(4, 8)

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        count = len(z) if self.by_length else z.shape[0]
        return self.constant.expand(count, -1) * self.style(z)


print("torch", torch.__version__, "onnxruntime", onnxruntime.__version__)
free = ({0: torch.export.Dim("batch", min=1, max=64)},)
shapes = {}
for by_length in (False, True):
    program = torch.onnx.export(
        Generator(by_length).eval(), (torch.zeros(2, 4),), dynamo=True, input_names=["z"], dynamic_shapes=free,
        external_data=False, verbose=False,
    )
    dims = program.model_proto.graph.input[0].type.tensor_type.shape.dim
    shapes[by_length] = [dim.dim_param or dim.dim_value for dim in dims]
    session = onnxruntime.InferenceSession(program.model_proto.SerializeToString(), providers=["CPUExecutionProvider"])
    try:
        session.run(None, {"z": np.zeros((3, 4), np.float32)})
        said = "runs for 3 items"
    except Exception as error:
        said = "fails for 3 items: " + type(error).__name__
    print("len(z)" if by_length else "z.shape[0]", shapes[by_length], said)
try:
    torch.export.export(Generator(True).eval(), (torch.zeros(2, 4),), dynamic_shapes=free)
    raised = "nothing"
except Exception as error:
    raised = str(error).splitlines()[0]
print("torch.export.export raises:", raised)
assert shapes == {False: ["batch", 4], True: [2, 4]}
assert "Constraints violated (batch)" in raised
PYTHON
