"""Amortized Reasoning Tree Search: better answers from a frozen language model (arXiv 2602.12846)."""

from arts.versions import versions

__version__ = versions("arts")["arts"]
