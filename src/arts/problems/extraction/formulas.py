"""Formulas within prose, between dollar signs or LaTeX's brackets."""

import re

FORMULA = re.compile(
    r"\$\$(?P<display>(?:\\\$|[^$]){1,1000})\$\$|\$(?!\s*\$)(?P<inline>(?:\\\$|[^$]){1,500})\$(?!\d)"
    r"|\\\((?P<round>(?:[^\\]|\\[^()])*+)\\\)|\\\[(?P<square>(?:[^\\]|\\[^\[\]])*+)\\\]"
)


def inside(formula: re.Match[str]) -> str:
    """What stands between the delimiters."""
    return next(x for x in formula.groups() if x is not None).strip()
