"""The security headers of both front ends."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient
from streamlit.web.server.app_discovery import discover_asgi_app

from ui.headers import SecurityHeaders

ROOT = Path(__file__).parents[2]


def client(**changes: str) -> TestClient:
    async def plain(_request: Any) -> PlainTextResponse:
        return PlainTextResponse("", headers={"Referrer-Policy": "no-referrer"})

    middleware = [
        Middleware(SecurityHeaders, changes={name.replace("_", "-"): value for name, value in changes.items()})
    ]
    return TestClient(Starlette(routes=[Route("/", plain)], middleware=middleware))


def test_nothing_is_loaded_from_elsewhere() -> None:
    for address in ("/", "/nothing"):
        headers = client().get(address).headers
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        assert policy["default-src"] == policy["connect-src"].split()[0] == "'self'"
        assert policy["object-src"] == "'none'"
        assert "http" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
    assert client().get("/").headers["referrer-policy"] == "no-referrer"  # headers that an answer sets itself are kept
    changed = client(frame_src="http:", worker_src="").get("/").headers["content-security-policy"]
    assert "frame-src http:" in changed
    assert "worker-src" not in changed


def test_the_classroom_is_served_with_them() -> None:
    """Streamlit recognises the application, and the Docker image starts it."""
    found = discover_asgi_app(ROOT / "classroom.py")
    assert found.is_asgi_app
    assert found.app_name == "app"
    assert "streamlit run classroom.py" in (ROOT / "Dockerfile").read_text(encoding="utf-8")
