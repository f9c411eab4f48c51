"""The Normalization Squeeze: exact and simulated dynamics, and the diagnosis of two sets of samples."""
