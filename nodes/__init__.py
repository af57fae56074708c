"""Nodes: one file for each step, and what every step is made of.

planner, sequel, validator, approval, worker, synthesiser: the steps. state, events, budget, pool, documents, text, errors:
the words they share; host: what the machine has fixed. Rooms: models/, specialists/, plan/, synthesis/.
"""
