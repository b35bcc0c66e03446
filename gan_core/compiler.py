"""Trains without loading PyTorch's compiler, unless something compiles.

At the first update of a process `torch.optim` imports `torch._dynamo`, only to be left out of compiled graphs: 1.5 s of
a processor (AMD EPYC, torch 2.15), most of what `import torch` takes itself. Until something compiles, a stand-in
answers those questions. Whatever else is asked of it (`torch.compile`, `torch.export`) loads the real module in its
place.
"""

from __future__ import annotations

import importlib
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import Any

NAME = "torch._dynamo"
_swapping = threading.Lock()  # not held while the module loads: imports have locks of their own


class _NotYetLoaded(ModuleType):
    """What an optimiser asks of `torch._dynamo`, and the real module for all other questions."""

    def graph_break(self, *_: Any, **__: Any) -> None:
        """Does nothing: no graph is being compiled."""

    def disable(self, fn: Callable, *_: Any, **__: Any) -> Callable:
        """Nothing compiles it: the function as it is."""
        return fn

    def __getattr__(self, name: str) -> Any:
        # `inspect` asks all modules for their `__file__`, also in the midst of imports that the real one needs whole;
        # an import of what is inside it asks for its `__path__`
        if name.startswith("__") and name != "__path__":
            raise AttributeError(name)
        import torch

        with _swapping:
            if sys.modules.get(NAME) is self:
                del sys.modules[NAME]
                del torch._dynamo
        return getattr(importlib.import_module(NAME), name)


def load_compiler_late() -> None:
    """Puts the stand-in where the module isn't loaded yet."""
    import torch

    with _swapping:
        if NAME not in sys.modules:
            torch._dynamo = sys.modules[NAME] = _NotYetLoaded(NAME)
