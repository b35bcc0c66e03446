"""Lesson 12: translation without pairs: what the adversarial loss leaves open, and what the cycle term adds."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gan_core.teaching import cycles
from gan_core.teaching.cycles import SEEDS, STEPS, TURNS, WEIGHTS, Translated
from ui.classroom.learn import drawing
from ui.classroom.learn.lesson import Experiment, Formula, Lesson, Question, Setting, register
from ui.classroom.shell.i18n import N_, _
from ui.texts import percent

TERMS = {"without": N_("Without the cycle term"), "with": N_("With it, λ = 10")}
WEIGHT = dict(zip(TERMS, WEIGHTS, strict=True))
REACH = 1.35
WIDTH = 0.32  # of a panel, in [0, 1] of the figure's
NUMBERED = 8  # of the ring's points have numbers
SETTINGS = {"recipe": "cyclegan", "preset": "digits_cycle", "steps": "500"}


def figure() -> None:
    """The ring, its translation, and the way back."""
    terms: str = st.segmented_control(
        _("Loss"), list(TERMS), default="without", format_func=lambda name: _(TERMS[name]), required=True,
        key="cycle-terms",
    )  # fmt: skip
    left, right = st.columns(2)
    with left:
        step: int = st.select_slider(
            _("Training steps"), STEPS, STEPS[-1], lambda value: f"{value:g}", key="cycle-step"
        )
    with right:
        start: int = st.slider(_("Start (first weights)"), 1, len(SEEDS), 1, key="cycle-start")
    seen = cycles.kept(WEIGHT[terms], SEEDS[start - 1], step)
    _panels(seen)
    drawing.numbers(
        {
            _("error of the round trip"): f"{seen.cycle:.2f}",
            _("distance of G(a) from the square"): f"{cycles.apart(seen.forth, cycles.square(FINE)).mean():.2f}",
            _("of the square reached"): percent(cycles.reached(seen.forth)),
        }
    )


FINE = np.arange(800) / 800  # fractions of a turn


def _panels(seen: Translated) -> None:
    layout = {"height": 260, "margin": {"l": 4, "r": 4, "t": 28, "b": 4}, "showlegend": False, "dragmode": False}
    plot = drawing.Plot(layout=layout | {"annotations": []})
    panels = {"a": cycles.ring(TURNS), "G(a)": seen.forth, "F(G(a))": seen.back}
    for (title, points), number, left in zip(panels.items(), ("", "2", "3"), (0, 0.34, 0.68), strict=True):
        _panel(plot, title, number, left)
        axes = {"xaxis": f"x{number}", "yaxis": f"y{number}"}
        outline = cycles.square(FINE) if title == "G(a)" else cycles.ring(FINE)
        quiet = {"color": drawing.LOOKS["quiet"][0], "width": 1}
        plot.add("scatter", x=outline[:, 0], y=outline[:, 1], mode="lines", line=quiet, hoverinfo="skip", **axes)
        plot.add(
            "scatter", x=points[:, 0], y=points[:, 1], mode="markers", hoverinfo="skip", **axes,
            marker={"color": TURNS, "colorscale": drawing.scale("HSV"), "size": 7, "cmin": 0, "cmax": 1},
        )  # fmt: skip
        marked = points[:: len(points) // NUMBERED]
        plot.add(
            "scatter", x=marked[:, 0], y=marked[:, 1], mode="markers+text", hoverinfo="skip", **axes,
            text=[str(place + 1) for place in range(NUMBERED)], textfont={"size": 11, "color": "white"},
            marker={"size": 17, "color": "#3a3f4c"},
        )  # fmt: skip
    drawing.show(
        plot,
        "cycle-panels",
        _("Three panels: numbered points on a ring, where G takes them on the outline of a square, and where F takes "
          "them back."),
    )  # fmt: skip


def _panel(plot: drawing.Plot, title: str, number: str, left: float) -> None:
    """Two axes whose names end with `number`, and a title above; `left` in [0, 1] of the figure's width."""
    reach = [-REACH, REACH]
    right = left + WIDTH
    x = {"anchor": f"y{number}", "domain": [left, right], "range": reach, "visible": False, "constrain": "domain"}
    y = {"anchor": f"x{number}", "domain": [0, 1], "range": reach, "visible": False, "scaleanchor": f"x{number}"}
    plot.update_layout(**{f"xaxis{number}": x, f"yaxis{number}": y})
    plot.layout["annotations"].append(
        {"text": title, "font": {"size": 16}, "showarrow": False, "x": (left + right) / 2, "xanchor": "center",
         "xref": "paper", "y": 1, "yanchor": "bottom", "yref": "paper"}
    )  # fmt: skip


