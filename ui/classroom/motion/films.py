"""Films: one seed for the content, one for the motion; a player with a slider of frames."""

from __future__ import annotations

from typing import cast

import numpy as np
import streamlit as st
import torch

from gan_core.gans.mocogan import FilmGenerator
from gan_core.media import video
from gan_core.models.card import Card
from gan_core.models.sampler import Sampler
from gan_core.pictures.grids import enlarge, grid, png
from ui.classroom.motion import choice
from ui.classroom.shell.grids import film as play
from ui.classroom.shell.grids import picture
from ui.classroom.shell.i18n import _

MOST_SEED = 2**31 - 1
OTHERS = 3  # further films with the same content, and with the same motion
WIDE = 320  # pixels of a frame


@st.fragment
def show(offered: dict[str, Card]) -> None:
    """Renders the part; a change reruns only this fragment."""
    found = choice.chosen(offered, "motion", "mocogan")
    if found is None:
        return
    _card, sampler = found
    with st.container(horizontal=True, vertical_alignment="bottom"):
        content = st.number_input(_("Content seed"), 0, MOST_SEED, 0, key="motion-content", width=180)
        motion = st.number_input(_("Motion seed"), 0, MOST_SEED, 0, key="motion-motion", width=180)
        frame = st.slider(
            _("Frame"), 1, sampler.spec.shape[1], 1, key="motion-frame", width=320,
            help=_("The still picture beside the film."),
        )  # fmt: skip
    film = drawn(sampler, [(content, motion)])[0]
    playing, still = st.columns(2, width=2 * WIDE + 16)
    with playing:
        play(video.film_as_webp(film, sampler.spec.rate or video.RATE), alt=_("The film"), width=WIDE)
        st.caption(_("Content {content}, motion {motion}").format(content=content, motion=motion))
    with still:
        one = enlarge(grid(film[frame - 1 : frame], 1), WIDE)
        picture(png(one), alt=_("Frame {number}").format(number=frame), width=WIDE)
        st.caption(_("Frame {number}").format(number=frame))
    _row(sampler, _("The same content with other motions"), [(content, motion + 1 + n) for n in range(OTHERS)])
    _row(sampler, _("The same motion with other contents"), [(content + 1 + n, motion) for n in range(OTHERS)])


def _row(sampler: Sampler, title: str, seeds: list[tuple[int, int]]) -> None:
    st.markdown(f"**{title}**")
    films = drawn(sampler, seeds)
    play(video.film_as_webp(video.side_by_side(films), sampler.spec.rate or video.RATE), alt=title, width=2 * WIDE)


def drawn(sampler: Sampler, seeds: list[tuple[int, int]]) -> np.ndarray:
    """Films uint8 (N, T, H, W, 3), one for each seed of content and seed of motion."""
    place = cast(FilmGenerator, sampler.networks["generator"]).content
    latents = [
        torch.cat([sampler.latents(1, content)[0][:, :place], sampler.latents(1, motion)[0][:, place:]], 1)
        for content, motion in seeds
    ]
    return video.levels(sampler.draw(torch.cat(latents), None).numpy())
