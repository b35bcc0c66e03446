"""The addresses of the service: drawing (quick pictures), pictures (from given ones), jobs (long work), state."""
