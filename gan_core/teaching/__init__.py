"""The mathematics of the lessons: every formula of a lesson, as a short function. NumPy only, no torch."""
