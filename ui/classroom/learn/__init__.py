"""The lessons: what a lesson is, the page that shows it, and what a visitor has read so far."""
