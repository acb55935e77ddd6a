"""Memories that keep records of patterns, behind one signature."""
