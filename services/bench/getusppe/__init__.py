"""GetUsPPE's offers and requests of 2020, week by week, and who would have sent what to whom.

`data.py` reads them, `rounds.py` plays the weeks, `published.py` and `policy.py` choose,
`figures.py` counts, `report.py` makes the rows, `frontier.py` and `chart.py` draw. What each figure
means is in `docs/benchmarks/getusppe.md`.
"""
