"""What the Streamlit pages draw with: a folder for each group of pages, and `shell`, which all of them share."""
