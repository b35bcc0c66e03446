"""The pages Text and Music, without a browser."""

from __future__ import annotations

import pytest

from gan_core import data
from gan_core.errors import BadCheckpoint, BadValue
from gan_core.latent import choices
from gan_core.models import discriminators, loading
from gan_core.runs.store import RunStore
from tests.app.pages import page, sound
from tests.made_models import make_model
from tests.made_runs import trained
from ui.classroom.shell import generators


@pytest.fixture(autouse=True)
def quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ui.classroom.shell.warm.start", lambda: None)  # its thread would outlive the tests


def test_without_a_model_the_pages_say_what_to_train() -> None:
    for name, what in (("language", "no model of texts yet"), ("music", "no model of music yet")):
        test = page(name)
        assert any(what in one.value for one in test.info)


def test_a_text_is_shown_token_by_token_with_the_expectations_of_d() -> None:
    make_model("gumbel_gan.x", "arithmetic")
    make_model("text_mle.x", "arithmetic")
    test = page("language", model="gumbel_gan.x")
    assert not test.error
    assert any(one.value.startswith("As the first token, the generator chose") for one in test.markdown)
    assert any("What the discriminator expects" in one.value for one in test.subheader)
    assert any("of surprise each" in one.value for one in test.caption)
    before = [one.value for one in test.markdown if one.value.startswith("### ")]
    sound(test.slider(key="language-temperature").set_value(0.1).run())
    sound(test.number_input(key="language-seed").set_value(5).run())
    assert [one.value for one in test.markdown if one.value.startswith("### ")] != before
    sound(test.text_input(key="language-own").set_value("3+4=7").run())
    assert any(one.value == "### 3\\+4=7" or "3+4=7" in one.value for one in test.markdown)
    sound(test.text_input(key="language-own").set_value("3+x").run())
    assert any("Unknown token 'x'" in one.value for one in test.error)
    sound(test.text_input(key="language-own").set_value("1" * 9).run())
    assert any("at most 8 are possible" in one.value for one in test.error)
    sound(test.text_input(key="language-own").set_value("").run())
    sound(test.selectbox(key="language-model").set_value("text_mle.x").run())
    assert any("has no discriminator" in one.value for one in test.caption)


def test_choices_are_those_that_drew_the_text() -> None:
    make_model("gumbel_gan.x", "arithmetic")
    sampler = loading.load("gumbel_gan.x")
    assert sampler.spec.vocabulary == data.source("arithmetic").vocabulary
    for seed in range(4):
        made = choices.explain(sampler, seed, 0.7)
        drawn = choices.texts(sampler, 1, seed, 0.7)[0].tolist()
        assert [one.token for one in made] == drawn[: len(made)]
        for one in made:  # the point lies in the interval of the chosen token
            below = one.probabilities[: one.token].sum()
            assert below - 1e-5 <= one.point <= below + one.probabilities[one.token] + 1e-5  # type: ignore[operator]
    read = choices.read(sampler, "3+4=7")
    assert choices.written(sampler, read) == "3+4=7"
    assert choices.surprise(read) > 0
    expected = choices.expected(
        sampler, discriminators.discriminator_of("gumbel_gan.x"), [one.token for one in read], 3
    )
    assert len(expected) == len(read)
    assert all(0 <= one <= 1 for one in expected)
    for text, complaint in (
        ("", "empty"),
        ("3+?", r"Unknown token '\?'"),
        ("1" * 10_000, "has 10000 tokens; at most 8"),
    ):
        with pytest.raises(BadValue, match=complaint):
            choices.read(sampler, text)
    with pytest.raises(BadValue, match=r"between 0\.05 and 5\.0, got 0"):
        choices.texts(sampler, 1, 0, 0)


def test_a_passage_is_played_and_continued() -> None:
    if not data.source("chorales").available():
        pytest.skip("GANSCOPE_DATA holds no chorales")
    make_model("musegan.x", "chorales")
    test = page("music", model="musegan.x")
    assert not test.error
    assert sum("of the notes in the key" in one.value for one in test.caption) == 4
    sound(test.button(key="music-continue-1").click().run())
    assert test.session_state["music-begin"] == "from the bar you chose"
    assert not test.error


def test_a_discriminator_whose_checkpoint_is_gone_is_not_taken_for_none(store: RunStore) -> None:
    id = trained(store, "gumbel_gan", data="arithmetic")
    other, newest = store.checkpoints(id)
    chosen = generators.Chosen(generators.RUN + id, newest.sha256, newest.step)
    assert generators.sampler_of(chosen).checkpoint == newest
    newest.path.unlink()  # as a run in training does with what is no longer among its newest checkpoints
    assert generators.discriminator_of(chosen.sha256, chosen.name) is not None
    assert generators.sampler_of(chosen).checkpoint == other
    generators.discriminator_of.clear()  # type: ignore[attr-defined]
    other.path.write_bytes(other.path.read_bytes()[:-1])
    with pytest.raises(BadCheckpoint, match="modified or truncated"):
        generators.discriminator_of(chosen.sha256, chosen.name)


def test_the_place_in_a_text_is_kept_where_its_length_changes() -> None:
    make_model("text_mle.x", "arithmetic")
    test = page("language")
    sound(test.text_input(key="language-own").set_value("3+4=7").run())
    sound(test.slider(key="language-place").set_value(3).run())
    sound(test.text_input(key="language-own").set_value("3+4=").run())
    assert test.slider(key="language-place").value == 3
    sound(test.slider(key="language-place").set_value(4).run())
    sound(test.text_input(key="language-own").set_value("3+4=7").run())
    assert test.slider(key="language-place").value == 4


def test_the_link_follows_the_model_and_the_model_the_link() -> None:
    make_model("gumbel_gan.x", "arithmetic")
    make_model("text_mle.x", "arithmetic")
    test = page("language", model="text_mle.x")
    sound(test.selectbox(key="language-model").set_value("gumbel_gan.x").run())
    assert test.query_params["model"] == "gumbel_gan.x"
    test.query_params["model"] = "text_mle.x"
    sound(test.run())
    assert test.selectbox(key="language-model").value == "text_mle.x"
