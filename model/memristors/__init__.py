"""Memristor devices: published pulse curves, integer step tables made of them, and the pulse unit that uses the tables."""
