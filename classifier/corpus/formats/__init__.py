"""Other tools' label files: one module a format, each with ``read`` and ``write``."""
