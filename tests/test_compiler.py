"""The compiler is loaded when something compiles, not before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = """
import sys
import torch
from gan_core.gans import recipes
from gan_core.training.trainer import Trainer
from tests.conftest import example

points = recipes.get("points")
trainer = Trainer(points, points.tiny, example(points))
for _ in range(3):
    trainer.train_step()
assert "torch._dynamo.convert_frame" not in sys.modules
torch.testing.assert_close(torch.ones(1), torch.ones(1))  # its imports ask all modules for their files
assert torch.compile(lambda value: 2 * value, backend="eager")(torch.ones(1)) == 2
assert "torch._dynamo.convert_frame" in sys.modules
assert torch._dynamo is sys.modules["torch._dynamo"]
terms = trainer.train_step().terms.values()
assert terms and all(term.isfinite() for term in terms)
"""
# the way of torch.export: a second copy of a submodule would raise exceptions that the compiler doesn't know
SUBMODULE = """
import importlib, sys
import torch
from gan_core.compiler import load_compiler_late

load_compiler_late()
from torch._dynamo.exc import Unsupported
import torch._dynamo.config
from torch._dynamo import convert_frame

assert convert_frame.Unsupported is Unsupported
assert torch._dynamo is sys.modules["torch._dynamo"]
for name, module in sys.modules.items():
    if name.startswith("torch._dynamo."):
        assert module.__spec__.origin == module.__file__, name
generator = torch.Generator()
doubled = torch.compile(lambda value: 2 * value + torch.rand(1, generator=generator), backend="eager")
assert 2 <= doubled(torch.ones(1)) < 3  # a generator breaks the graph
try:
    importlib.import_module("torch._dynamo.no_such_module")
except ModuleNotFoundError:
    pass
else:
    raise AssertionError
"""


@pytest.mark.slow
@pytest.mark.parametrize("script", [SCRIPT, SUBMODULE], ids=["an attribute", "a submodule"])
def test_training_loads_it_only_to_compile(script: str) -> None:
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
