"""Lesson 14: GANs compared with VAEs and diffusion models, and with networks that recognise or remember."""

from __future__ import annotations

import time

import numpy as np
import streamlit as st

from gan_core.teaching import collapse, generative
from ui.classroom.learn import drawing
from ui.classroom.learn.lesson import Experiment, Formula, Lesson, Question, Setting, register
from ui.classroom.shell.i18n import N_, _
from ui.texts import percent

WAYS = {"diffusion": N_("Diffusion"), "vae": N_("VAE")}
PASSES = (1, 2, 3, 5, 10, 20, 50, 100, 200)
SPREADS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0)
SHOWN = 600  # points of each kind in the figure


def figure() -> None:
    """Points made by the best denoiser in several passes, or by the best decoder in one."""
    way: str = st.segmented_control(
        _("The model"), list(WAYS), default="diffusion", format_func=lambda name: _(WAYS[name]), required=True,
        key="beside-way",
    )  # fmt: skip
    random = np.random.default_rng(0)
    if way == "diffusion":
        passes = st.select_slider(_("Passes through the network"), PASSES, 5, key="beside-passes")
        noise = random.standard_normal((collapse.SAMPLES, 2))
        began = time.perf_counter()
        points = generative.sample(noise, passes)
    else:
        passes = 1
        spread = st.select_slider(
            _("Spread of each mode's latents"), SPREADS, 0.15, lambda value: f"{value:g}", key="beside-spread"
        )
        latents = random.standard_normal(collapse.SAMPLES)
        began = time.perf_counter()
        points = generative.decoded(latents, spread)
    took = 1000 * (time.perf_counter() - began)
    _ring(points)
    drawing.numbers(
        {
            _("passes"): str(passes),
            _("modes covered"): _("{count} of {all}").format(
                count=collapse.covered(points), all=len(generative.PLACES)
            ),
            _("close to a mode"): percent(collapse.shares(points).sum()),
            _("time for 2,500 points"): _("{time} ms").format(time=f"{took:.1f}"),
        }
    )


def _ring(points: np.ndarray) -> None:
    plot = drawing.chart("", "", 380, hoverdistance=-1)
    real = collapse.RING.draw(np.random.default_rng(1), SHOWN)
    drawing.points(plot, _("real points"), "real", real[:, 0], real[:, 1], marker={"size": 11, "opacity": 0.6})
    made = points[:SHOWN]
    drawing.points(plot, _("generated points"), "fake", made[:, 0], made[:, 1], marker={"size": 5})
    plot.update_xaxes(range=[-2.9, 2.9])
    plot.update_yaxes(range=[-2.6, 2.6], scaleanchor="x")
    drawing.show(plot, "beside-ring", _("Eight real modes on a ring, and points that the model makes of noise."))


