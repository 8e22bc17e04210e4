"""Tracing platforms, live: traces are pulled from them, and scores are pushed back."""
