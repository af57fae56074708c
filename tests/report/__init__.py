"""Tests of graph/report/."""
