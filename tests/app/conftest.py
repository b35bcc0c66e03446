"""The store that the app works on."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest
import streamlit as st
from streamlit.components.v2 import manifest_scanner
from streamlit.runtime.pages_manager import PagesManager

from gan_core.runs.store import RunStore
from tests.app.pages import without_pages_directory
from tests.made_runs import end_all
from ui.classroom.shell import access

# AppTest reads the metadata of all installed packages for every page that it opens, for components of Streamlit:
# they stay the same while the tests run
manifest_scanner.scan_component_manifests = cache(manifest_scanner.scan_component_manifests)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunStore]:
    monkeypatch.delenv("GANSCOPE_PASSPHRASE", raising=False)
    monkeypatch.setattr(PagesManager, "__init__", without_pages_directory)
    monkeypatch.setattr(access, "is_owner", access.may_steer)  # AppTest's visitors have no address
    st.cache_resource.clear()
    store = RunStore()
    yield store
    end_all(store)
    store.close()
    st.cache_resource.clear()
