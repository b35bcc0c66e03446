"""Tabs as built pages, without a server: what happens after which event."""

from __future__ import annotations

import asyncio
from typing import Any

import gradio as gr


def built(module: Any) -> tuple[gr.Blocks, gr.Tab]:
    async def build() -> tuple[gr.Blocks, gr.Tab]:
        """Gradio would open an event loop of its own, and leave it open."""
        with gr.Blocks() as page, gr.Tabs(), gr.Tab() as tab:
            module.build(page, tab)
        return page, tab

    return asyncio.run(build())


def events(page: gr.Blocks, component: Any, name: str) -> list[Any]:
    return [one for one in page.fns.values() if (component._id, name) in one.targets]


def overwritten(page: gr.Blocks, tab: gr.Tab) -> list[str]:
    """The callbacks that write the state of a running job without stopping it, so that the job would overwrite it."""
    found = []
    for job in (one for one in page.fns.values() if one.types_generator and _states(one)):
        stopping = {target for one in page.fns.values() if job._id in one.cancels for target in one.targets}
        for one in page.fns.values():
            first = one
            while first.trigger_after is not None:
                first = page.fns[first.trigger_after]
            starts = set(first.targets) - {(tab._id, "select")}  # which leaves a state alone once there is one
            if first is not job and _states(one) & _states(job) and not starts <= stopping:
                found.append(str(one.name))
    return found


def _states(function: Any) -> set[int]:
    return {out._id for out in function.outputs if isinstance(out, gr.State)}
