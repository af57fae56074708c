"""Evaluations: how well single parts do on data of known quality.

plans: the checks on plans (tuning and held-out data); synthesis: the joined answer; answers, requests, transcripts:
whole runs, the requests they are made of, and what was said in them.
"""
