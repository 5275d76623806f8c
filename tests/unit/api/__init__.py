"""Tests of the REST API: the real application on a real database, with a pretended Keystone."""
