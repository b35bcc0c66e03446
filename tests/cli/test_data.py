"""`ganscope data`."""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from gan_core.data.published import fetch, published
from gan_core.data.sets import pneumonia
from tests.cli.commands import ganscope, ok, refused
from tests.data.loopback import serving


def test_data_sets_are_listed() -> None:
    assert "avatars" in ok("data")
    digits = json.loads(ok("data", "show", "digits", "--json"))
    assert (digits["images"], digits["size"], digits["available"]) == (1797, 8, True)
    assert "BSD-3-Clause" in ok("data", "show", "digits")
    assert json.loads(ok("data", "load", "digits", "--json"))["shape"] == [1, 8, 8]
    assert "1,797 images of 1 x 16 x 16" in ok("data", "load", "digits", "--size", "16")
    assert "from 8 to 1024" in refused(2, "data", "load", "digits", "--size", "3")
    assert "Valid: digits" in refused(2, "data", "load", "digitz")


def test_only_pictures_have_a_size_in_pixels() -> None:
    lines = {line.split()[0]: " ".join(line.split()) for line in ok("data").splitlines()}
    assert "100,000 points" in lines["ring8"]
    assert "2,400 recordings" in lines["spoken_digits"]
    assert "px" not in lines["ring8"] + lines["spoken_digits"] + lines["arithmetic"]
    assert "grey" not in lines["ring8"] + lines["spoken_digits"] + lines["arithmetic"]
    assert "1,797 images 8 px grey" in lines["digits"]
    assert "32 px" in lines["moving_digits"]
    assert "ring8: 100,000 points of 2 (coordinates)" in ok("data", "load", "ring8")
    assert "arithmetic: 1,365 texts of 8 (tokens)" in ok("data", "load", "arithmetic")
    shown = ok("data", "show", "arithmetic")
    assert "1,365 texts" in shown
    assert "channels" not in shown
    for prefix in ("sounds:", "text:", "smiles:"):
        assert prefix in ganscope("data").stderr
        assert prefix in ok("data", "list", "--help")


def test_data_sets_are_downloaded_from_their_sources(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tiny copy of PneumoniaMNIST's two sources, served by this machine."""
    copies = {}
    for index, file in enumerate((pneumonia.ILL, pneumonia.NORMAL)):
        arrays = {f"{part}_images": np.full((4, 28, 28), index, np.uint8) for part in ("train", "val", "test")}
        arrays |= {f"{part}_labels": np.array([[0], [1], [0], [1]], np.uint8) for part in ("train", "val", "test")}
        packed = io.BytesIO()
        np.savez(packed, **arrays)
        copies[file] = packed.getvalue()
    sums = {file: hashlib.sha256(content).hexdigest() for file, content in copies.items()}
    monkeypatch.setitem(published._items, "pneumonia", replace(published.get("pneumonia"), first=sums))
    monkeypatch.setattr(fetch, "PAUSE", 0.01)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    place = home / "data" / "PneumoniaMNIST"

    assert "ganscope data get pneumonia" in refused(2, "data", "load", "pneumonia")
    offered = {item["name"]: item for item in json.loads(ok("data", "get", "--json"))}
    assert {"emoji", "tinyhero", "pneumonia", "bccd", "bsds500", "horse2zebra", "monet2photo", "facades"} <= set(
        offered
    )
    assert not offered["pneumonia"]["available"]
    assert "6.0 MB" in ok("data", "get")

    with serving() as server:
        monkeypatch.setenv("GANSCOPE_GITHUB_RAW", server.address)
        text = refused(2, "data", "get", "pneumonia")
        assert text.index("CC BY 4.0") < text.index("HTTP 404")  # the licence comes before the download
        assert not place.exists()
        server.files = {file.name: content for file, content in copies.items()}
        result = ganscope("data", "get", "pneumonia", "--json")
        assert result.exit_code == 0, result.output
        line = json.loads(result.stdout)
        assert (line["name"], line["folder"], line["fresh"], line["exact"]) == ("pneumonia", str(place), True, False)
        assert f"from github.com/{pneumonia.NORMAL.origin.repository} at 5df79ab2ac7b" in result.stderr
    assert "was already in" in ok("data", "get", "pneumonia")  # the server is unreachable
    assert json.loads(ok("data", "load", "pneumonia", "--json"))["shape"] == [1, 28, 28]
    assert json.loads(ok("data", "get", "digits", "--json"))["fresh"] is False
    assert "Valid: digits" in refused(2, "data", "get", "digitz")
