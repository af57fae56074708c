"""Tests of prompts/."""
