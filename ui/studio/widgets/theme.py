"""The Studio's theme: colours of the Streamlit app, system fonts, light and dark."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

SHEET = Path(__file__).with_name("studio.css")

ACCENT = gr.themes.Color(
    "#f3f1fd", "#e7e3fa", "#d0c9f6", "#b9b0ff", "#a397ff", "#7468e0", "#5a4bd4", "#4a3cc0", "#3d319e", "#2f2678",
    "#201a52", name="iris",
)  # fmt: skip
PAPER = gr.themes.Color(
    "#fcfbf8", "#f3f1ea", "#e3dfd4", "#cfcabc", "#a09c92", "#77746d", "#54535a", "#31343f", "#1f2129", "#15161b",
    "#0f1014", name="paper",
)  # fmt: skip
FONTS = ("Source Sans 3", "Segoe UI", "Noto Sans", "system-ui", "PingFang SC", "Noto Sans CJK SC", "sans-serif")


def theme() -> gr.themes.Base:
    """Returns the theme; fetches no fonts."""
    made = gr.themes.Base(
        primary_hue=ACCENT, secondary_hue=ACCENT, neutral_hue=PAPER, radius_size=gr.themes.sizes.radius_lg,
        font=FONTS, font_mono=("ui-monospace", "Consolas", "monospace"),
    )  # fmt: skip
    return made.set(
        body_background_fill="#fcfbf8", body_background_fill_dark="#15161b",
        body_text_color="#23262f", body_text_color_dark="#e9e7e2",
        body_text_color_subdued="#6b6861", body_text_color_subdued_dark="#a09c92",
        link_text_color="#5a4bd4", link_text_color_dark="#a397ff",
        background_fill_primary="#fcfbf8", background_fill_primary_dark="#15161b",
        background_fill_secondary="#f3f1ea", background_fill_secondary_dark="#1f2129",
        block_background_fill="transparent", block_background_fill_dark="transparent",
        block_border_width="0px", block_shadow="none", block_padding="0px",
        block_label_background_fill="transparent", block_label_background_fill_dark="transparent",
        block_label_border_width="0px", block_label_text_color="#54535a", block_label_text_color_dark="#a09c92",
        block_title_text_color="#23262f", block_title_text_color_dark="#e9e7e2", block_title_text_weight="500",
        border_color_primary="#e3dfd4", border_color_primary_dark="#31343f",
        input_background_fill="#ffffff", input_background_fill_dark="#1f2129", input_border_width="1px",
        input_border_color="#e3dfd4", input_border_color_dark="#31343f",
        slider_color="#5a4bd4", slider_color_dark="#a397ff",
        button_primary_background_fill="#5a4bd4", button_primary_background_fill_dark="#6a5cdc",
        button_primary_background_fill_hover="#4a3cc0", button_primary_background_fill_hover_dark="#5a4bd4",
        button_secondary_background_fill="#f3f1ea", button_secondary_background_fill_dark="#1f2129",
        button_secondary_background_fill_hover="#e9e5da", button_secondary_background_fill_hover_dark="#2a2d37",
        button_secondary_border_color="#e3dfd4", button_secondary_border_color_dark="#31343f",
        panel_background_fill="transparent", panel_background_fill_dark="transparent", panel_border_width="0px",
        layout_gap="16px",
    )  # fmt: skip
