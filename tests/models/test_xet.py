"""Models to the Hub and back by xet, as in usual uploads, against its endpoints on this machine.

hf_xet 1.8, which is native code, once waited forever within an upload after all its requests had been answered. Such a
test is given up and tried again.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from gan_core.errors import BadCheckpoint, HubError
from gan_core.models import loading
from gan_core.models import push as pushing
from gan_core.models.card import CARD, SAMPLE, WEIGHTS, read_card, write_card
from gan_core.models.sampler import Sampler
from tests import hub_server
from tests.hub_server import POINTER, Hub

pytestmark = pytest.mark.flaky(reruns=2)
NAME = "ada/noise"
ADDRESS = f"hf://{NAME}"
LONGEST = 60  # seconds for an upload or a download that takes less than one


def within_time(act: Callable[..., Any], *arguments: Any) -> Any:
    """What `act` returns or raises; raises TimeoutError if it doesn't end, with a new session for the next attempt."""
    results: list[Any] = []
    errors: list[BaseException] = []

    def work() -> None:
        try:
            results.append(act(*arguments))
        except BaseException as error:
            errors.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(LONGEST)
    if thread.is_alive():
        from huggingface_hub.utils._xet import abort_xet_session

        abort_xet_session()
        raise TimeoutError(f"hf_xet did not end within {LONGEST} s")
    if errors:
        raise errors[0]
    return results[0]


def push(model: Path, name: str) -> None:
    within_time(pushing.push, model, name)


def load(address: str, *progress: Any) -> Sampler:
    made: Sampler = within_time(loading.load, address, *progress)
    return made


@pytest.fixture
def xet_hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with hub_server.serving() as hub:
        hub_server.pointed(monkeypatch, hub, tmp_path, xet=True)
        yield hub


def asked(hub: Hub, begun: str) -> list[str]:
    return [line for line in hub.asked if line.startswith(begun)]


def test_a_model_goes_and_comes_in_chunks(xet_hub: Hub, model: Path) -> None:
    seen: list[float] = []
    push(model, NAME)
    files = xet_hub.repositories["model", NAME].commits[-1].files
    assert all(files[name].startswith(POINTER) for name in (WEIGHTS, SAMPLE))  # only the chunks were sent
    assert files[WEIGHTS] == POINTER + read_card(model).sha256.encode()
    assert asked(xet_hub, "POST /cas/v1/xorbs/")
    assert len(asked(xet_hub, "POST /cas/v1/shards")) == 1
    assert not asked(xet_hub, f"POST /{NAME}.git/info/lfs")
    loaded = load(ADDRESS, lambda share, what: seen.append(share))
    assert torch.equal(loaded.sample(3), loading.load(str(model)).sample(3))
    assert asked(xet_hub, "GET /blocks/")
    assert max(seen) == 1
    before = len(xet_hub.asked)
    load(ADDRESS)
    assert not [line for line in xet_hub.asked[before:] if "/blocks/" in line or "reconstructions" in line]


def test_an_upload_that_the_store_refuses_commits_nothing(xet_hub: Hub, model: Path) -> None:
    xet_hub.refuse["POST /cas/v1/shards"] = (403, "", "No")
    with pytest.raises(HubError, match=f"The upload to {NAME} failed"):
        push(model, NAME)
    assert [commit.summary for commit in xet_hub.repositories["model", NAME].commits] == ["initial commit"]
    xet_hub.refuse.clear()
    push(model, NAME)
    assert torch.equal(load(ADDRESS).sample(2), loading.load(str(model)).sample(2))


def test_a_token_without_write_access_is_reported(xet_hub: Hub, model: Path) -> None:
    xet_hub.refuse[f"GET /api/models/{NAME}/xet-write-token"] = (403, "", "You may not write")
    with pytest.raises(HubError, match=f"The upload to {NAME} failed .*403"):
        push(model, NAME)
    assert len(xet_hub.repositories["model", NAME].commits) == 1


def test_unavailable_blocks_leave_no_partial_files(xet_hub: Hub, model: Path) -> None:
    push(model, NAME)
    xet_hub.refuse["GET /blocks/"] = (404, "", "Gone")
    with pytest.raises(HubError, match=f"large file storage failed for {NAME}"):
        load(ADDRESS)
    xet_hub.refuse.clear()
    assert torch.equal(load(ADDRESS).sample(2), loading.load(str(model)).sample(2))


def test_other_weights_than_the_cards_are_deleted(xet_hub: Hub, model: Path) -> None:
    card = read_card(model)
    push(model, NAME)
    write_card(model, dataclasses.replace(card, sha256="0" * 64))
    files = xet_hub.repositories["model", NAME].commits[-1].files
    xet_hub.repositories["model", NAME].commit("A wrong card", files | {CARD: (model / CARD).read_bytes()})
    with pytest.raises(BadCheckpoint, match="modified or truncated"):
        load(ADDRESS)
    xet_hub.repositories["model", NAME].commit("The card", files)
    xet_hub.asked.clear()
    load(ADDRESS)
    assert asked(xet_hub, "GET /blocks/")
