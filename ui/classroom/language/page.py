"""How a generator writes: each token, what it was chosen from, and what the discriminator expects."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import streamlit as st

from ui.classroom.language import chart
from ui.classroom.shell import generators
from ui.classroom.shell.errors import showing_errors
from ui.classroom.shell.i18n import _
from ui.texts import percent, plain

if TYPE_CHECKING:
    from gan_core.latent.choices import Choice
    from gan_core.models.sampler import Sampler

MOST_SEED = 2**31 - 1
TEXTS = 12  # texts of a seed that are shown
LONGEST = 200  # maximum characters of the visitor's own text
PLACE, LENGTH = "language-kept-place", "language-length"  # session state: the token shown, of how many
CONFIG = {"displayModeBar": False, "scrollZoom": False}


def show() -> None:
    """Renders the page."""
    st.title(_("Text: one token after the other"), anchor=False)
    st.markdown(
        _("A generator of texts chooses token by token. Each choice is random, with the probabilities shown here. "
          "Because a choice has no gradient, GANs for text need a detour: rewards (SeqGAN) or relaxed tokens "
          "(Gumbel-softmax).")
    )  # fmt: skip
    with showing_errors():
        chosen = generators.choose("sequence", "language")
        if chosen is None:
            _nothing()
            return
        _writing(chosen)


def _nothing() -> None:
    st.info(_("There is no model of texts yet. Train one: maximum likelihood learns in a minute."),
            icon=":material/edit_note:")  # fmt: skip
    st.page_link("pages/train.py", label=_("Train a generator of texts"), icon=":material/model_training:",
                 query_params={"recipe": "text_mle"})  # fmt: skip


@st.fragment
def _writing(chosen: generators.Chosen) -> None:
    with showing_errors():
        sampler = generators.sampler_of(chosen)
        from gan_core.latent import choices

        with st.container(horizontal=True, vertical_alignment="bottom", gap="medium"):
            seed = int(st.number_input(
                _("Seed"), 0, MOST_SEED, key="language-seed", width=150,
                help=_("Determines all random numbers of the samples."),
            ))  # fmt: skip
            temperature = st.slider(
                _("Temperature"), 0.1, 2.0, 1.0, 0.05, key="language-temperature", width=280,
                help=_("Below 1, likely tokens are chosen more often: fewer mistakes, less variety. Above 1, the "
                       "opposite."),
            )  # fmt: skip
            own = st.text_input(
                _("Or a text of your own"), key="language-own", max_chars=LONGEST, width=300,
                placeholder=_("leave empty to generate"),
                help=_("Shows how likely the generator finds each token of this text."),
            )  # fmt: skip
        made = choices.read(sampler, own, temperature) if own else choices.explain(sampler, seed, temperature)
        _tokens(sampler, made)
        _place(sampler, made)
        _opinion(chosen, sampler, made)
        if not own:
            _more(sampler, seed, temperature)


def _tokens(sampler: Sampler, made: Sequence[Choice]) -> None:
    from gan_core.latent import choices

    st.markdown(f"### {plain(choices.written(sampler, made)) or '—'}")
    st.caption(
        _("{count} tokens; on average {nats} nats of surprise each (−log p).").format(
            count=len(made), nats=f"{choices.surprise(made):.2f}"
        )
    )


def _place(sampler: Sampler, made: Sequence[Choice]) -> None:
    """Shows one choice: the text so far, and the probabilities of the next token."""
    words = sampler.spec.vocabulary
    last = len(made)
    place = min(st.session_state.get(PLACE, 1), last)
    if last > 1:
        if "language-place" not in st.session_state or st.session_state.get(LENGTH) != last:
            st.session_state["language-place"] = place  # a new maximum makes a new slider, which starts at 1
        place = int(st.slider(_("Token"), 1, last, key="language-place", help=_("Which choice is shown below.")))
    st.session_state[PLACE], st.session_state[LENGTH] = place, last
    choice = made[place - 1]
    before = [chart.word(words, one.token) for one in made[: place - 1]]
    said = _("After {before}, the generator chose **{token}** with a probability of {share}.")
    if not before:
        said = _("As the first token, the generator chose **{token}** with a probability of {share}.")
    st.markdown(said.format(
        before=" ".join(f"`{one}`" for one in before), token=plain(chart.word(words, choice.token)),
        share=percent(choice.probabilities[choice.token], 1),
    ))  # fmt: skip
    st.plotly_chart(
        chart.probabilities(choice, words), config=CONFIG, key="language-probabilities",
        alt=_("Probabilities of the likeliest tokens"),
    )  # fmt: skip


def _opinion(chosen: generators.Chosen, sampler: Sampler, made: Sequence[Choice]) -> None:
    from gan_core.latent import choices

    discriminator = generators.discriminator_of(chosen.sha256, chosen.name)
    if discriminator is None:
        st.caption(_("This model has no discriminator: it was trained by maximum likelihood alone."))
        return
    st.subheader(_("What the discriminator expects"), anchor=False)
    found = choices.expected(sampler, discriminator, [one.token for one in made])
    st.plotly_chart(
        chart.opinions(
            found, [chart.word(sampler.spec.vocabulary, one.token) for one in made], _says_probabilities(sampler)
        ), config=CONFIG,
        key="language-opinions", alt=_("What the discriminator expects after each token"),
    )  # fmt: skip
    st.caption(
        _("After each token the generator completes the text {count} times; the bar is the mean of D's answers. SeqGAN "
          "rewards a token by this value. The last bar is D's answer for the text itself.").format(
            count=choices.ROLLOUTS
        )
    )  # fmt: skip
    if not _says_probabilities(sampler):
        st.caption(_("This critic gives scores, not probabilities: they are drawn through a sigmoid, and only "
                     "differences between bars count."))  # fmt: skip


def _says_probabilities(sampler: Sampler) -> bool:
    """Whether the sigmoid of the discriminator's output is a probability; SeqGAN has one loss only."""
    from gan_core.objectives.losses import losses

    loss = getattr(sampler.hparams, "loss", "")
    return not loss or losses[loss].probability


def _more(sampler: Sampler, seed: int, temperature: float) -> None:
    from gan_core.data.tokens import decode
    from gan_core.latent import choices

    st.subheader(_("More texts of this seed"), anchor=False)
    written = [decode(one, sampler.spec.vocabulary) for one in
               choices.texts(sampler, TEXTS, seed, temperature).numpy()]  # fmt: skip
    st.code("\n".join(written), language=None)
    st.download_button(
        _("Download (TXT)"), "\n".join(written) + "\n", f"ganscope-texts-seed{seed}.txt", "text/plain",
        icon=":material/download:", key="language-download", on_click="ignore",
    )  # fmt: skip
