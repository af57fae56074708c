"""Deploy: the graph on several processes and machines, on an engine that others keep (aegra). docs/scale.md tells how."""
