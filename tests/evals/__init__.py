"""Tests of evals/: is what it measures what is there?"""
