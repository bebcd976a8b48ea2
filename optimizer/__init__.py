"""Who gets what: a problem in, a plan out, with its reasons and its proof.

A pure library: no I/O, no clock, no randomness, nothing of `services`. Start at `problem.Problem`
and `solve.solve`; `check.check` judges any plan without the solver. README.md explains the method.
"""
