"""PyTorch's exporter, made faster for many exports in one process."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from functools import cache

import pytest


@pytest.fixture(scope="package", autouse=True)
def operators_listed_once() -> Iterator[None]:
    """For each export it parses the source of each of its 500 operators again, which takes most of a second."""
    registry = importlib.import_module("torch.onnx._internal.exporter._registration").ONNXRegistry
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "from_torchlib", staticmethod(cache(registry.from_torchlib)))
        yield
