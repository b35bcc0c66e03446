"""The models in the Studio: loaded once, within memory limits."""
