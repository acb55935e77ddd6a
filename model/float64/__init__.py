"""The rules in float64: what the machine's integers are compared with."""
