"""Lesson 8: why convolutions, and DCGAN's design rules."""

from __future__ import annotations

import numpy as np
import streamlit as st

from gan_core.teaching import convolution
from ui.classroom.learn import drawing
from ui.classroom.learn.lesson import Experiment, Formula, Lesson, Question, Setting, register
from ui.classroom.shell.i18n import N_, _
from ui.texts import number

INPUTS = 8
PRESET = {"recipe": "dcgan", "preset": "digits", "steps": "400"}


def figure() -> None:
    """How often a transposed convolution writes to each position, in one and two dimensions."""
    left, middle, right = st.columns(3)
    with left:
        kernel: int = st.slider(_("Kernel k"), 1, 6, 3, key="dcgan-kernel")
    with middle:
        stride: int = st.slider(_("Stride s"), 1, 3, 2, key="dcgan-stride")
    with right:
        layers: int = st.slider(_("Number of layers"), 1, 3, 1, key="dcgan-layers")
    paths = convolution.stacked(INPUTS, kernel, stride, layers)
    _line(paths)
    _plane(paths)
    side = convolution.output_size(INPUTS, kernel, stride, 0)
    drawing.numbers(
        {
            _("side after one layer"): f"{INPUTS} → {side}",
            _("checkerboard"): _("yes") if convolution.uneven(kernel, stride) else _("no"),
            _("weights, 64 to 32 channels"): number(convolution.convolution_weights(64, 32, kernel)),
        }
    )


def _line(paths: np.ndarray) -> None:
    plot = drawing.chart(_("output place"), _("times written"), 220)
    plot.add("bar", x=np.arange(len(paths)), y=paths, name=_("times written"),
                 marker={"color": drawing.LOOKS["discriminator"][0]})  # fmt: skip
    drawing.show(plot, "dcgan-line", _("Bars: how often each output place on a line is written."))


def _plane(paths: np.ndarray) -> None:
    plot = drawing.chart("", "", 300, hoverdistance=-1)
    plot.add(
        "heatmap", z=np.outer(paths, paths), colorscale=drawing.scale("Cividis"), showscale=False, hoverinfo="skip"
    )
    plot.update_xaxes(visible=False, constrain="domain")
    plot.update_yaxes(visible=False, scaleanchor="x")
    drawing.show(plot, "dcgan-plane", _("The same in the plane: bright places are written most often."))


register(
    Lesson(
        name="mlp_to_dcgan",
        number=8,
        title=N_("From MLP to DCGAN"),
        about=N_("Why images want convolutions, and the design rules that made them work."),
        minutes=10,
        body=(
            N_("The first GANs had fully connected layers: each output pixel has weights of its own, and "
               "neighbours know nothing of each other. A **convolution** shares one small kernel over the whole "
               "image. Going from $8\\times8$ with 64 channels to $16\\times16$ with 32, a dense layer needs the "
               "first number of weights, and a convolution with a kernel of 4 the second:"),
            Formula(
                r"\underbrace{8^2\cdot 64\cdot 16^2\cdot 32}_{33{,}554{,}432}\qquad "
                r"\underbrace{4^2\cdot 64\cdot 32}_{32{,}768}",
                (convolution.dense_weights, convolution.convolution_weights),
            ),
            N_("The generator has to enlarge. A **transposed convolution** with kernel $k$, stride $s$ and padding $p$ "
               "writes a copy of its kernel for each input, $s$ places apart:"),
            Formula(r"n_{\text{out}}=(n-1)\,s-2p+k", (convolution.output_size,)),
            N_("With $k=4$, $s=2$, $p=1$ it doubles the side. The copies overlap, and where $k$ isn't a multiple "
               "of $s$, some places are written more often than their neighbours. This is the origin of "
               "**checkerboards**:"),
            Formula(r"k \bmod s\neq 0", (convolution.uneven, convolution.writes)),
            N_("An even overlap is no guarantee: the weights of a kernel differ, so with $k=4$, $s=2$ a pattern is "
               "still possible, above all at the start. Nearest-neighbour enlargement followed by a convolution "
               "treats all places alike."),
            N_("**DCGAN's rules** (2015): strides instead of pooling; batch normalisation in both networks, but not at "
               "$G$'s output and $D$'s input; no hidden dense layers; ReLU in $G$ with tanh at the end, leaky ReLU in "
               "$D$; weights from $\\mathcal N(0,0.02^2)$; Adam with $2\\cdot10^{-4}$ and $\\beta_1=0.5$. They are "
               "experience, not theorems: later GANs drop several of them."),
        ),
        figure=figure,
        explore=N_("How often is each place written? Find all kernels without a checkerboard for stride 2 and for "
                   "stride 3, then stack layers."),
        experiment=Experiment(
            N_("Digits of 16 pixels, 400 steps each (about 10 seconds): DCGAN as the preset has it, three runs "
               "that break one rule each, and an MLP."),
            (
                Setting("DCGAN", "train", PRESET),
                Setting(N_("Beta 1 of 0.9"), "train", PRESET | {"beta1": "0.9"}),
                Setting(N_("Without batch-norm"), "train", PRESET | {"batch_norm": "false"}),
                Setting(N_("Nearest neighbour, then convolution"), "train", PRESET | {"upsampling": "nearest"}),
                Setting("MLP", "train", {"recipe": "mlp_gan", "preset": "digits_30s", "size": "16", "steps": "400"}),
            ),
            N_("Measured at step 400 (seed 0): share of readable samples and digits that occur. DCGAN 33 %, 7 of "
               "10; beta 1 of 0.9: 49 %, but **2 of 10**; without batch-norm 31 %, 7; nearest neighbour 42 %, 10, "
               "with a sixth of the checkerboard; MLP **62 %**, 9. So momentum matters, batch-norm hardly here, "
               "and on small centred digits dense layers learn faster. Convolutions pay off on larger images. One "
               "seed is an anecdote: try others."),
        ),
        questions=(
            Question(
                N_("Which kernels up to 6 give an even overlap with stride 2, and which with stride 3?"),
                N_("2, 4, 6 with stride 2; 3 and 6 with stride 3."),
            ),
            Question(
                N_("Why does stacking make an uneven overlap worse?"),
                N_("Each layer multiplies the pattern of the one before, on a finer scale. With $k=3$, $s=2$ one layer "
                   "writes places once or twice; two layers lead from 1 to 3 paths, three layers up to 5."),
            ),
            Question(
                N_("Why does $D$ get no batch normalisation under a gradient penalty?"),
                N_("The penalty is about the slope at **one** sample. Batch normalisation makes the score of a sample "
                   "depend on all others in the batch, so that slope is no longer defined for it alone."),
            ),
        ),
        teacher=N_("10 minutes. Let the class count the overlaps for $k=3$, $s=2$ on paper before the figure is shown. "
                   "Ask which of DCGAN's rules follow from an argument and which from trying."),
    )
)  # fmt: skip
