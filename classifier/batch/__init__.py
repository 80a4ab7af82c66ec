"""Many texts: reading records from files."""