register(
    Lesson(
        name="models_beside",
        number=14,
        title=N_("GANs beside VAEs and diffusion models"),
        about=N_("One pass or many, a game or a plain loss: three ways to make samples, on the same data."),
        minutes=12,
        body=(
            N_("All three turn noise into samples. They differ in what they minimise. A **VAE** is an autoencoder "
               "whose encoder gives each item a small cloud of latents, $\\mathcal N(\\mu(x),s(x)^2)$. It minimises "
               "the error of reconstruction and how far these clouds are from the noise that is drawn later:"),
            Formula(
                r"\begin{gathered}L=\tfrac{1}{2\sigma^2}\mathbb{E}\lVert x-G(z)\rVert^2+\mathrm{KL}\\"
                r"\mathrm{KL}=\tfrac12\textstyle\sum(\mu^2+s^2-1-2\log s)\end{gathered}",
                (generative.kl_to_normal,),
            ),
            N_("Every item must be reconstructed, so **no mode is lost**. But where clouds overlap, the best answer is "
               "a mean, and a mean of two digits is a blur:"),
            Formula(r"G(z)=\mathbb{E}[x\,|\,z]", (generative.decoded,)),
            N_("A **diffusion model** adds noise to the data, at levels from nearly none to noise alone, and learns "
               "to see the noise in the result:"),
            Formula(
                r"\begin{gathered}x_t=\sqrt{A_t}\,x+\sqrt{1-A_t}\,\epsilon\\"
                r"L=\mathbb{E}\lVert\epsilon-\epsilon_\theta(x_t,t)\rVert^2\end{gathered}",
                (generative.add_noise, generative.noise_in),
            ),
            N_("Its best answer is a mean too, but of what is **still possible** at that level. Sampling goes down "
               "level by level; each pass decides a little more, and the last ones are sharp. In one pass only the "
               "mean of all data comes out:"),
            Formula(
                r"x_s=\sqrt{A_s}\,\frac{x_t-\sqrt{1-A_t}\,\epsilon_\theta}{\sqrt{A_t}}+\sqrt{1-A_s}\,\epsilon_\theta",
                (generative.sample, generative.clean),
            ),
            N_("A **GAN** is sharp in **one** pass, because $D$ rejects averages. The price is a game instead of a "
               "loss that falls: it can circle, and modes can be lost."),
            N_("| | passes | loss | modes lost | typical fault |\n|---|---|---|---|---|\n"
               "| GAN | 1 | a game | often | collapse |\n| VAE | 1 | falls | rarely | blur |\n"
               "| Diffusion | many | falls | rarely | slow |"),
            N_("**Beside other networks.** A CNN *recognises*: image in, class out, $p(y|x)$. An RNN *remembers*: it "
               "carries a state along a sequence, $p(x_t|x_{<t})$. A GAN *creates*: noise in, sample out. These are "
               "not rivals: DCGAN's $D$ is a CNN that recognises one thing, real or not, and its $G$ is one run "
               "backwards; an RNN that draws its next symbol from $p(x_t|x_{<t})$ creates as well."),
        ),
        figure=figure,
        explore=N_("No training here: both models have their **best possible** networks, which are known for this "
                   "ring. How many passes does diffusion need? Which spread keeps a VAE's points out of the gaps, and "
                   "why can't a real one choose it freely?"),
        experiment=Experiment(
            N_("The same ring, three models. Start them one after another (less than 30 seconds each) and compare the "
               "samples, the modes covered and the curve of the loss. Then the same with digits."),
            (
                Setting(N_("GAN"), "train", {"recipe": "points", "preset": "ring8"}),
                Setting(N_("VAE"), "train", {"recipe": "vae_points", "preset": "ring8"}),
                Setting(N_("Diffusion"), "train", {"recipe": "diffusion_points", "preset": "ring8"}),
                Setting(N_("Diffusion in one pass"), "train",
                        {"recipe": "diffusion_points", "preset": "ring8", "sampling_steps": "1"}),
                Setting(N_("Digits: GAN"), "train", {"recipe": "mlp_gan", "preset": "digits_30s"}),
                Setting(N_("Digits: VAE"), "train", {"recipe": "vae", "preset": "digits"}),
                Setting(N_("Digits: diffusion"), "train", {"recipe": "diffusion", "preset": "digits"}),
            ),
            N_("Measured after 8 seconds of processor time each, means of seeds 0 to 2, in the order GAN, VAE, "
               "diffusion. **Ring**: all cover 8 of 8 modes; 94, 47 and 67 % of the points lie close to one; 32, 60 "
               "and 81 % of the data have a sample nearby; 1,000 points take 1.4, 0.7 and 60 ms. In training, the "
               "distance to the data fluctuates most with the GAN (0.59, 0.07, 0.19). **Digits**: 85, 46 and 26 % of "
               "the samples are readable, in 5, 2 and 223 ms. So the GAN is sharpest here, but its preset is tuned "
               "(lesson 6 shows it collapse); diffusion has the most variety on the ring, and on digits its small "
               "perceptron would need far longer."),
        ),
        questions=(
            Question(
                N_("One pass of diffusion gives points in the middle of the ring. Why there, although no real point "
                   "lies there?"),
                N_("From noise alone every point of the data is equally possible, and the denoiser gives their mean, "
                   "the centre. A mean of possible answers need not be a possible answer."),
            ),
            Question(
                N_("With a spread of 0.01 the VAE of the figure makes hardly any point between modes. Why isn't that "
                   "the solution?"),
                N_("The KL term grows as $-\\log s$: clouds that are small cost much. And between small clouds there "
                   "are latents to which no data item belongs: drawn from $\\mathcal N(0,1)$, their points are "
                   "guesses."),
            ),
            Question(
                N_("A video game needs 60 pictures a second; a film may take a night for a minute. Which model would "
                   "you try first for each?"),
                N_("One pass for the game: a GAN, or a VAE if blur is acceptable. For the film there is time: "
                   "diffusion, whose training is steady and whose variety is large."),
            ),
        ),
        teacher=N_("12 minutes. Ask before the figure is moved: what is the best guess if you know nothing? Then let "
                   "one group argue for each model: sharp in one pass, no mode lost, steady training. Which two can "
                   "each have?"),
    )
)  # fmt: skip
