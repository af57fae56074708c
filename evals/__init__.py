"""Evaluations: how well single parts do on data of known quality."""
