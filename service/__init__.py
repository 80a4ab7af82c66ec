"""The HTTP service: POST a text, get its narratives."""
