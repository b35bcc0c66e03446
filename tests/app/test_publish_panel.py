"""A run is published as a model from its page, without a browser."""

from __future__ import annotations

import pytest
from streamlit.testing.v1 import AppTest

from gan_core.models import listing
from gan_core.runs.store import RunState, RunStore
from tests.app.pages import sound
from tests.made_runs import make_run, trained

PANEL = """
import streamlit as st
from ui.classroom.live import publish_panel
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.store import store
st.page_link = lambda *given, **named: st.markdown(str(named["query_params"]))
with showing_errors():
    publish_panel.panel(store().runs()[0])
"""


def test_a_run_is_published_from_its_page() -> None:
    store = RunStore()
    id = trained(store, "mlp_gan", name="My digits")
    test = sound(AppTest.from_string(PANEL, default_timeout=60).run())
    assert test.text_input(key=f"publish-name-{id}").value == "My-digits"
    sound(test.text_area(key=f"publish-limits-{id}").set_value("No sevens.").run())
    sound(test.button(key="publish-now").click().run())
    assert "Published as My" in test.success[0].value
    assert listing.card("My-digits").limits == "No sevens."
    assert "My-digits" in test.markdown[0].value
    sound(test.text_input(key=f"publish-name-{id}").set_value("a/b").run())
    sound(test.button(key="publish-now").click().run())
    assert "is not a valid model name" in test.error[0].value
    sound(test.text_input(key=f"publish-name-{id}").set_value("other").run())
    token = store.claim(id)
    store.set_state(id, token, RunState.RUNNING)
    sound(test.button(key="publish-now").click().run())
    assert "Stop or pause it first" in test.error[0].value
    store.set_state(id, token, RunState.STOPPED)
    store.release(id, token)


def test_another_run_is_offered_under_its_own_name(store: RunStore) -> None:
    first = make_run(store, "run A")
    test = sound(AppTest.from_string(PANEL, default_timeout=60).run())
    sound(test.text_input(key=f"publish-title-{first}").set_value("Mine").run())
    second = make_run(store, "run B")  # the panel's run changes in place, as after a fork
    sound(test.run())
    assert [field.value for field in test.text_input[:2]] == ["run-B", "run B"]
    assert test.text_input(key=f"publish-title-{second}").value == "run B"


def test_onlookers_do_not_publish(monkeypatch: pytest.MonkeyPatch) -> None:
    trained(RunStore(), "mlp_gan", name="mine")
    monkeypatch.setenv("GANSCOPE_PASSPHRASE", "open sesame")
    test = sound(AppTest.from_string(PANEL, default_timeout=60).run())
    sound(test.button(key="publish-now").click().run())
    assert test.error
    assert listing.names() == []


def test_the_button_opens_a_dialog(store: RunStore) -> None:
    make_run(store, "run A")
    test = sound(AppTest.from_string(PANEL.replace("panel(store", "button(store"), default_timeout=60).run())
    assert not test.text_input
    sound(test.button(key="publish").click().run())
    assert [field.label for field in test.text_input[:2]] == ["Name", "Title"]
    sound(test.run())  # the page reruns by itself, for example when the run's state changes
    assert [field.label for field in test.text_input[:2]] == ["Name", "Title"]
