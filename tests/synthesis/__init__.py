"""Tests of nodes/synthesis/."""
