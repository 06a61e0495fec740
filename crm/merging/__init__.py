"""Two leads that are one person: what each says, and making one of them, or two again.

Above intake: values are read and written through its records.
"""
