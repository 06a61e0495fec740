"""What decisions teach: disputed lines, evidence about rules, proposed points, back-tests.

Called by views, admin and commands; proposes and records, never changes a live score by itself.
"""
