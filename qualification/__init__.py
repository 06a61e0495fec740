"""Policy and work: scoring, the queue, clocks, decisions and what they teach."""
