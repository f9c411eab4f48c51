"""Models that score states of a tree."""
