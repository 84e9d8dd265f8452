"""Row-level security on every projection: its tenant reads it, and the readers of its scopes."""

from django.db import migrations

from ledger import policies

PROJECTIONS = (
    "supplychain_event",
    "supplychain_eventobject",
    "supplychain_sensorreading",
    "supplychain_shipment",
    "supplychain_shipmentline",
)


class Migration(migrations.Migration):
    dependencies = [("supplychain", "0001_initial"), ("ledger", "0002_append_only_and_tenants")]

    operations = [policies.tenant_rows(table) for table in PROJECTIONS]
