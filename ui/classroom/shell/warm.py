"""Imports torch in the background after the first page is rendered, so that the Train page needn't wait."""

from __future__ import annotations

import gc
import importlib
import logging
import sys
import threading
import time

DELAY = 1.0  # seconds; lets the first page reach the browser
MODULES = ("torch", "gan_core.training.session", "gan_core.models.sampler")

_lock = threading.Lock()
_started = False
_ready = threading.Event()


def start() -> None:
    """Starts the import once per process; returns immediately."""
    global _started
    with _lock:
        if _started:
            return
        _started = True
    threading.Thread(target=_work, name="warm-up", daemon=True).start()


def is_ready() -> bool:
    """Whether recipes are available without a wait."""
    if not _ready.is_set() and all(name in sys.modules for name in MODULES[1:]):
        spec = sys.modules[MODULES[1]].__spec__
        if spec is not None and not getattr(spec, "_initializing", False):
            _ready.set()
    return _ready.is_set()


def now() -> None:
    """Imports what training needs, in this thread; fast if already done."""
    for name in MODULES:
        importlib.import_module(name)
    if not _ready.is_set():
        gc.freeze()  # torch's half a million objects are permanent; the garbage collector can skip them
    _ready.set()


def _work() -> None:
    time.sleep(DELAY)
    try:
        now()
    except ImportError:  # the page that needs it shows the error
        logging.getLogger(__name__).exception("torch can't be imported")
