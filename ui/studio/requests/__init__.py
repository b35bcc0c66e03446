"""Between browser and tabs: checks, files, scheduling, long jobs, and the API."""
