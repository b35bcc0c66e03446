"""Charts of the page Text: the probabilities of one choice, and the discriminator's expectations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ui.classroom.shell.i18n import _
from ui.texts import percent

if TYPE_CHECKING:
    from plotly.graph_objects import Figure  # type: ignore[import-untyped]

    from gan_core.latent.choices import Choice

SHOWN = 16  # tokens
CHOSEN, OTHER, DISCRIMINATOR = "#e0483b", "#b9b3cc", "#3b7fe0"  # visible in both themes
HEIGHT = 260  # pixels
END, SPACE = "■", "␣"


def word(vocabulary: Sequence[str], token: int) -> str:
    """Returns a token as shown: the end and the space have their own symbols."""
    return {"": END, " ": SPACE}.get(vocabulary[token], vocabulary[token])


def probabilities(choice: Choice, vocabulary: Sequence[str]) -> Figure:
    """The likeliest tokens, and the chosen one in another colour."""
    from plotly.graph_objects import Figure

    likeliest = choice.likeliest(SHOWN)
    if choice.token not in [token for token, _share in likeliest]:
        likeliest[-1] = (choice.token, float(choice.probabilities[choice.token]))
    chart = Figure()
    chart.add_bar(
        x=list(range(len(likeliest))),
        y=[100 * share for _token, share in likeliest],
        marker_color=[CHOSEN if token == choice.token else OTHER for token, _share in likeliest],
        text=[percent(share) for _token, share in likeliest],
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{y:.2f} %<extra></extra>",
    )
    return _laid_out(chart, [word(vocabulary, token) for token, _share in likeliest], _("probability"))


def opinions(values: Sequence[float], tokens: Sequence[str], probability: bool = True) -> Figure:
    """Bars of D's answers to the completed text, one for each token.

    `probability`: the answers are probabilities, not scores drawn through a sigmoid.
    """
    from plotly.graph_objects import Figure

    chart = Figure()
    chart.add_bar(x=list(range(len(values))), y=[100 * value for value in values], marker_color=DISCRIMINATOR,
                  hovertemplate="%{y:.0f} %<extra></extra>")  # fmt: skip
    chart.add_hline(y=50, line={"dash": "dot", "color": OTHER})
    return _laid_out(chart, list(tokens), _("probability of being real") if probability else _("sigmoid of the score"))


def _laid_out(chart: Figure, words: list[str], title: str) -> Figure:
    chart.update_xaxes(tickmode="array", tickvals=list(range(len(words))), ticktext=words, tickfont={"size": 15})
    chart.update_layout(height=HEIGHT, margin={"l": 8, "r": 8, "t": 16, "b": 8}, dragmode=False, showlegend=False)
    chart.update_yaxes(range=[0, 110], ticksuffix=" %", title=title, automargin=True)
    return chart
