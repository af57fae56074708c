"""Tests of nodes/specialists/."""
