"""Readers for what investigators have on disk. Files only: nothing here opens a connection."""
