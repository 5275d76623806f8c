"""Decisions as functions of data and time: no I/O, nothing of ours imported."""
