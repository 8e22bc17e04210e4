"""Collecting: files of interactions, streamed into records, with nothing lost in silence."""

from dikast.interactions.dataset import Dataset, open_dataset
from dikast.interactions.labels import read_labels
from dikast.interactions.rows import Reject, Tally

__all__ = ["Dataset", "Reject", "Tally", "open_dataset", "read_labels"]
