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


@pytest.mark.slow
def test_training_loads_it_only_to_compile() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
