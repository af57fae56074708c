"""Tests of nodes/models/."""
