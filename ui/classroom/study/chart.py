"""The chart of a study: mean and confidence interval of each arm at each number of real images."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from gan_core.study.plan import ARMS, StudyPlan
from gan_core.study.summary import Summary
from ui.classroom.shell.i18n import _

if TYPE_CHECKING:
    from plotly.graph_objects import Figure  # type: ignore[import-untyped]

# arm -> colour visible in both themes, and a symbol for colour-blind readers
LOOKS = {
    "real": ("#2f9e6b", "circle"),
    "classical": ("#3b7fe0", "square"),
    "gan": ("#e07a2f", "diamond"),
    "both": ("#c0519f", "cross"),
}
SPREAD = 0.15  # offset between arms, so that intervals don't overlap
HEIGHT = 380  # pixels


def chart(
    summary: Summary, plan: StudyPlan, measure: str, arms: Mapping[str, str], settings: Mapping[str, str]
) -> Figure:
    """Returns the chart; `arms` and `settings` map names to labels."""
    from plotly.graph_objects import Figure, Scatter  # takes a second to import and only this page needs it

    places = {setting.name: place for place, setting in enumerate(plan.settings)}
    figure = Figure()
    for arm in (one for one in ARMS if one in plan.arms):
        rows = [row for row in summary.rows if (row.arm, row.measure) == (arm, measure)]
        if not rows:
            continue
        colour, symbol = LOOKS[arm]
        offset = SPREAD * (ARMS.index(arm) - (len(ARMS) - 1) / 2)
        halves = [0.0 if math.isnan(row.estimate.half) else row.estimate.half for row in rows]
        figure.add_trace(
            Scatter(
                x=[places[row.setting.name] + offset for row in rows],
                y=[row.estimate.mean for row in rows],
                # a share lies in [0, 1], however wide the interval is
                error_y={
                    "type": "data",
                    "symmetric": False,
                    "thickness": 1.5,
                    "width": 4,
                    "array": [min(half, 1 - row.estimate.mean) for row, half in zip(rows, halves, strict=True)],
                    "arrayminus": [min(half, row.estimate.mean) for row, half in zip(rows, halves, strict=True)],
                },
                customdata=[[settings[row.setting.name], half] for row, half in zip(rows, halves, strict=True)],
                hovertemplate="%{customdata[0]}: %{y:.3f} ± %{customdata[1]:.3f}",
                mode="markers",
                name=arms[arm],
                marker={"color": colour, "symbol": symbol, "size": 10},
            )
        )
    figure.update_xaxes(
        title=_("real training images"), tickvals=list(places.values()), zeroline=False, showgrid=False,
        ticktext=[settings[name] for name in places], range=[-0.5, len(places) - 0.5],
    )  # fmt: skip
    unit = _("area under the ROC curve (0.5: chance)") if measure == "auc" else _("share classified correctly")
    figure.update_yaxes(title=unit)
    legend = {"orientation": "h", "yanchor": "bottom", "y": 1.02, "x": 0}
    figure.update_layout(height=HEIGHT, legend=legend, margin={"l": 10, "r": 10, "t": 10, "b": 10}, dragmode=False)
    return figure
