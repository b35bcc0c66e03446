"""Building blocks of the Gradio tabs, and the server that shows them."""
