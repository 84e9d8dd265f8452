"""Row-level security: a party reads the series at its own sites; manifests name everybody's, and are the system's."""

from django.db import migrations

from ledger import policies


class Migration(migrations.Migration):
    dependencies = [("forecasting", "0001_initial"), ("ledger", "0002_append_only_and_tenants")]

    operations = [
        policies.tenant_rows("forecasting_series", scopes=False),
        policies.tenant_rows("forecasting_manifest", scopes=False),
    ]
