"""Judging many: scheduling, retrying, caching and resuming."""
