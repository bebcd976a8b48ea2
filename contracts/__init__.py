"""The log contract: its source in Vyper, and the ABI and bytecode compiled from it."""
