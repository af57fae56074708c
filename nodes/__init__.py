"""Nodes: one file for each step, and what every step is made of.

planner, sequel, validator, approval, worker, synthesiser: the steps; slate, earlier, assignment: what a request, a message
and a worker begin with. state, context, events, times, interrupts, control, budget, pool, documents, attachments, pdf, text,
errors, providers: the words they share; host, memory: what the machine has fixed, and what the process remembers;
langgraph_private: what LangGraph does not promise. Rooms: models/, specialists/, plan/, synthesis/.
"""
