"""The passphrase: who may steer, how it is requested, and how long a browser stays unlocked."""

from __future__ import annotations

import time

import pytest
from streamlit.testing.v1 import AppTest

from gan_core.runs.store import RunStore
from tests.app.pages import page, sound
from ui.classroom.shell import access
from ui.classroom.shell.access import Keys


@pytest.fixture(autouse=True)
def locked(monkeypatch: pytest.MonkeyPatch, store: RunStore) -> None:
    monkeypatch.setattr("ui.classroom.shell.warm.start", lambda: None)  # its thread would outlive the tests
    monkeypatch.setenv("GANSCOPE_PASSPHRASE", "open sesame")


def lines(test: AppTest) -> str:
    return "\n".join(element.value for element in test.markdown)


@pytest.mark.parametrize("name", ["home", "train", "runs", "models", "study"])
def test_every_page_says_why_buttons_are_grey_and_where_to_unlock(name: str) -> None:
    test = page(name)
    assert "Enter the passphrase to start" in lines(test)
    assert "输入口令" in lines(page(name, {"language": "zh"}))
    for button in test.button:
        if button.disabled:
            assert button.proto.help, button.label


def test_no_line_without_a_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANSCOPE_PASSPHRASE")
    assert "Enter the passphrase to start" not in lines(page("home"))


def test_the_passphrase_unlocks_and_locking_forgets_it() -> None:
    test = page("home")
    sound(test.text_input(key="passphrase").set_value("wrong").run())
    assert "Wrong passphrase" in test.error[0].value
    sound(test.text_input(key="passphrase").set_value("open sesame").run())
    assert "Enter the passphrase to start" not in lines(test)
    assert not test.button(key="first-gan").disabled
    key = test.session_state[access.KEY]
    assert access.keys.fits(key, "open sesame")
    sound(next(button for button in test.button if button.label == "Lock").click().run())
    assert not access.keys.fits(key, "open sesame")
    assert test.button(key="first-gan").disabled


def test_a_key_expires_with_time_and_with_its_passphrase(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = Keys()
    key = keys.new("one")
    assert keys.fits(key, "one")
    assert not keys.fits(key, "two")
    assert not keys.fits("", "one")
    assert not keys.fits(key[:-1], "one")
    now = time.monotonic()
    monkeypatch.setattr(access.time, "monotonic", lambda: now + access.LASTS + 1)
    assert not keys.fits(key, "one")


def test_keys_are_bounded_in_number_and_stored_only_as_digests(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(access, "MOST_KEYS", 3)
    keys = Keys()
    made = [keys.new("one") for _ in range(5)]
    assert [keys.fits(key, "one") for key in made] == [False, False, True, True, True]
    assert not any(key in str(vars(keys)) for key in made)
