"""Building blocks of the Streamlit pages: one folder per group of pages, and `shell`, which all pages share."""
