"""Pages of the app, opened without a browser."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from streamlit.runtime.pages_manager import PagesManager
from streamlit.testing.v1 import AppTest

APP = Path(__file__).parents[2] / "app.py"


_made = PagesManager.__init__


def without_pages_directory(manager: PagesManager, *arguments: Any, **options: Any) -> None:
    """As after a server's first page: between runs AppTest loses the fact that `st.navigation` renders the pages."""
    _made(manager, *arguments, **options)
    PagesManager.uses_pages_directory = False


def page(name: str, state: dict[str, Any] | None = None, **query: str) -> AppTest:
    test = AppTest.from_file(str(APP), default_timeout=60)
    for key, value in (state or {}).items():
        test.session_state[key] = value
    for key, value in query.items():
        test.query_params[key] = value
    # opened directly by its address, which is the name of its file
    return sound((test if name == "home" else test.switch_page(f"pages/{name}.py")).run())


def sound(test: AppTest) -> AppTest:
    assert not test.exception, [element.message for element in test.exception]
    return test


def figures(test: AppTest) -> int:
    """How many figures a page shows; Plotly checks every property of them, which the app doesn't while it draws."""
    from plotly.graph_objects import Figure  # type: ignore[import-untyped]

    return len([Figure(**json.loads(found.proto.spec)) for found in test.get("plotly_chart")])


def wait(done: Any, seconds: float = 30) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.05)
