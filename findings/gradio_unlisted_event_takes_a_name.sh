#!/usr/bin/env bash
# guess: an event that is kept out of the API (`api_visibility="private"`) has no endpoint name, so that a public event
#   with the same function is called by the function's name.
# what happens: Gradio 6.31.0 still gives the private one the function's name, and the public event, defined later,
#   becomes `/begin_1`, even where it asks for `api_name="begin"`. Adding a private event before it silently renames
#   what clients call. Only a separate name for the private event keeps the public one's.
# source: https://www.gradio.app/docs/gradio/blocks (api_name: "defaults to the name of the function")
set -euo pipefail
folder="$(mktemp -d)"
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet gradio==6.31.0
cd "$folder"
GRADIO_ANALYTICS_ENABLED=False venv/bin/python - <<'PYTHON'
import gradio as gr


def begin() -> str:
    return "ready"


def names(private_first: bool, **named: str) -> list[tuple[str, str]]:
    with gr.Blocks(analytics_enabled=False) as page:
        text, button = gr.Textbox(), gr.Button()
        if private_first:
            page.load(begin, None, text, api_visibility="private")
        button.click(begin, None, text, **named)
    return [(one["api_name"], one["api_visibility"]) for one in page.get_config_file()["dependencies"]]


print("gradio", gr.__version__)
alone, behind, named = names(False), names(True), names(True, api_name="begin")  # the last asks for its name
print("alone:", alone)
print("behind a private event of the same function:", behind)
print("the same, named:", named)
assert alone == [("begin", "public")]
assert behind == named == [("begin", "private"), ("begin_1", "public")]
PYTHON
