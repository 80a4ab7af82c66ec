"""Labelled sentences: reading, writing, checking and splitting them."""
