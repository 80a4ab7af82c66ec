"""Other people's protocols over the same scoring call."""
