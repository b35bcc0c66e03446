"""Invalid requests get a 4xx with a sentence, whatever is sent."""

from __future__ import annotations

import io
import json
import struct
import zlib

import httpx
import pytest
from PIL import Image

from serving import guard
from tests.serving.conftest import CLASSES, FILLING, SOUNDS, STYLED, TRANSLATING, WORDS, Running
from ui.studio.requests.uploads import MOST_BYTES

JSON = {"Content-Type": "application/json"}


def png(width: int = 8, height: int = 8, colour: int = 0) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), (colour, 0, 0)).save(buffer, "PNG")
    return buffer.getvalue()


def bomb() -> bytes:
    """A PNG that declares 40,000 x 40,000 pixels."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    good = png()
    return good[:12] + header + struct.pack(">I", zlib.crc32(header)) + good[33:]


def refused(answer: httpx.Response, status: int, *words: str) -> None:
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error"}
    for word in words:
        assert word in answer.json()["error"], answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("call", "body", "status", "words"),
    [
        ("generate", {"count": 0}, 422, "count: It should be greater than or equal to 1"),
        ("generate", {"count": 10_000}, 422, "count: It should be less than or equal to 64"),
        ("generate", {"count": "many"}, 422, "count"),
        ("generate", {"seed": -1}, 422, "seed: It should be greater than or equal to 0"),
        ("generate", {"seed": 2**31}, 422, "less than or equal to 2147483647"),
        ("generate", {"seed": 1.5}, 422, "seed"),
        ("generate", {"truncation": 1.6}, 422, "truncation: It should be less than or equal to 1.5"),
        ("generate", {"truncation": -0.1}, 422, "truncation"),
        ("generate", {"model": CLASSES, "truncation": 0.5}, 422, "doesn't support truncation"),
        ("generate", {"model": "nobody"}, 404, f"Valid: {CLASSES}"),
        ("generate", {"model": "../secret"}, 404, "There is no model named"),
        ("generate", {"model": "\ud800"}, 422, "a valid string"),
        ("generate", {"model": "x" * 300}, 422, "model"),
        ("generate", {"model": TRANSLATING}, 422, "can't be used for /v1/generate"),
        ("generate", {"model": STYLED, "class": 1}, 422, "is unconditional"),
        ("generate", {"model": CLASSES, "class": "\ud800"}, 422, "There is no class '?'. Valid: 0, 1"),
        ("generate", {"model": CLASSES, "class": "cat"}, 422, "There is no class 'cat'. Valid: 0, 1"),
        ("generate", {"model": CLASSES, "class": 10}, 422, "There is no class '10'"),
        ("generate", {"model": CLASSES, "class": -1}, 422, "There is no class '-1'"),
        ("generate", {"model": CLASSES, "class": 10**30}, 422, "There is no class"),
        ("generate", {"model": CLASSES, "class": "3:0.5,9"}, 422, "nor a blend of classes, such as 0:0.5"),
        ("generate", {"class": "x" * 10_000}, 422, "class: It can have up to 1000 characters, not 10,000"),
        ("generate", {"class": [1]}, 422, "class"),
        ("generate", {"latents": [[0.0]]}, 422, "latents must be rows of"),
        ("generate", {"latents": []}, 422, "latents"),
        ("generate", {"latents": [[0.0]], "seed": 1}, 422, "but not both"),
        ("generate", {"model": STYLED, "format": "gif"}, 422, "Valid: png, webp, json, base64."),
        ("edit", {"format": "gif"}, 422, "'png', 'webp', 'json' or 'base64'"),
        ("generate", {"sed": 1}, 422, "There is no value named sed"),
        ("edit", {"edits": {"nothing": 1}}, 422, "no direction named nothing. Valid: PCA 1, PCA 2"),
        ("edit", {"edits": {"PCA 1": 99}}, 422, "less than or equal to 20"),
        ("edit", {"edits": "PCA 1"}, 422, "isn't a valid edit"),
        ("edit", {"edits": 3}, 422, "edits"),
        ("edit", {"edits": {f"PCA {place}": 1 for place in range(40)}}, 422, "at most 24"),
        ("mix", {"model": CLASSES}, 422, "can't be used for /v1/mix"),
        ("mix", {"band": "loud"}, 422, "'coarse', 'middle', 'fine' or 'from'"),
        ("evaluate", {"samples": 1}, 422, "samples: It should be greater than or equal to 2"),
        ("evaluate", {"samples": 100_000}, 422, "less than or equal to 10000"),
        ("evaluate", {"samples": 2, "metrics": ["prdc"]}, 422, "needs at least"),
        ("evaluate", {"metrics": ["fid"]}, 422, "'fd', 'kid', 'prdc', 'classes' or 'nearest'"),
        ("evaluate", {"model": TRANSLATING}, 422, "can't be used for /v1/evaluate"),
        ("edit", {"model": WORDS}, 422, "can't be used for /v1/edit"),
        ("interpolate", {"model": SOUNDS}, 422, f"can't be used for /v1/interpolate. Valid: {STYLED}"),
        ("evaluate", {"model": "nobody"}, 404, "There is no model named"),
        ("interpolate", {"model": CLASSES, "class": "cat"}, 422, "There is no class 'cat'. Valid: 0, 1"),
        ("interpolate", {"seeds": [1]}, 422, "at least 2"),
        ("interpolate", {"seeds": list(range(9))}, 422, "at most 8"),
        ("interpolate", {"kind": "AVI"}, 422, "'MP4', 'GIF' or 'WebP'"),
        ("interpolate", {"size": 100_000}, 422, "128, 256 or 512"),
        ("interpolate", {"model": CLASSES, "truncation": 0.5}, 422, "doesn't support truncation"),
    ],
)
def test_values(call: str, body: dict[str, object], status: int, words: str, server: Running) -> None:
    refused(server.http.post(f"/v1/{call}", content=json.dumps(body), headers=JSON), status, words)


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (b'{"latents": [[NaN, 1]]}', 422, "finite"),
        (b'{"truncation": Infinity}', 422, "truncation"),
        (b'{"truncation": 1e999}', 422, "truncation"),
        (b'{"seed": ' + b"9" * 5000 + b"}", 400, ""),
        (b"{", 400, "isn't valid JSON"),
        (b"", 422, "The body is missing"),
        (b"[]", 422, "must be a JSON object"),
        (b"\xff\xfe", 400, ""),
        (b"[" * 100_000, 400, ""),
    ],
)
def test_bodies(content: bytes, status: int, words: str, server: Running) -> None:
    refused(server.http.post("/v1/generate", content=content, headers=JSON), status, words)


def test_a_form_instead_of_json_is_reported(server: Running) -> None:
    refused(server.http.post("/v1/generate", data={"seed": "7"}), 422, "sent with Content-Type: application/json")


def test_addresses_and_methods(server: Running) -> None:
    refused(server.http.get("/v1/nothing"), 404, "/openapi.json")
    refused(server.http.get("/v1/generate"), 405, "another method")
    refused(server.http.get("/"), 404)
    refused(server.http.get("/v1/jobs/nothing"), 404, "no such job")
    refused(server.http.delete("/v1/jobs/nothing"), 404, "no such job")


def test_a_body_that_is_too_large_is_refused_before_it_is_read(server: Running) -> None:
    long = b'{"model": "' + b"x" * guard.MOST_JSON + b'"}'
    refused(server.http.post("/v1/generate", content=long, headers=JSON), 413, "2,000,000 bytes")
    parts = (long[start : start + 100_000] for start in range(0, len(long), 100_000))  # of unknown length
    refused(server.http.post("/v1/generate", content=parts, headers=JSON), 413, "2,000,000 bytes")
    noise = b"\0" * (MOST_BYTES + 1)
    refused(server.http.post("/v1/translate", files={"picture": noise}), 413, "10 MB")


@pytest.mark.parametrize("call", ["translate", "upscale", "invert", "inpaint"])
@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "isn't a picture in an accepted format"),
        (b"/etc/passwd", "isn't a picture in an accepted format"),
        (png()[:45], "The picture is "),  # damaged or incomplete
        (bomb(), "megapixels"),
    ],
    ids=["empty", "a path", "cut off", "a bomb"],
)
def test_files_that_are_no_pictures(call: str, content: bytes, words: str, server: Running) -> None:
    files = {"picture": ("../../x.png", content), **({"mask": png()} if call == "inpaint" else {})}
    refused(server.http.post(f"/v1/{call}", files=files), 422, words)


def test_forms(server: Running) -> None:
    refused(server.http.post("/v1/translate"), 422, "picture is missing")
    refused(server.http.post("/v1/translate", data={"picture": "/etc/passwd"}), 422, "picture must be an uploaded file")
    files = {"picture": png()}
    for name, value, words in (
        ("model", STYLED, "can't be used for /v1/translate"), ("direction", "up", "Valid: a_to_b, b_to_a"),
        ("strength", "2", "less than or equal to 1"), ("strength", "nan", "strength"), ("format", "bmp", "format"),
    ):  # fmt: skip
        refused(server.http.post("/v1/translate", files=files, data={name: value}), 422, words)
    refused(server.http.post("/v1/translate", files=files, data={"model": "nobody"}), 404, TRANSLATING)
    refused(server.http.post("/v1/upscale", files=files, data={"scale": "3"}), 422, "Valid: 2, 4")
    refused(server.http.post("/v1/invert", files=files, data={"steps": "1"}), 422, "greater than or equal to 50")
    both = {"picture": png(16, 8), "mask": png(8, 8)}
    refused(server.http.post("/v1/inpaint", files=both), 422, "The mask (8 x 8 pixels) must have the same shape")
    both = {"picture": png(8, 8), "mask": png(8, 8)}
    refused(server.http.post("/v1/inpaint", files=both, data={"model": FILLING}), 422, "The mask is empty")
