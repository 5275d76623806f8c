"""What requests and responses look like: JSON Schema 2020-12, as OpenAPI 3.1 has it too.

Formats of our own (``text``, ``time-of-day`` and so on) are defined in ``api.validation``; what has
the format ``cron`` or ``timezone`` is checked by ``rules.recurrence``.
"""
