"""Building blocks of the Gradio tabs, and the server that shows them."""

from ui.studio.without_stubs import leave_stubs_alone

leave_stubs_alone()  # before Gradio is imported
