"""The only room with SQL: answers, runs and verdicts, kept."""
