"""Growing trees: Sparse Deep Fork, probes of inner states, and what becomes of failures."""
