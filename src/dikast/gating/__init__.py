"""A run against bars: what passes, what fails, what can't be told, and what would tell.

bars       the nouns: a bar, what is asked, a check, and what all of them come to
slicing    a run's verdicts and labels, whole or by a metadata value, and what has no verdict
weighing   a figure of such a part against a bar
deciding   all bars on one run
"""
