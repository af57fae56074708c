"""The cluster: two real server processes on PostgreSQL and Redis, through langgraph-sdk. Needs Python 3.12 (make cluster-test)."""
