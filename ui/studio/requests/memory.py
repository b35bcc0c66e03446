"""The Studio's memory, kept within bounds: sessions that are over are forgotten, and what is free goes back.

Gradio keeps a copy of the whole page for each session (0.4 MB and what it shows), 10,000 of them, and for an hour what
a visitor's session held. glibc gives each thread a heap of its own, and Gradio has dozens of threads.
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

MOST_SESSIONS = 200  # of each page: those that were used last
FORGET, FORGET_OPEN = 1800.0, 6 * 3600.0  # seconds after which a session is forgotten, closed or not, that isn't used
EVERY = 30.0  # seconds between two looks
HEAPS = 2
FREE = 2**26  # bytes at a heap's end from which on they are given back


def bound_heaps() -> None:
    """Must be called before there are threads; does nothing without glibc."""
    if mallopt := _glibc("mallopt"):
        mallopt(ARENAS, HEAPS)
        mallopt(TRIM_THRESHOLD, FREE)


def forget(page: gr.Blocks, now: datetime) -> int:
    """Forgets the sessions of a page that are over or weren't used for long; returns how many."""
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
    """A lifespan for the server, in which its memory is looked after; `pages` may still grow until it begins."""

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
    """What nobody holds any more, to the system."""
    gc.collect()
    if trim := _glibc("malloc_trim"):
        trim(0)


def _glibc(name: str) -> Any:
    return getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
