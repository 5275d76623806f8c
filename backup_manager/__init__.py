"""Backup Manager: scheduled protection for the volumes of an OpenStack cloud."""
