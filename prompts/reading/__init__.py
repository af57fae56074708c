"""Reading: how we listen to a model that does not write quite what it was asked for.

Behind `prompts.parsing`, which is its only door: first the JSON values of a reply (json_values, near_json, reasoning),
or what stands in tags, tables, labelled lines and lists as such values (text_plan and its four readers); then the plan
in them (json_plan; final_plan chooses) or the ledger and answer (synthesis). vocabulary holds the words that models use.
"""
