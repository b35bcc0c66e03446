"""Invalid values are refused by the Studio itself, by every endpoint, in a sentence of the page's language."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.studio.calling import JSON, Caller, Refusal, calling, default, file, is_ours
from tests.studio.conftest import CYCLE, DRAWING, ENLARGING, FILLING
from tests.studio_serving import STYLED, Studio
from ui.languages import _, using

NESTED: list[Any] = []
for _turn in range(15):
    NESTED = [NESTED]
BAD: dict[str, list[Any]] = {  # for each kind of control
    "number": ["three", True, [1], {"a": 1}, 0.5, -1e9, 1e30, 10**30, [None]],
    "slider": ["three", None, True, [1], {"a": 1}, -1e9, 1e30, 10**30],
    "dropdown": ["nobody", True, ["nobody"], {"a": 1}, 7.5, "n" * 30_000, "\ud800", None, NESTED],
    "radio": ["nobody", None, True, ["nobody"], {"a": 1}, 7.5, "n" * 30_000],
    "checkbox": ["yes", None, 1, [], {"a": True}],
    "textbox": [5, ["a"], {"a": "b"}, "n" * 30_000, "\ud800", None, NESTED, "data:image/png;base64,???"],
    "file": ["own.png", 5, {}, {"path": 5, "meta": {}}, {"path": None}, [[]], {"meta": 5}, NESTED, True],
    "json": [5, True, [[1]], {"a": {"b": 1}}, "n" * 30_000, ["\ud800"], {"a": None}, NESTED],
    "html": [5], "markdown": [5], "button": [5],
}  # fmt: skip
EVENTS: list[Any] = [None, {}, [], "x", 5, {"place": "x"}, {"place": None}, {"place": 1e300}, {"x": 1}, {"place": [1]}]
GOOD = {  # names of models that each tab can work with, so that the other values are looked at
    "translate": CYCLE, "draw": DRAWING, "inpaint": FILLING, "fill": FILLING, "enlarge": ENLARGING, "": STYLED,
}  # fmt: skip


@pytest.fixture(params=["en", pytest.param("zh", marks=pytest.mark.release)])
def page(request: pytest.FixtureRequest, studio: Studio) -> Iterator[tuple[Caller, str]]:
    language = str(request.param)
    with calling(studio.url if language == "en" else f"{studio.url}/{language}") as caller:
        yield caller, language


def cases(caller: Caller) -> Iterator[tuple[dict[str, Any], list[Any], dict[str, Any]]]:
    """The endpoints listed by the app, with bad values in each place, and with events of every kind."""
    for number, endpoint in enumerate(caller.endpoints):
        inputs = caller.inputs(endpoint)
        data = [default(one) for one in inputs]
        for place, component in enumerate(inputs):
            wrong = BAD.get(component["type"], [])
            for turn in range(min(len(wrong), 1 if len(inputs) > 6 else 2)):
                yield endpoint, [*data[:place], wrong[(number + place + turn) % len(wrong)], *data[place + 1 :]], {}
        yield endpoint, data[:-1] if number % 2 and data else [*data, 1], {}
        yield endpoint, [None] * len(data), {}
        yield endpoint, data, {"event_data": EVENTS[number % len(EVENTS)]}


@pytest.mark.slow
def test_every_endpoint_refuses_with_its_own_sentence(page: tuple[Caller, str], studio: Studio) -> None:
    """A third of all cases in each language; all of them would take too long."""
    caller, language = page
    logged = studio.log.stat().st_size
    wrong, refused, count = [], 0, 0
    with using(language):
        title = _("Not possible")
    for endpoint, data, more in islice(cases(caller), 0 if language == "en" else 1, None, 3):
        count += 1
        try:
            caller.call(endpoint, data, **more)
        except AssertionError as error:
            wrong.append((endpoint["api_name"], str(data)[:200], more, str(error), ""))
        except Refusal as refusal:
            refused += 1
            known = is_ours(refusal.words, language) and not any(word in refusal.words for word in WORDS_OF_OTHERS)
            if language == "zh" and not any("一" <= letter <= "鿿" for letter in refusal.words):
                known = False
            if not known or (refusal.title != title and not refusal.title.startswith("HTTP 4")):
                wrong.append((endpoint["api_name"], str(data)[:200], more, refusal.words[:200], refusal.title))
    assert wrong == [], "\n".join(map(str, wrong[:30]))
    assert count > 180
    assert refused > count / 2
    log = studio.log.read_text(encoding="utf-8")[logged:]
    assert "Traceback" not in log, log[:3000]


# parts of answers that aren't meant for visitors, or that blame the server
WORDS_OF_OTHERS = (
    "<class",
    "show_error",
    "This is a bug in GANscope",
    "这是 GANscope 的缺陷",
    "list of choices",
    "values is invalid",
    "Traceback",
)

HTTP: list[tuple[str, str, Any, int]] = [
    ("POST", "call/nothing", {"data": []}, 404),
    ("POST", "run/nothing", {"data": []}, 404),
    ("POST", "api/nothing", {"data": []}, 404),
    ("POST", "call/v2/nothing", {}, 404),
    ("POST", "call/v2/generate", {"seeed": 1}, 422),
    ("POST", "call/v2/translate", {"model": ""}, 422),
    ("POST", "call/generate", '{"data": ["", NaN, null, "", null]}', 400),
    ("POST", "call/generate", '{"data": ["", Infinity, null, "", null]}', 400),
    ("POST", "run/between", '{"data": ["", "1, 2", "linear", true, -Infinity]}', 400),
    ("POST", "call/generate", '{"data": ["", 1e999, null, "", null]}', 400),
    ("POST", "call/v2/generate", '{"truncation": NaN}', 400),
    ("POST", "queue/join", '{"data": [NaN], "fn_index": 1, "session_hash": "x"}', 400),
    ("POST", "call/generate", "{", 400),
    ("POST", "call/generate", "", 400),
    ("POST", "call/generate", b"\xff\xfe", 400),
    ("POST", "call/generate", "[" * 5000, 400),
    ("POST", "call/generate", "[]", 422),
    ("POST", "call/generate", {}, 422),
    ("POST", "call/generate", {"data": {}}, 422),
    ("POST", "call/generate", {"data": [], "session_hash": 5}, 422),
    ("POST", "call/generate", {"data": [], "session_hash": "n" * 500}, 422),
    ("POST", "queue/join", {"data": [], "fn_index": 99_999, "session_hash": "x"}, 404),
    ("POST", "queue/join", {"data": [], "fn_index": "one", "session_hash": "x"}, 422),
    ("POST", "queue/join", {"data": [], "fn_index": True, "session_hash": "x"}, 422),
    ("POST", "queue/join", {"data": [], "fn_index": 1, "trigger_id": "x", "session_hash": "x"}, 422),
    ("POST", "queue/join", {"data": []}, 404),
    ("POST", "run/page_mix", {"data": [5, 1, 2, "coarse", 0]}, 400),
    ("POST", "run/page_mix", {"data": []}, 400),
    ("POST", "cancel", [], 422),
    ("POST", "cancel", {"fn_index": "x"}, 422),
    ("POST", "component_server", {"data": 1, "component_id": 1, "session_hash": "x", "fn_name": "x"}, 404),
    ("POST", "upload", {"files": 1}, 400),
    ("POST", "process_recording", {}, 404),
    ("POST", "vibe-edit", {"prompt": "x"}, 404),
    ("GET", "nothing", None, 404),
    ("GET", "proxy=https://example.com", None, 404),
    ("GET", "file=nothing.png", None, 404),
    ("GET", "call/generate/nothing", None, 404),
    ("GET", "deep_link?session_hash=x", None, 404),
    ("GET", "vibe-code", None, 404),
    ("PUT", "call/generate", {"data": []}, 405),
]  # fmt: skip


def test_over_plain_http_the_status_says_whose_fault_it_is(page: tuple[Caller, str], studio: Studio) -> None:
    caller, language = page
    logged = studio.log.stat().st_size
    wrong = []
    for method, address, body, status in HTTP:
        content = json.dumps(body) if isinstance(body, dict | list) else body
        answer = caller.http.request(method, f"{caller.url}/gradio_api/{address}", content=content, headers=JSON)
        try:
            words = answer.json()["error"] or ""
        except ValueError:
            words = answer.text
        if answer.status_code != status or not is_ours(words, language):
            wrong.append((method, address, str(body)[:80], answer.status_code, answer.text[:200]))
    assert wrong == []
    assert "Traceback" not in studio.log.read_text(encoding="utf-8")[logged:]


def test_a_lost_session_is_reported_as_the_page_expects_it(studio: Studio) -> None:
    """The page is then reopened; nothing is logged."""
    answer = httpx.get(f"{studio.url}/gradio_api/queue/data", params={"session_hash": "nothing"})
    assert '"session_not_found":true' in answer.text
    assert "Traceback" not in studio.log.read_text(encoding="utf-8")


def test_a_call_without_a_content_type_and_with_names_is_answered(studio: Studio) -> None:
    """As curl sends it."""
    root = f"{studio.url}/gradio_api"
    for address, body in (("call/generate", {"data": ["", 3, None, "", None]}), ("call/v2/generate", {"seed": 3})):
        begun = httpx.post(f"{root}/{address}", content=json.dumps(body), headers={"Content-Type": "text/plain"})
        answer = httpx.get(f"{root}/{address}/{begun.json()['event_id']}", timeout=60)
        assert answer.text.startswith("event: complete")
        made = json.loads(answer.text.partition("data: ")[2])[0]
        assert httpx.get(made["url"]).content.startswith(b"\x89PNG")


def test_a_file_of_another_kind_is_reported(studio: Studio, tmp_path: Path) -> None:
    path = tmp_path / "own.txt"
    path.write_text("own")
    with calling(f"{studio.url}/zh") as caller:
        with pytest.raises(Refusal) as caught:
            caller.call("translate", [file(caller.upload(path)), CYCLE, "", None])
        assert is_ours(caught.value.words, "zh")
        assert "PNG" in caught.value.words
