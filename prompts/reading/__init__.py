"""Reading: how we listen to a model that does not write quite what it was asked for.

Behind `prompts.parsing`, which is its only door: first the JSON values of a reply (json_values, near_json, reasoning),
then the plan in them or around them (json_plan, xml_plan, table_plan, yaml_plan, labelled_plan, bullet_plan; final_plan
chooses) or the ledger and answer (synthesis). vocabulary holds the words that models use for the parts of a plan.
"""
