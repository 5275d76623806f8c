"""The commands of Backup Manager for the ``openstack`` command line."""
