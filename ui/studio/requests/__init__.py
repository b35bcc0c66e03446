"""Between the browser and the tabs: checks, files, turns, long jobs, and the calls for programs."""
