"""What users said of answers, in SQLite or PostgreSQL. Knows no corpus."""
