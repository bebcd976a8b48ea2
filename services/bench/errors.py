"""What may go wrong in a benchmark without being a fault of it."""

__all__ = ["Unsolved"]


class Unsolved(Exception):
    """A peer gave no optimal answer; the message says what it gave."""
