"""The mathematics of the lessons: every formula that a lesson shows, as a short function. NumPy alone, no torch."""
