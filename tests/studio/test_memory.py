"""The Studio's memory has a bound, and use doesn't raise it."""

from __future__ import annotations

import asyncio
import json
import sys
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import gradio as gr
import httpx
import pytest
from gradio.state_holder import StateHolder

from tests.studio_serving import Studio, serving
from ui.studio_memory import FORGET, FORGET_OPEN, forget

MOST = 1_600.0  # MiB that the Studio holds after much use; 700 to 800 of them are held before the first visitor
GROWTH = 150.0  # MiB by which the same use once more may raise it
SESSIONS = 40
DRAWING = ("stylegan2.avatars", "projected_gan.avatars", "progan.avatars", "biggan.fashion_mnist", "cgan.mnist",
           "infogan.mnist", "dcgan.digits", "wgan_gp.mnist", "mlp_gan.mnist")  # fmt: skip
ENLARGING = ("esrgan.bsds_x4", "srgan.bsds_x4", "srresnet.bsds_x4")
TRANSLATING = ("cyclegan.avatars", "pix2pix.edges2avatars", "pix2pix.tinyhero", "cyclegan.emoji")


class Visitor:
    """A session of its own."""

    def __init__(self, client: httpx.Client, ids: dict[str, int]) -> None:
        self._client, self._ids = client, ids
        self._session = uuid.uuid4().hex[:12]

    def __call__(self, name: str, *data: Any) -> list[Any]:
        """Calls an endpoint, with None for each state; the answer, which must be one."""
        body = {"data": list(data), "fn_index": self._ids[name], "session_hash": self._session}
        self._client.post("/gradio_api/queue/join", json=body).raise_for_status()
        stream = self._client.stream("GET", "/gradio_api/queue/data", params={"session_hash": self._session})
        with stream as answer:
            for line in answer.iter_lines():
                if '"process_completed"' in line:
                    said = json.loads(line[5:])
                    assert said["success"], (name, said)
                    return said["output"].get("data", [])
        raise AssertionError(name)


@contextmanager
def visitors(studio: Studio) -> Iterator[Any]:
    """Makes visitors."""
    with httpx.Client(base_url=studio.url, timeout=600) as client:
        config = client.get("/config").json()
        ids = {one["api_name"]: one["id"] for one in config["dependencies"] if one["api_name"]}
        yield lambda: Visitor(client, ids)


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
        visitor()("look", model, 1, None)
    visitor()("matrix", DRAWING[0], 3, 3, 1, "coarse", 0)
    for kind in ("MP4", "GIF", "WebP"):
        visitor()("film", DRAWING[0], "1, 2, 3", "smooth", True, kind, 1.0, 256)
    for model in ENLARGING:
        someone = visitor()
        someone("enlarge_model", None, model)
        someone("enlarge", None, model, 4, 0)
    for model in TRANSLATING:
        visitor()("translate_model", None, model)


@pytest.mark.slow
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


def test_sessions_that_are_over_are_forgotten() -> None:
    asyncio.run(_forgotten())


async def _forgotten() -> None:
    """Gradio's queue wants a loop."""
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
