"""The follower: copies of what a leader has, verified here."""
