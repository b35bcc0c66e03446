#!/usr/bin/env bash
# guess: the model that onnxruntime's own converter to half precision returns is a valid ONNX model, like its
#   input.
# what happens: onnxruntime 1.32.0, `convert_float_to_float16(model, keep_io_types=True)` appends the casts of the
#   inputs at the end of the node list. ONNX wants nodes in topological order, so `onnx.checker.check_model` refuses the
#   model ("Nodes in a graph must be topologically sorted") and so do converters that check first; onnxruntime itself
#   runs it. `OnnxModel(model).topological_sort()` fixes it.
# source: https://github.com/onnx/onnx/blob/main/docs/IR.md#graphs (nodes must be topologically sorted);
#   https://onnxruntime.ai/docs/performance/model-optimizations/float16.html
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet onnx==1.23.2 onnxruntime==1.32.0 numpy==2.4.6
cd "$folder"
venv/bin/python - <<'PYTHON'
import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from onnxruntime.transformers.float16 import convert_float_to_float16
from onnxruntime.transformers.onnx_model import OnnxModel

weight = numpy_helper.from_array(np.eye(4, dtype=np.float32), "weight")
graph = helper.make_graph(
    [helper.make_node("MatMul", ["z", "weight"], ["hidden"]), helper.make_node("Tanh", ["hidden"], ["picture"])],
    "generator",
    [helper.make_tensor_value_info("z", TensorProto.FLOAT, ["batch", 4])],
    [helper.make_tensor_value_info("picture", TensorProto.FLOAT, ["batch", 4])],
    [weight],
)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
onnx.checker.check_model(model)
half = convert_float_to_float16(model, keep_io_types=True)
print("onnxruntime", onnxruntime.__version__, "onnx", onnx.__version__)
print("nodes:", [node.op_type for node in half.graph.node])
try:
    onnx.checker.check_model(half)
    said = "valid"
except onnx.checker.ValidationError as error:
    said = str(error).splitlines()[0]
print("checker:", said)
assert "topologically sorted" in said
session = onnxruntime.InferenceSession(half.SerializeToString(), providers=["CPUExecutionProvider"])
print("onnxruntime:", session.run(None, {"z": np.ones((1, 4), np.float32)})[0])
OnnxModel(half).topological_sort()
onnx.checker.check_model(half)
print("after topological_sort:", [node.op_type for node in half.graph.node])
PYTHON
