"""The steps of the journey, a file each: where the rooms below meet, which know nothing of each other."""
