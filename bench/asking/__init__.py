"""The parts of `bench/ask_next.py`: a made-up market, and people who ask in it."""
