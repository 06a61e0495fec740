"""Decides how notices leave by mail and chat: when, together or each by itself, in which form."""
