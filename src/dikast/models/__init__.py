"""Answering: whatever takes a prompt and gives a reply, on this machine first."""
