"""Lesson 5: three ways to limit a critic's slope, and what each does to the same critic."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gan_core.teaching import critics
from ui.classroom.learn import drawing
from ui.classroom.learn.lesson import Experiment, Formula, Lesson, Question, Setting, register
from ui.classroom.shell.i18n import N_, _

WAYS = {
    "none": N_("No limit"),
    "clipping": N_("Clipping"),
    "gradient_penalty": N_("Gradient penalty"),
    "spectral_norm": N_("Spectral norm"),
}
STRENGTHS = {"clipping": (N_("Limit c of the weights"), 0.1), "gradient_penalty": (N_("Weight λ of the penalty"), 1.0)}
SETTINGS = {
    "data": "two_moons", "steps": "300", "loss": "wasserstein", "discriminator_steps": "5", "generator_rate": "0.0005",
    "beta1": "0.0",
}  # fmt: skip


def figure() -> None:
    """The critic that was trained in the chosen way, and its slope."""
    way: str = st.segmented_control(
        _("The critic's limit"), list(WAYS), default="clipping", format_func=lambda name: _(WAYS[name]), required=True,
        key="lipschitz-way",
    )  # fmt: skip
    strength = critics.LIMITS[way][0]
    if way in STRENGTHS:
        label, usual = STRENGTHS[way]
        strength = st.select_slider(
            _(label), critics.LIMITS[way], usual, lambda value: f"{value:g}", key=f"lipschitz-{way}"
        )
    critic = critics.kept(way, strength)
    _surface(critic)
    _slopes(critic)
    drawing.numbers(
        {
            _("steepest slope"): drawing.scientific(float(np.abs(critic.slopes).max())),
            _("the critic's estimate"): drawing.scientific(critics.estimate(critic)),
            _("exact W"): drawing.scientific(critics.wasserstein()),
        }
    )


def _surface(critic: critics.Critic) -> None:
    plot = drawing.chart("x", _("critic f(x)"), 240)
    drawing.line(plot, _("critic f(x)"), "generator", critics.PLACES, critic.values)
    height = float(np.abs(critic.values).max())
    for name, look, density in ((_("real data p"), "real", critics.real()), (_("generated q"), "fake", critics.fake())):
        drawing.line(plot, name, look, critics.PLACES, density * height, hoverinfo="skip")  # as tall as the critic
    drawing.show(
        plot,
        "lipschitz-surface",
        _(
            "The critic rises from the fakes on the left to the data on the right. The two bells are drawn to its "
            "height."
        ),
    )


def _slopes(critic: critics.Critic) -> None:
    plot = drawing.chart("x", _("slope |f'(x)|"), 220)
    slopes = np.maximum(np.abs(critic.slopes), 1e-5)
    drawing.line(plot, _("slope |f'(x)|"), "discriminator", critics.PLACES, slopes, line={"dash": "solid"})
    drawing.line(plot, _("limit 1"), "quiet", critics.PLACES[[0, -1]], [1.0, 1.0])
    plot.update_yaxes(type="log", range=[-4, 5], dtick=2, exponentformat="power")
    drawing.show(plot, "lipschitz-slopes", _("The slope of the critic on a logarithmic axis, beside the limit 1."))


register(
    Lesson(
        name="lipschitz",
        number=5,
        title=N_("Lipschitz in practice"),
        about=N_("Clipping, gradient penalty and spectral norm: three ways to keep a critic from being steep."),
        minutes=10,
        body=(
            N_("The critic of lesson 4 must not be steeper than 1. A function with $|f(x)-f(y)|\\le K\\,|x-y|$ is "
               "called **K-Lipschitz**. A network with weight matrices $A_1,A_2,\\dots,A_L$ and activations of slope "
               "at most 1 satisfies"),
            Formula(r"K\le\sigma(A_1)\,\sigma(A_2)\cdots\sigma(A_L)", (critics.lipschitz_bound,)),
            N_("where $\\sigma(A)$ is the largest singular value, the factor by which a layer can stretch. Three ways "
               "to hold it down:"),
            N_("**Clipping** cuts each weight to $[-c,c]$ after every step. For two hidden layers of $n$ units the "
               "slope is at most"),
            Formula(r"|f'|\le c^3 n^2", (critics.clipped_bound, critics.clip)),
            N_("The third power makes $c$ hard to choose: with $n=64$ the bound is 0.004 for $c=0.01$ and 4 for "
               "$c=0.1$."),
            N_("A **gradient penalty** punishes slopes other than 1 at points $u$ between real and generated ones:"),
            Formula(
                r"L_f=\mathbb{E}[f(G(z))]-\mathbb{E}[f(x)]+\lambda\,\mathbb{E}\big[(|\nabla f(u)|-1)^2\big]",
                (critics.gradient_penalty,),
            ),
            N_("The penalty is a soft constraint: a straight critic settles where one more unit of slope gains as "
               "much as it costs. With the Wasserstein distance $W$ of lesson 4, that is"),
            Formula(r"|f'|=1+\frac{W}{2\lambda}", (critics.penalised_slope,)),
            N_("**Spectral norm** divides each weight matrix by its largest singular value, so that $K\\le 1$ always "
               "holds:"),
            Formula(r"\bar A=\frac{A}{\sigma(A)}", (critics.spectral_norm,)),
        ),
        figure=figure,
        explore=N_("The same small critic ($n=64$), trained in four ways on the same two bells. Find the $c$ whose "
                   "slope is nearest to 1; compare λ with the formula; look at what happens without a limit."),
        experiment=Experiment(
            N_("Train a critic on two moons in each of the three ways (clipping with two limits), all else equal, for "
               "300 steps each (about 15 seconds)."),
            (
                Setting(N_("Clipping to 0.01"), "playground", SETTINGS | {"weight_clip": "0.01"}),
                Setting(N_("Clipping to 0.1"), "playground", SETTINGS | {"weight_clip": "0.1"}),
                Setting(
                    N_("Gradient penalty"), "playground",
                    SETTINGS | {"penalty": "gradient_penalty", "penalty_weight": "1.0"},
                ),
                Setting(N_("Spectral norm"), "playground", SETTINGS | {"spectral_norm": "discriminator"}),
            ),
            N_("How long are the arrows, and how far does the sliced distance fall from about 0.8? Over three seeds, "
               "the critic's mean slope at the samples and the sliced distance after 300 steps were on average: "
               "clipping to 0.01, 0.003 and 0.72 (little progress); clipping to 0.1, 1.1 and 0.17; gradient penalty, "
               "1.04 and 0.07; spectral norm, 0.14 and 0.18."),
        ),
        questions=(
            Question(
                N_("$n=64$. Which $c$ makes the bound $c^3n^2$ equal to 1?"),
                N_("$c=(1/4096)^{1/3}=0.0625$. With another depth or width it is another number: one reason why "
                   "clipping is seldom used today."),
            ),
            Question(
                N_("$W=2.5$ and $\\lambda=10$. How steep is the critic, and is its estimate too large or too small?"),
                N_("$1+2.5/20=1.125$: the estimate is about an eighth too large. With smaller $\\lambda$ the error "
                   "grows."),
            ),
            Question(
                N_("Spectral norm guarantees $K\\le 1$. Why can the estimate still be far below $W$?"),
                N_("The product of the layers' stretches is only a bound. When the directions in which the layers "
                   "stretch don't line up, the slope is smaller than 1, and the critic underestimates."),
            ),
        ),
        teacher=N_("10 minutes. Ask which of the three guarantees a limit and which only encourages it. Let pairs "
                   "predict the slope for $c=0.03$ from that for $c=0.1$ (divide by $(10/3)^3\\approx 37$), then "
                   "check in the figure."),
    )
)  # fmt: skip
