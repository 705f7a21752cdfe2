"""Suites, results and gates: what is measured, as data, and what follows from it."""
