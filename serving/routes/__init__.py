"""The addresses of the service: drawing (quick pictures), pictures (of given ones), jobs (what takes long), state."""
