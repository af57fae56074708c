"""Nodes: one file for each step, and what every step is made of."""
