"""classroom.py: the classroom with security headers, with which its own pages comply."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.serving import Server, serving
from tests.made_models import make_model


@pytest.fixture(scope="module")
def hardened(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("home")
    make_model("cgan.clear", folder=home / "models" / "cgan.clear")
    with serving(home, "classroom.py") as running:
        yield running


def test_pages_work_under_the_policy_and_contact_no_other_server(page: Page, hardened: Server) -> None:
    broken: list[str] = []
    foreign: list[str] = []
    page.on("console", lambda message: broken.append(message.text) if "Security Policy" in message.text else None)
    page.on("request", lambda request: foreign.append(request.url))
    answer = page.goto(f"{hardened.url}/model?model=cgan.clear")
    assert answer is not None
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
    expect(page.locator(".st-key-sheet img")).to_be_visible()
    page.goto(f"{hardened.url}/models")
    expect(page.locator(".st-key-gallery img").first).to_be_visible()
    page.goto(f"{hardened.url}/learn")
    expect(page.locator("[data-testid=stMain] h1")).to_be_visible()
    assert broken == []
    assert all(one.startswith((hardened.url, "data:", "blob:")) for one in foreign)
