"""Objectives as pure tensor functions, and fitting a verifier to trees."""
