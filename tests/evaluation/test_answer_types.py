import pytest
from hypothesis import given, strategies as st

from arts.evaluation.answer_types import ANSWER_TYPES, MOST_CHARACTERS, answer_type

KEYS = {
    "whole number": [
        "42", "-125", "58,500", r"10,\!080", r"11,\! 111,\! 111,\! 100", r"1{,}008{,}016", r"\$32,\!348", r"\$36",
        r"90^\circ", r"120^{\circ}", "x=5", "x = 12", "52_8", r"4210_{5}", r"15\mbox{ cm}^2", r"864 \mbox{ inches}^2",
        r"\text{A5}_{11}",
        r"17\%", "10.00", r"7\text{ hours}.", r"320000 \mbox{ acres}", r"14 \text{ right triangles}", "001",
        r"\frac{4}{2}", "$18$",
    ],
    "fraction or decimal": [
        "1.25", ".0000672", "326.5", r"\frac{14}{3}", r"\dfrac{17}{50}", r"\frac43", r"\frac 59", r"\frac9{19}",
        r"\frac {40}7", r"-\frac{24}{25}", r"\frac{-7}{23}", r"1\frac{4}{5}", r"137 \frac{1}{2}", r"-15\frac{3}{5}",
        r"\$18.90", r"5.4 \text{ cents}", r"\frac{270}7\text{ degrees}", r"237.5\%", r"22.5^{\circ}", "2/15",
        r"- \frac 32", r"0.\overline{36}", r"\dfrac{1}{29,\!322,\!216}", r"-\frac{5}{3}.", r"6\frac{1}{6}\text{ feet}",
    ],
    "expression": [
        "p - q", r"3\sqrt{13}", r"11\sqrt2", "6 - 5i", r"\pi", r"-\frac{\pi}{6}", "x^3+3x-6", r"\cot x", "2k+2",
        "(a+5)(b+2)", r"\frac{11+9a}{20}", "y = -2x", "5x - 7y + 11z + 4 = 0", r"\frac{20000}{\pi}", "3R^2", "xy", "n",
        "1 : 2", r"2^{2008} -2", r"12\sqrt{13}\text{ feet}", r"-(ab + ac + bc)", "f(4 - x)",
        r"\log\left(\frac{2007}{2006}\right)", r"AB=12+12\sqrt{3}",
        r"\gcd(a,b)+1", "1+" * (MOST_CHARACTERS // 2 - 1) + "11",
    ],
    "tuple or set": [
        r"\left( 3, \frac{\pi}{2} \right)", "1,-2", "3, 5, 7", "(6,31,-1)", "(3,4]", r"(2,\infty)",
        r"(-\infty, 2) \cup (3, \infty)", r"\left(\frac{3}{5},\frac{8}{3}\right]", r"1 \pm \sqrt{19}", r"x \in [-2,7]",
        r"\{1\pm\sqrt{5},-2\}", "(20,100)", r"\begin{pmatrix} -1 & 0 \\ 0 & -1 \end{pmatrix}", r"-12 \text{ or } -30",
        r"2, 3, \text{ and } 4", "81, 256", r"6, 8\text{, and }10", r"45^\circ, 135^\circ", r"45^\circ,135^\circ",
        "(-4, 27);(2, 15)", r"-80\leq g(x)\leq 82", r"\text{A,B,E}", r"\text{Softball, Kickball, Picnic}", "D, E",
        "0,1", r"5,\,-11", "(6,235^\\circ)", "x > 3",
        "[2,5)", r"\left(100,200\right)", "[100,200]",
    ],
    "text": [
        r"\text{Evelyn}", r"\text{east}", r"\text{two lines}", r"\text{October 30}", r"\mbox{four}", "LQSX",
        r"\text{CBAD}", "Monday", "yes", "No", "odd", "", "(", r"8\!:\!34 \text{ p.m.}",
        "a" * (MOST_CHARACTERS + 1), r"\textbf{even}",
        "1+" * (MOST_CHARACTERS // 2) + "1", r"$\text{even}$", r"\text{even}.", "BCA",
    ],
    "choice": [r"\text{(C)}", r"\text{B}", "(E)", "A", r"(\text{H})"],
}  # fmt: skip
"""Keys of MATH, and a few that others write."""


@pytest.mark.parametrize(("kind", "key"), [(kind, key) for kind, keys in KEYS.items() for key in keys])
def test_keys_have_the_type_that_a_reader_gives_them(kind, key):
    assert answer_type(key) == kind


def test_a_wrapped_number_is_a_number():
    assert answer_type(r"\text{42}") == answer_type(r"\mathbf{2340}") == "whole number"
    assert answer_type(r"\text{1.5}") == "fraction or decimal"


def test_every_type_is_known_by_some_key():
    assert set(KEYS) == set(ANSWER_TYPES)


@given(st.text(max_size=80) | st.text("(){}[],;.\\ 0123456789frac{}text^_-xyAB", max_size=80))
def test_every_text_has_one_type_whatever_stands_around_it(text):
    assert answer_type(text) in ANSWER_TYPES
    assert answer_type(f"  {text} ") == answer_type(text)
