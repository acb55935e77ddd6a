"""Training and recall, compared with the golden machine, saved and resumed."""
