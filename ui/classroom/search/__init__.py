"""What the page Search draws with."""
