"""Narratives over time and sources: how often, in which bursts, who said it first and who echoed it."""
