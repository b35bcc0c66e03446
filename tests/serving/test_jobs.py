"""Long work over HTTP: started, watched, fetched, cancelled; and quick work with pictures of clients."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from PIL import Image

from gan_core import data
from gan_core.errors import BadData, BadValue
from gan_core.latent.inversion import psnr
from gan_core.metrics.evaluate import evaluate
from gan_core.metrics.feature_net import FeatureNet
from gan_core.metrics.streams import of_model
from gan_core.models import loading
from gan_core.pictures.grids import to_uint8
from serving import evaluating
from serving.errors import Busy, Refused
from serving.jobs import Job, Jobs, Work
from serving.settings import Settings
from tests.conftest import assert_same_pictures
from tests.serving.conftest import CLASSES, ENLARGING, FILLING, STYLED, TRANSLATING, Running, serving
from ui.studio.requests.jobs import PLACES, Tell, Workshop


def png(levels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(levels).save(buffer, "PNG")
    return buffer.getvalue()


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def levels_of(answer: httpx.Response) -> np.ndarray:
    assert answer.status_code == 200, answer.text
    with Image.open(io.BytesIO(answer.content)) as image:
        return np.asarray(image)


def ended(server: Running, begun: httpx.Response) -> dict[str, Any]:
    """A job's last state, by its events."""
    assert begun.status_code == 202, begun.text
    with server.http.stream("GET", f"{begun.headers['Location']}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = list(stream.iter_lines())
    said = [json.loads(line.removeprefix("data: ")) for line in lines if line.startswith("data: ")]
    kinds = [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]
    assert kinds == ["progress"] * (len(kinds) - 1) + ["end"]
    shares = [one["progress"] for one in said]
    assert shares == sorted(shares)
    last: dict[str, Any] = server.http.get(begun.headers["Location"]).json()
    assert last == said[-1]
    return last


def test_an_evaluation_gives_what_the_library_measures(server: Running) -> None:
    body = {"model": CLASSES, "samples": 60, "metrics": ["fd", "classes"], "seed": 3}
    begun = server.http.post("/v1/evaluate", json=body)
    job = ended(server, begun)
    assert job["state"] == "done", job
    found = server.http.get(job["result"]).json()
    assert (found["model"], found["against"], found["samples"], found["references"]) == (CLASSES, "digits", 60, 60)
    assert found["metrics"] == job["metrics"]
    images, net = data.load("digits", 8), FeatureNet.from_shelf("features.digits")
    wanted = evaluate(of_model(loading.load(CLASSES), 60, 3, CLASSES), images, net, ("fd", "classes"), 3, side="train")
    assert "fd60_nothingnet_train" in found["metrics"]  # the model has learnt from these images
    assert found["metrics"] == pytest.approx(wanted.values, rel=1e-4)
    assert server.http.get(f"{job['result']}?format=png").status_code == 422


def test_impossible_evaluations_are_refused_at_once(server: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluating, "NETS", "nets.")
    said = server.http.post("/v1/evaluate", json={"model": CLASSES})
    assert (said.status_code, said.json()["error"][:36]) == (422, "There is no feature net on the shelf")
    card = dataclasses.replace(server.service.catalogue.offers()[CLASSES].card, data="folder:/somewhere")
    with pytest.raises(BadValue, match="aren't on this server"):
        evaluating.plan(card, 10, ("fd",))


def test_metrics_that_the_net_can_not_tell_are_refused_at_once(
    server: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And not within the job: here the net has learnt nothing that it could tell of an image."""
    whole = evaluating.listing.card
    monkeypatch.setattr(evaluating.listing, "card", lambda name: dataclasses.replace(whole(name), class_names=()))
    card = server.service.catalogue.offers()[CLASSES].card
    assert evaluating.plan(card, 10, ("fd",)).metrics == ("fd",)
    with pytest.raises(BadData, match=r"\('classes'\) needs a feature net that has learnt classes"):
        evaluating.plan(card, 10, ("classes",))


def test_a_film(server: Running) -> None:
    body = {"model": STYLED, "seeds": [1, 2], "seconds": 0.5, "size": 128, "kind": "GIF"}
    begun = server.http.post("/v1/interpolate", json=body)
    job = ended(server, begun)
    assert (job["state"], job["frames"], job["progress"]) == ("done", 20, 1.0)
    film = server.http.get(job["result"])
    assert film.headers["content-type"] == "image/gif"
    assert film.headers["X-Seed"] == "1,2"
    with Image.open(io.BytesIO(film.content)) as image:
        assert (image.size, image.n_frames) == ((128, 128), 20)  # type: ignore[attr-defined]
    assert server.http.get(job["result"], params={"format": "png"}).status_code == 422
    assert server.http.delete(begun.headers["Location"]).status_code == 200
    assert server.http.get(job["result"]).status_code == 404


def test_a_picture_made_larger(server: Running) -> None:
    levels = noise(12, 10, 3)
    begun = server.http.post("/v1/upscale", files={"picture": png(levels)}, data={"scale": "2"})
    job = ended(server, begun)
    assert (job["state"], job["width"], job["height"]) == ("done", 20, 24)
    from gan_core.models.enlarging import enlarge

    wanted = enlarge(loading.load(ENLARGING), levels, 2)
    assert_same_pictures(levels_of(server.http.get(job["result"])), wanted)
    listed = server.http.get(job["result"], params={"format": "json"}).json()["images"]
    assert_same_pictures(np.array(listed[0], np.uint8), wanted)
    webp = server.http.get(job["result"], headers={"Accept": "image/webp"})
    assert webp.headers["content-type"] == "image/webp"


def test_a_result_that_is_too_wide_for_webp_is_refused(server: Running) -> None:
    begun = server.http.post("/v1/upscale", files={"picture": png(noise(2, 4100, 3))}, data={"scale": "4"})
    job = ended(server, begun)
    assert (job["width"], job["height"]) == (16_400, 8)
    for answer in (
        server.http.get(job["result"], params={"format": "webp"}),
        server.http.get(job["result"], headers={"Accept": "image/webp"}),
    ):
        assert answer.status_code == 422
        assert answer.json()["error"] == (
            "A WebP image has at most 16,383 pixels a side, and this one has 16,400 x 8. Choose PNG."
        )
    assert server.http.get(job["result"]).headers["content-type"] == "image/png"


def test_sixteen_bits_are_kept(server: Running) -> None:
    deep = noise(9, 9).astype(np.uint16) * 257
    job = ended(server, server.http.post("/v1/upscale", files={"picture": png(deep)}))
    made = levels_of(server.http.get(job["result"]))
    assert made.dtype == np.uint16
    listed = server.http.get(job["result"], params={"format": "json"}).json()["images"]  # of 8 bits
    np.testing.assert_array_equal(np.array(listed[0])[:, :, 0], np.rint(made / 257))
    webp = levels_of(server.http.get(job["result"], params={"format": "webp"}))
    assert webp.mean() == pytest.approx(made.mean() / 257, abs=5)


@pytest.mark.parametrize("channels", [2, 4])
def test_transparency_stays_in_every_format(server: Running, channels: int) -> None:
    job = ended(server, server.http.post("/v1/upscale", files={"picture": png(noise(9, 9, channels))}))
    made = levels_of(server.http.get(job["result"]))
    assert made.shape == (36, 36, channels)
    listed = server.http.get(job["result"], params={"format": "json"}).json()["images"]
    np.testing.assert_array_equal(listed[0], made)
    one = server.http.get(job["result"], params={"format": "base64"}).json()["images"][0]
    with Image.open(io.BytesIO(base64.b64decode(one))) as image:
        np.testing.assert_array_equal(np.asarray(image), made)
    assert levels_of(server.http.get(job["result"], params={"format": "webp"})).shape == (36, 36, 4)


def test_the_nearest_picture(server: Running) -> None:
    wanted = loading.load(STYLED).sample(1, 5)
    picture = png(to_uint8(wanted)[0][:, :, 0])
    begun = server.http.post("/v1/invert", files={"picture": picture}, data={"model": STYLED, "steps": "50"})
    job = ended(server, begun)
    found = torch.from_numpy(levels_of(server.http.get(job["result"])).astype(np.float32) / 127.5 - 1)[None, None]
    assert job["psnr"] == pytest.approx(psnr(found, wanted), abs=0.5)


def test_a_job_is_cancelled(server: Running) -> None:
    body = {"model": STYLED, "seeds": list(range(8)), "seconds": 4, "size": 512}
    begun = server.http.post("/v1/interpolate", json=body)
    address = begun.headers["Location"]
    early = server.http.get(f"{address}/result")
    assert early.status_code == 409
    assert early.json()["error"].endswith("no result yet.")
    server.http.delete(address)
    end = time.monotonic() + 60
    while (state := server.http.get(address).json()["state"]) in ("waiting", "running"):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert state == "cancelled"
    assert "cancelled" in server.http.get(f"{address}/result").json()["error"]


def test_another_kind_of_picture(server: Running) -> None:
    levels = noise(8, 8, 3)
    sampler = loading.load(TRANSLATING)
    given = torch.from_numpy(levels).permute(2, 0, 1)[None].float() / 127.5 - 1
    for direction in ("a_to_b", "b_to_a"):
        answer = server.http.post("/v1/translate", files={"picture": png(levels)}, data={"direction": direction})
        assert_same_pictures(levels_of(answer), to_uint8(sampler.translate(given, direction))[0])
        assert "X-Model-SHA256" in answer.headers


def test_a_hole_is_filled_and_the_rest_is_unchanged(server: Running) -> None:
    levels, mask = noise(16, 16), np.zeros((16, 16), np.uint8)
    mask[4:10, 4:10] = 255
    clear = np.dstack([noise(16, 16, 3), mask])  # opaque where painted
    made = [
        levels_of(server.http.post("/v1/inpaint", files={"picture": png(levels), "mask": png(one)}))
        for one in (mask, clear)
    ]
    assert_same_pictures(made[0], made[1])
    assert_same_pictures(made[0][mask == 0], levels[mask == 0])
    assert np.abs(made[0][mask > 0].astype(int) - levels[mask > 0]).max() > 1
    coded = server.http.post(
        "/v1/inpaint", files={"picture": png(levels), "mask": png(mask)}, data={"format": "base64"}
    ).json()
    assert coded["model"] == FILLING
    with Image.open(io.BytesIO(base64.b64decode(coded["images"][0]))) as image:
        assert_same_pictures(np.asarray(image), made[0])


class Shop:
    """Jobs that wait for a signal."""

    def __init__(self) -> None:
        self.jobs = Jobs(Workshop(), kept=0.3)
        self.on = threading.Event()

    def work(self, path: Path, tell: Tell) -> dict[str, Any]:
        while not self.on.wait(0.01):
            tell(0.5, None)
        path.write_bytes(b"made")
        return {"known": 1}

    def begun(self, owner: str = "") -> Job:
        return self.jobs.begin(Work("test", self.work), owner, {})


def test_too_many_jobs_are_refused_and_those_at_work_end_with_the_server() -> None:
    shop = Shop()
    jobs = [shop.begun() for _ in range(PLACES)]
    with pytest.raises(Busy):
        shop.begun()
    while jobs[0].state != "running" or jobs[1].place != 2:
        time.sleep(0.01)
    threading.Timer(0.3, shop.on.set).start()
    shop.jobs.close(30)
    assert [job.state for job in jobs] == ["done"] + ["cancelled"] * (PLACES - 1)
    with pytest.raises(Busy):
        shop.begun()


def test_jobs_end_while_their_events_are_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within the grace, counted once; the stream reports it and isn't cut off."""
    work, grace = Shop(), 1.5
    with serving(Settings(grace=grace)) as running:
        monkeypatch.setattr(running.service, "jobs", work.jobs)
        job, waiting = work.begun(), work.begun()
        events: list[dict[str, Any]] = []
        with running.http.stream("GET", f"/v1/jobs/{job.id}/events") as stream:
            for line in stream.iter_lines():
                if line.startswith("data:"):
                    events.append(json.loads(line.removeprefix("data:")))
                    if len(events) == 1:
                        begin = time.monotonic()
                        running.server.should_exit = True
        assert events[-1]["state"] == "cancelled"
        assert waiting.over.wait(5)
        running.thread.join(30)
        assert not running.thread.is_alive()
        assert time.monotonic() - begin < 2 * grace + 15
    assert waiting.state == "cancelled"


def test_a_result_belongs_to_its_owner_and_is_deleted_after_a_while() -> None:
    shop = Shop()
    shop.on.set()
    job = shop.begun("key one")
    assert job.over.wait(10)
    assert shop.jobs.found(job.id, "key one") is job
    for owner in ("", "key two"):
        with pytest.raises(Refused, match="no such job"):
            shop.jobs.found(job.id, owner)
    assert job.file.read_bytes() == b"made"
    time.sleep(0.4)
    with pytest.raises(Refused):
        shop.jobs.found(job.id, "key one")
    assert not job.file.exists()
    shop.jobs.close(1)


def test_an_error_in_a_job_is_reported_in_a_sentence(caplog: pytest.LogCaptureFixture) -> None:
    jobs = Jobs(Workshop())
    for error, said in ((BadValue("No {what}.", what="way"), "No way."), (KeyError("x"), "in the server")):

        def fail(path: Path, tell: Tell, error: Exception = error) -> dict[str, Any]:
            raise error

        job = jobs.begin(Work("test", fail), "", {})
        assert job.over.wait(10)
        assert job.state == "failed"
        assert said in job.described()["error"]
    with pytest.raises(BadValue, match="at most"):
        jobs.begin(Work("test", fail, cost=1e6, longest=10), "", {})
    jobs.close(1)


def test_a_model_that_cannot_draw_films_is_refused_at_once(server: Running) -> None:
    answer = server.http.post("/v1/interpolate", json={"model": TRANSLATING})
    assert answer.status_code == 422
    assert CLASSES in answer.json()["error"]
