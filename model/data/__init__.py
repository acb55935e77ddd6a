"""Patterns and labelled images."""
