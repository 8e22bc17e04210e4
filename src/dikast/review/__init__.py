"""The expert's page: one interaction on one screen, one keyboard, pass or fail and why.

Server-rendered, on this machine, with nothing loaded from elsewhere. A page is a frozen dataclass (`page.py`) that a
template loops over; everything else works it out.
"""
