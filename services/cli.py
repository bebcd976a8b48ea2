def main() -> None:
    """Entry point of the ``medrelay`` command."""
