"""Specialists."""
