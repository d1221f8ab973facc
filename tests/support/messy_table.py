"""A table as real ones are: words, numbers, true and false, gaps of two kinds, an identifier, and text labels."""

import math
import random

HEADER = "customer_id,age,plan,region,monthly_fee,support_calls,newsletter,churned"
PLANS = {"basic": 0.6, "plus": 0.0, "family, large": -0.8, "": 0.9}  # a gap says something, too
REGIONS = ["north", "south", "east", "Übersee", "west"]


def churn(rows: int = 3000, seed: int = 7) -> str:
    """A CSV of customers who leave or stay: one in six leaves, who depends on all but the region."""
    draw = random.Random(seed)
    lines = [HEADER]
    for k in range(rows):
        age, plan, calls = draw.randint(18, 90), draw.choice(list(PLANS)), min(9, int(draw.expovariate(0.6)))
        fee, newsletter = round(draw.lognormvariate(3.2, 0.5), 2), draw.random() < 0.4
        score = (
            PLANS[plan] + 0.9 * (calls - 1.2) + 0.03 * (fee - 28) - 1.5 * newsletter - 0.0012 * (age - 55) ** 2 - 0.9
        )
        leaves = draw.random() < 1 / (1 + math.exp(-2.2 * score))
        cells = [f"{k:05}7", age, f'"{plan}"' if "," in plan else plan, draw.choice(REGIONS), fee, calls]
        cells += [str(newsletter).lower(), "yes" if leaves else "no"]
        for column, (share, gap) in {1: (0.08, ""), 4: (0.05, "?"), 6: (0.1, "")}.items():
            if draw.random() < share:
                cells[column] = gap
        lines.append(",".join(map(str, cells)))
    return "\n".join(lines) + "\n"
