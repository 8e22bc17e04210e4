"""Traces of running systems, read from what tracing platforms, gateways and chat programs write down."""
