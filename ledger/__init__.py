"""Bytes in, proofs out: canonical records, the Merkle log, checkpoints, receipts and the chain.

A pure library: it knows nothing of the web service or its database.
"""
