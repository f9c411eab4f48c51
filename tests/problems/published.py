"""Rows of MATH (hendrycks/math) and GSM8K (openai/grade-school-math), both MIT, as on the Hub; some made awkward."""

MATH500 = [
    {
        "unique_id": "test/algebra/1937.json",
        "problem": "$441+2(21)(19)+361=x$. Solve for $x$.",
        "answer": "1600",
        "solution": "This is just the binomial expansion of $(21+19)^2=40^2=\\boxed{1600}$.",
        "subject": "Algebra",
        "level": 2,
    },
    {
        "unique_id": "test/prealgebra/1302.json",
        "problem": "Simplify $\\sqrt{242}$.",
        "answer": "11\\sqrt2",
        "solution": "Factor 242; then $\\sqrt{242} = \\sqrt{11^2 \\cdot 2} = \\boxed{11\\sqrt2}$.",
        "subject": "Prealgebra",
        "level": 3,
    },
]
MATH_TRAIN = [
    {
        "problem": "$361+2(19)(6)+36=x$. Solve for $x$.",
        "level": "Level 2",
        "type": "Algebra",
        "solution": "This is just the binomial expansion of $(19+6)^2=25^2=\\boxed{625}$.",
    },
    {
        "problem": "Evaluate $\\log_2 (4^2)$.",
        "level": "Level 2",
        "type": "Intermediate Algebra",
        "solution": "$\\log_24=\\boxed{2}$, so $\\log_2(4^2) = \\log_2((2^2)^2) = \\log_2 (2^4) = \\boxed{4}$",
    },
    {
        "problem": "If $x = 2$ and $y = 5$, then what is the value of $\\frac{x^4+2y^2}{6}$ ?",
        "level": "Level ?",
        "type": "Algebra",
        "solution": "We have \\[\\frac{x^4 + 2y^2}{6} = \\frac{66}{6} = \\boxed{11}.\\]",
    },
    {
        "problem": "If $x = 2$ and  $y = 5$, then what is the value of $\\frac{x^4+2y^2}{6}$ ?",
        "level": "Level 1",
        "type": "Algebra",
        "solution": "The same question with one more space: \\boxed{11}.",
    },
    {
        "problem": "Simplify $\\sqrt{242}$. ",
        "level": "Level 3",
        "type": "Prealgebra",
        "solution": "A problem of MATH-500: $\\boxed{11\\sqrt2}$.",
    },
    {
        "problem": "A question whose box is empty, as two of the published ones are.",
        "level": "Level 1",
        "type": "Geometry",
        "solution": "So the answer is $\\boxed{}$.",
    },
]
GSM8K = [
    {
        "question": "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. How"
        " many clips did Natalia sell altogether in April and May?",
        "answer": "Natalia sold 48/2 = <<48/2=24>>24 clips in May.\n"
        "Natalia sold 48+24 = <<48+24=72>>72 clips altogether in April and May.\n#### 72",
    },
    {
        "question": "Weng earns $12 an hour for babysitting. Yesterday, she just did 50 minutes of babysitting. How"
        " much did she earn?",
        "answer": "Weng earns 12/60 = $<<12/60=0.2>>0.2 per minute.\n"
        "Working 50 minutes, she earned 0.2 x 50 = $<<0.2*50=10>>10.\n#### no, but\n#### 1,010",
    },
]
