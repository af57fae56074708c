"""The tests, and the servers they use in place of the real services."""
