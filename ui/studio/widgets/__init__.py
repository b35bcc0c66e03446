"""Controls that Gradio doesn't have, and the Studio's looks."""
