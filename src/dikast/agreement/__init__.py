"""Numbers in, numbers out: how far a judge agrees with people, each figure with its interval."""
