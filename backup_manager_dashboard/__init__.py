"""Backup Manager in Horizon."""
