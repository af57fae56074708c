"""Tests of nodes/plan/."""
