"""Tests of graph/cli/."""
