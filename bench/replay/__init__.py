"""What `closed_loop.py` consists of: the installation of its own, the loop, a made-up file."""
