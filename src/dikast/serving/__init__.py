"""A judge for other programs: behind an HTTP API, and as tools for coding agents (MCP)."""
