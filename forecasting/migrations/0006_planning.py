"""How a party orders, what was proposed and decided, and the day's routes: the party's own rows alone."""

import uuid

import django.db.models.deletion
from django.db import migrations, models

from ledger import policies


class Migration(migrations.Migration):
    dependencies = [("forecasting", "0005_arrivals")]

    operations = [
        migrations.CreateModel(
            name='Plan',
            fields=[
                ('id', models.UUIDField(default=uuid.uuid4, primary_key=True, serialize=False)),
                ('tenant', models.UUIDField()),
                ('run', models.UUIDField(help_text='The forecast run whose quantiles were used.', null=True)),
                ('origin', models.CharField(max_length=255)),
                ('tree_size', models.BigIntegerField()),
                ('root_hash', models.BinaryField()),
                ('made_at', models.DateTimeField()),
                ('routes', models.JSONField(default=dict, help_text="The day's routes, or the reason why there are none.")),
            ],
            options={
                'db_table': 'forecasting_plan',
                'ordering': ['-made_at'],
            },
        ),
        migrations.CreateModel(
            name='OrderPolicy',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tenant', models.UUIDField()),
                ('product', models.CharField(blank=True, max_length=500)),
                ('site', models.CharField(blank=True, max_length=500)),
                ('target', models.FloatField(default=0.95)),
                ('review_days', models.FloatField(default=1.0)),
                ('handling_days', models.FloatField(default=1.0, help_text='From the order until it leaves the supplier.')),
                ('pack', models.FloatField(default=1.0)),
                ('minimum', models.FloatField(default=0.0)),
            ],
            options={
                'db_table': 'forecasting_orderpolicy',
                'constraints': [models.UniqueConstraint(fields=('tenant', 'product', 'site'), name='forecasting_orderpolicy_once'), models.CheckConstraint(condition=models.Q(('minimum__gte', 0), ('pack__gt', 0), ('review_days__gt', 0), ('target__gte', 0.5), ('target__lt', 1)), name='forecasting_orderpolicy_sense')],
            },
        ),
        migrations.CreateModel(
            name='PlanLine',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tenant', models.UUIDField()),
                ('product', models.CharField(max_length=500)),
                ('site', models.CharField(max_length=500)),
                ('unit', models.CharField(blank=True, max_length=20)),
                ('series', models.BigIntegerField(help_text='The forecast series used.', null=True)),
                ('on_hand', models.FloatField(default=0)),
                ('counted_at', models.DateTimeField(null=True)),
                ('on_order', models.FloatField(default=0)),
                ('expected', models.FloatField(default=0, help_text='Demand over the protection interval.')),
                ('reorder_point', models.FloatField(default=0)),
                ('order_up_to', models.FloatField(default=0)),
                ('quantity', models.FloatField(default=0, help_text='What is proposed.')),
                ('risk', models.FloatField(default=0, help_text='Of running out before an order of now could arrive.')),
                ('risk_if_ordered', models.FloatField(default=0)),
                ('lead_days', models.FloatField(default=0, help_text='The middle of the lead time.')),
                ('lead_trips', models.PositiveIntegerField(default=0)),
                ('policy', models.JSONField(default=dict)),
                ('reason', models.TextField(blank=True, help_text='Why nothing can be proposed.')),
                ('ordered', models.FloatField(help_text='What was ordered upon it.', null=True)),
                ('order_number', models.CharField(blank=True, max_length=200)),
                ('order_index', models.BigIntegerField(help_text='The entry of the signed order.', null=True)),
                ('change_reason', models.TextField(blank=True)),
                ('decided_by', models.CharField(blank=True, max_length=200)),
                ('decided_at', models.DateTimeField(null=True)),
                ('plan', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='lines', to='forecasting.plan')),
            ],
            options={
                'db_table': 'forecasting_planline',
                'ordering': ['plan', '-risk', 'product', 'site'],
                'constraints': [models.UniqueConstraint(fields=('plan', 'product', 'site', 'unit'), name='forecasting_planline_once')],
            },
        ),
        policies.tenant_rows("forecasting_orderpolicy", scopes=False),
        policies.tenant_rows("forecasting_plan", scopes=False),
        policies.tenant_rows("forecasting_planline", scopes=False),
    ]
