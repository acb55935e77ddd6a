"""What the machine computes: spec, integer semantics, golden machine, references and data. Imports nothing of ours."""
