"""Interfaces between components: operations and ports."""
