"""Tests of graph/local/."""