register(
    Lesson(
        name="translation",
        number=12,
        title=N_("Translation without pairs"),
        about=N_("What the cycle term of CycleGAN asks for, and what it leaves open."),
        minutes=10,
        body=(
            N_("Photos and paintings, horses and zebras: two **domains** $a$ and $b$, without pairs that show what "
               "belongs to what. A generator $G$ maps $a$ to $b$, a second one, $F$, maps $b$ to $a$, and each has a "
               "discriminator. But a discriminator asks only that *all* translated pictures together look like the "
               "other domain. Which $a$ became which $b$ is left open."),
            N_("Take numbers that are spread evenly over $[-1,1]$, for both domains. $G(a)=a$, the mirror $G(a)=-a$ "
               "and the tent $G(a)=1-2|a|$ all give evenly spread numbers, and $D$ can't object:"),
            Formula(r"\mathrm{JS}(q_{G(a)},\,p_b)=0", (cycles.mismatch,)),
            N_("Yet the tent takes $a$ and $-a$ to the same place, so nobody can tell afterwards where it came from. "
               "**CycleGAN** (2017) asks that the way there and back ends where it began:"),
            Formula(
                r"L_{\mathrm{cyc}}=\mathbb{E}_a|F(G(a))-a|+\mathbb{E}_b|G(F(b))-b|",
                (cycles.cycle_loss,),
            ),
            N_("After the tent, even the best $F$ misses by $\\tfrac12$ on average; after the mirror, $F(b)=-b$ is "
               "right. The whole loss, with $\\lambda=10$ as usual:"),
            Formula(
                r"L=L_{\mathrm{adv}}(G)+L_{\mathrm{adv}}(F)+\lambda\,L_{\mathrm{cyc}}",
                (cycles.objective,),
            ),
            N_("So the cycle term keeps what the picture shows. It doesn't say **which** of the reversible maps is "
               "right: the mirror is as good as $G(a)=a$, and real CycleGANs sometimes invert colours. The *identity "
               "term* $\\mathbb{E}|G(b)-b|$ helps, where the domains share colours: it is 0 for $G(a)=a$ and 1 for the "
               "mirror."),
        ),
        figure=figure,
        explore=N_("Two small networks learn to translate a ring to the outline of a square and back. Equal numbers "
                   "are the same point. Train them, switch the cycle term, and compare the three starts."),
        experiment=Experiment(
            N_("Colour grey digits without pairs. Each digit class has its own colour in the other domain, and nobody "
               "says which. 500 steps each (about a minute): first with the cycle term, then without."),
            (
                Setting(N_("With the cycle term"), "train", SETTINGS),
                Setting(N_("Without it"), "train", SETTINGS | {"preset": "digits_no_cycle"}),
            ),
            N_("Measured at step 500 (seed 0): with the cycle term 79 % of the digits have the colours of their "
               "class, without it 10 %, which is chance. Without it all outputs look alike; they vary only 0.20 times "
               "as much as the true pictures (with it 0.94). That the colours are right, and not only reversible, "
               "comes from $D$: it has seen how a coloured 3 looks."),
        ),
        questions=(
            Question(
                N_("Without the cycle term and at step 1,000, $G(a)$ covers the square and $D$ is fooled. Why is the "
                   "round trip wrong all the same?"),
                N_("Each network only pleased its own discriminator. $G$ found one way round the square, $F$ another "
                   "way round the ring, and nothing ties the two together. The error of the round trip is 0.77 to "
                   "0.90; two points of the ring that have nothing to do with each other differ by 0.81 on average. "
                   "With the cycle term it is 0.01 to 0.02."),
            ),
            Question(
                N_("With the cycle term, compare point 1 in the three starts. Which start is right?"),
                N_("None, or all. Point 1 goes to the lower left corner in start 1 and to the right side in starts 2 "
                   "and 3. Each map is reversible and fools $D$; the data don't say where on the square a point of the "
                   "ring belongs."),
            ),
            Question(
                N_("$G(a)=a/2$ is reversible. Why does it not win?"),
                N_("It fills only half of $b$, and $D$ sees that: JS is 0.216, of at most $\\log 2=0.693$. The cycle "
                   "term alone would be content, for $F(b)=2b$ brings everything back. Both terms are needed."),
            ),
        ),
        teacher=N_("10 minutes. Let the class match six faces with six names without knowing anybody: every matching "
                   "fills all places, and only one is right. Ask what extra knowledge each term of the loss brings."),
    )
)  # fmt: skip
