"""Personal data: where they live, giving them out, erasing a person, forgetting what is old.

Another table that may hold them is a line in `inventory.py`.
"""
