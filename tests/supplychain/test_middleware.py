"""What every request passes through: a connection that is silent is trusted, one that ended is not."""

import psycopg
import pytest
from django.db import connection

from supplychain.middleware import trust_silent_connection


@pytest.mark.django_db(transaction=True)
def test_a_silent_connection_is_not_asked_and_one_that_ended_is_replaced() -> None:
    connection.ensure_connection()
    raw = connection.connection
    connection.health_check_enabled, connection.health_check_done = True, False  # as at the start of a request
    trust_silent_connection()
    assert connection.health_check_done
    with psycopg.connect(raw.info.dsn, password=raw.info.password) as other:
        other.execute("SELECT pg_terminate_backend(%s, 5000)", [raw.info.backend_pid])
    connection.health_check_done = False
    trust_silent_connection()
    assert not connection.health_check_done
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        assert cursor.fetchone() == (1,)
    assert connection.connection is not raw
