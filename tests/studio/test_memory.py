"""The Studio's memory is bounded, and doesn't grow with use."""

from __future__ import annotations

import asyncio
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.state_holder import StateHolder

from tests.studio.visitors import visitors
from tests.studio_serving import Studio, serving
from ui.studio.requests.memory import FORGET, FORGET_OPEN, forget

MOST = 1_600.0  # MiB that the Studio uses after heavy use; 700 to 800 of them before the first visitor
GROWTH = 150.0  # MiB by which repeating the same use may raise it
SESSIONS = 40
DRAWING = ("stylegan2.avatars", "projected_gan.avatars", "progan.avatars", "biggan.fashion_mnist", "cgan.mnist",
           "infogan.mnist", "dcgan.digits", "wgan_gp.mnist", "mlp_gan.mnist")  # fmt: skip
ENLARGING = ("esrgan.bsds_x4", "srgan.bsds_x4", "srresnet.bsds_x4")
TRANSLATING = ("cyclegan.avatars", "pix2pix.edges2avatars", "pix2pix.tinyhero", "cyclegan.emoji")


def resident(studio: Studio) -> float:
    """MiB."""
    status = Path(f"/proc/{studio.process}/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) / 1024


def use(visitor: Any) -> None:
    """All models in turn, many sessions, films, searches and enlargements."""
    for number in range(SESSIONS):
        visitor()("arrive", f"?seed={number}")
    for model in DRAWING:
        visitor()("arrive", f"?model={model}&seed=3")
        visitor()("samples", model, 7)
    for model in DRAWING[:3]:
        visitor()("look", model, 1, None, None)
    visitor()("matrix", DRAWING[0], 3, 3, 1, "coarse", 0)
    for kind in ("MP4", "GIF", "WebP"):
        visitor()("film", DRAWING[0], "1, 2, 3", "smooth", True, kind, 1.0, 256)
    for model in ENLARGING:
        someone = visitor()
        someone("enlarge_model", None, model)
        someone("page_enlarge", None, model, 4, 0, 1)
    for model in TRANSLATING:
        visitor()("translate_model", None, model)


@pytest.mark.release
@pytest.mark.timeout(900)
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")
def test_use_does_not_raise_the_memory(tmp_path: Path) -> None:
    with serving(tmp_path) as studio, visitors(studio) as visitor:
        use(visitor)
        first = resident(studio)
        use(visitor)
        second = resident(studio)
    print(f"resident: {first:.0f} MiB, after the same once more {second:.0f} MiB")
    assert second <= MOST
    assert second - first <= GROWTH


def test_ended_sessions_are_dropped() -> None:
    asyncio.run(_forgotten())


async def _forgotten() -> None:
    """Gradio's queue needs an event loop."""
    with gr.Blocks() as page:
        gr.State([1])
    page.queue()
    holder, now = StateHolder(), datetime.now()
    holder.set_blocks(page)
    for name in ("here", "gone", "idle"):
        _ = holder[name]
    holder.session_data["gone"].is_closed = True
    assert forget(page, now + timedelta(seconds=FORGET - 60)) == 0
    assert forget(page, now + timedelta(seconds=FORGET + 60)) == 1
    assert set(holder.session_data) == {"here", "idle"}
    holder.time_last_used["idle"] = now - timedelta(seconds=FORGET_OPEN)
    assert forget(page, now + timedelta(seconds=60)) == 1
    assert set(holder.session_data) == set(holder.time_last_used) == {"here"}
