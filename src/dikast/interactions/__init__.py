"""Collecting: files of interactions, streamed into records, with nothing lost in silence."""
