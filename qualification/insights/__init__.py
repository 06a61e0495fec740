"""What the work adds up to: figures over many leads, never a person.

Called by views and downloads; reads only.
"""
