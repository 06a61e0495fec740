"""CSV files become leads: sniff, stage, convert, load in chunks, report bad rows.

Called by the `import_leads` command; refuses a whole file before anything is written.
"""
