"""The follower: copies the markers and registrations of a leader, and verifies them here."""
