"""Same person? Same company? Decides identity; called by intake and imports, read by pages.

`normalize` is pure, `locks` serialises, `resolve` looks up.
"""
