"""Parts of `bench/sweep.py`."""
