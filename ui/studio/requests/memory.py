"""Bounds the Studio's memory: drops ended sessions and returns free memory to the system.

Gradio keeps a copy of the whole page per session (0.4 MB plus contents), 10,000 of them, and session state for an hour.
glibc gives each thread its own heap, and Gradio has dozens of threads.
"""

from __future__ import annotations

import asyncio
import ctypes
import gc
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import gradio as gr

from gan_core.training.allocator import ARENAS, TRIM_THRESHOLD

MOST_SESSIONS = 200  # sessions per page, least recently used are dropped
FORGET, FORGET_OPEN = 1800.0, 6 * 3600.0  # seconds after which an unused session is dropped, even if open
EVERY = 30.0  # seconds between checks
HEAPS = 2
FREE = 2**26  # free bytes at a heap's end from which they are returned


def bound_heaps() -> None:
    """Must be called before threads exist; has no effect without glibc."""
    if mallopt := _glibc("mallopt"):
        mallopt(ARENAS, HEAPS)
        mallopt(TRIM_THRESHOLD, FREE)


def forget(page: gr.Blocks, now: datetime) -> int:
    """Drops a page's ended or unused sessions; returns their number."""
    holder = page.state_holder
    over = [id for id, state in list(holder.session_data.items()) if _over(holder, id, state, now)]
    for id in over:
        holder.session_data.pop(id, None)
        holder.time_last_used.pop(id, None)
        if id not in page._queue.pending_event_ids_session:
            page._queue.pending_messages_per_session.pop(id, None)
    return len(over)


def _over(holder: Any, id: str, state: Any, now: datetime) -> bool:
    unused = (now - holder.time_last_used.get(id, now)).total_seconds()
    return bool(unused > (FORGET if state.is_closed else FORGET_OPEN))


def tidied(pages: Sequence[gr.Blocks]) -> Any:
    """Returns a server lifespan that manages memory; `pages` may still grow until it starts."""

    @asynccontextmanager
    async def lifespan(_app: Any) -> AsyncIterator[None]:
        task = asyncio.create_task(_tidy(pages))
        try:
            yield
        finally:
            task.cancel()

    return lifespan


async def _tidy(pages: Sequence[gr.Blocks]) -> None:
    while True:
        await asyncio.sleep(EVERY)
        for page in pages:
            forget(page, datetime.now())
        await asyncio.to_thread(give_back)


def give_back() -> None:
    """Returns free memory to the system."""
    gc.collect()
    if trim := _glibc("malloc_trim"):
        trim(0)


def _glibc(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
