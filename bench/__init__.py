"""Side-by-side timings; `python -m bench --help`."""
