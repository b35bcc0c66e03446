"""Controls that Gradio lacks, and the Studio's theme."""
