"""Personal data and secrets: found in texts, and replaced by pseudonyms that a judge can follow."""
