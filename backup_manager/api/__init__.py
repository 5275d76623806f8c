"""The REST API: checks who asks and what, reads and writes rows. It never waits for a backup."""
