"""Requests of a page while another one is opened; `tests/e2e/test_pages.py` shows it in a browser."""

from __future__ import annotations

import pytest
from streamlit.runtime.scriptrunner_utils.script_requests import RerunData, ScriptRequests, ScriptRequestType

from ui.classroom.shell import late


@pytest.fixture
def requests() -> ScriptRequests:
    late.keep()
    late.keep()
    return ScriptRequests()


def asked(requests: ScriptRequests) -> RerunData:
    request = requests.on_scriptrunner_ready()
    assert request.type is ScriptRequestType.RERUN
    return request.rerun_data


def test_a_waiting_page_rerun_isnt_replaced_by_one_of_the_previous_page(requests: ScriptRequests) -> None:
    requests.request_rerun(RerunData(page_script_hash="new", query_string="run=1"))
    requests.request_rerun(RerunData(page_script_hash="old", fragment_id="board"))
    assert (asked(requests).page_script_hash, asked_fragments(requests)) == ("new", None)


def asked_fragments(requests: ScriptRequests) -> list[str] | None:
    request = requests.on_scriptrunner_ready()
    return request.rerun_data.fragment_id_queue if request.type is ScriptRequestType.RERUN else None


def test_fragments_of_the_page_itself_are_answered_as_before(requests: ScriptRequests) -> None:
    for name in ("board", "other"):
        requests.request_rerun(RerunData(page_script_hash="one", fragment_id=name))
    assert asked(requests).fragment_id_queue == ["board", "other"]
    requests = ScriptRequests()
    requests.request_rerun(RerunData(page_script_hash="one"))
    requests.request_rerun(RerunData(page_script_hash="one", fragment_id="board"))
    found = asked(requests)
    assert (found.page_script_hash, found.fragment_id_queue) == ("one", [])
