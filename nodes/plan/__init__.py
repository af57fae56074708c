"""Plan: what is wrong with a plan, and what it may cost. Pure."""

from nodes.plan.allowances import planner_purse, sized, told_documents
from nodes.plan.checks import TASK_LIMIT, Finding, check

__all__ = ["TASK_LIMIT", "Finding", "check", "planner_purse", "sized", "told_documents"]
