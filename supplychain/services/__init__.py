"""What Waylog runs on: embedded PostgreSQL and Valkey when no address is given, and the processes of `manage.py up`.

Standard library and psycopg only: this is loaded before Django reads its settings.
"""
