"""Showing a run: terminal, HTML, spreadsheet."""
