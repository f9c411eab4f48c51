"""Reasoning trees: steps, prefix merging, outcome labels and the store."""
