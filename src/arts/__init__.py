"""Amortized Reasoning Tree Search: better answers from a frozen language model (arXiv 2602.12846)."""

from importlib.metadata import version

__version__ = version("arts")
