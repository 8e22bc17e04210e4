"""Judging one interaction: what is asked, how it is asked, and how the answer is read."""
