"""What samples are worth, in numbers."""
