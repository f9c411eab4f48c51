"""Frozen language models as sources of continuations, and Sparse Deep Fork."""
