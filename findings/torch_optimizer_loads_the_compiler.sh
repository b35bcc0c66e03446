#!/usr/bin/env bash
# guess: a plain training loop, without torch.compile, doesn't load the compiler. Once PyTorch is imported, an optimiser
#   is created in microseconds.
# what happens: torch 2.15.0 imports torch._dynamo when the first optimiser of a process is created (`add_param_group`
#   asks it to be left out of compiled graphs, and `step` to break them), and with it torch._inductor, sympy and more:
#   about 900 modules, for nearly as long as `import torch` took (1.4 s, compared with 1.7 s). Each process that trains
#   pays for it before its first step, also each worker and each trial of a search.
# source: torch/_compile.py (_disable_dynamo) and torch/optim/optimizer.py (_use_grad_for_differentiable) of
#   https://github.com/pytorch/pytorch/tree/v2.15.0
set -euo pipefail
unset PYTHONDONTWRITEBYTECODE
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet uv
"$folder/venv/bin/uv" pip install --quiet --python "$folder/venv/bin/python" torch==2.15.0 numpy==2.4.6
cd "$folder"
cat > loop.py <<'PYTHON'
import sys
import time

start = time.process_time()
import torch

imported = time.process_time()
weight = torch.nn.Parameter(torch.ones(1))
weight.square().sum().backward()
before = set(sys.modules)
made = time.process_time()
optimizer = torch.optim.SGD([weight], 0.1)
done = time.process_time()
added = set(sys.modules) - before
print("torch", torch.__version__)
print(f"import torch: {imported - start:.1f} s, the first optimiser: {done - made:.1f} s, {len(added)} modules")
assert {"torch._dynamo", "torch._dynamo.convert_frame", "torch._inductor", "sympy"} <= added
assert len(added) > 600
assert done - made > 0.25 * (imported - start)
again = time.process_time()
torch.optim.SGD([weight], 0.1)
assert time.process_time() - again < 0.1
PYTHON
venv/bin/python loop.py > /dev/null  # compiles the modules, which takes longer still
venv/bin/python loop.py
