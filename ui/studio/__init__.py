"""What the Gradio tabs draw with, and the server that shows them."""
