"""What the log tells of stock and orders is kept, so that a plan reads what is new alone."""

from django.db import migrations, models

from ledger import policies


class Migration(migrations.Migration):

    dependencies = [
        ('forecasting', '0007_arrivals_signed'),
    ]

    operations = [
        migrations.CreateModel(
            name='StockChange',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tenant', models.UUIDField()),
                ('index', models.BigIntegerField(db_index=True)),
                ('kind', models.CharField(max_length=5)),
                ('site', models.CharField(blank=True, max_length=500)),
                ('product', models.CharField(blank=True, max_length=500)),
                ('unit', models.CharField(blank=True, max_length=20)),
                ('quantity', models.FloatField()),
                ('at', models.DateTimeField()),
                ('source', models.CharField(help_text='The event, hashed: what a later entry declares wrong.', max_length=32)),
            ],
            options={
                'db_table': 'forecasting_stockchange',
                'indexes': [models.Index(fields=['tenant', 'index'], name='forecasting_stockchange_find')],
            },
        ),
        migrations.CreateModel(
            name='StockTo',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('tree_size', models.BigIntegerField()),
                ('root_hash', models.BinaryField()),
            ],
            options={
                'db_table': 'forecasting_stockto',
                'constraints': [models.CheckConstraint(condition=models.Q(('id', 1)), name='forecasting_stockto_one_row')],
            },
        ),
        policies.tenant_rows("forecasting_stockchange", scopes=False),
    ]
