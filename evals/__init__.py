"""Evaluations: does it plan well, see conflicts, survive, and beat a single call at equal cost? README.md says how.

The four suites: python -m evals (make eval). Of single parts: plans, synthesis (with answers and requests), transcripts.
"""
