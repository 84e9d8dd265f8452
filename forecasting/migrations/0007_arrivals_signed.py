"""What was learnt and said of arrivals is signed: which entry, which model, and the entries it was made from."""

import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('forecasting', '0006_planning'),
    ]

    operations = [
        migrations.AddField(
            model_name='arrival',
            name='batch',
            field=models.UUIDField(help_text='What was said at once: shipments on their way tell of each other.', null=True),
        ),
        migrations.AddField(
            model_name='arrival',
            name='entries',
            field=django.contrib.postgres.fields.ArrayField(base_field=models.BigIntegerField(), default=list, help_text='The entries of its events.', size=None),
        ),
        migrations.AddField(
            model_name='arrival',
            name='model',
            field=models.UUIDField(help_text='What was learnt before it was said.', null=True),
        ),
        migrations.AddField(
            model_name='arrival',
            name='signed_index',
            field=models.BigIntegerField(help_text='The entry whose root it is under.', null=True),
        ),
        migrations.AddField(
            model_name='arrival',
            name='unit',
            field=models.CharField(blank=True, help_text='What is on its way.', max_length=500),
        ),
        migrations.AddField(
            model_name='arrivalmodel',
            name='manifest',
            field=models.BinaryField(default=bytes, help_text='The exact bytes that its statement commits to.'),
        ),
        migrations.AddField(
            model_name='arrivalmodel',
            name='statement_index',
            field=models.BigIntegerField(help_text='The entry that signs it.', null=True),
        ),
        migrations.AddField(
            model_name='arrivalmodel',
            name='versions',
            field=models.JSONField(default=dict, help_text='Of everything that the numbers depend on.'),
        ),
        migrations.AlterField(
            model_name='arrivalmodel',
            name='training',
            field=models.BinaryField(help_text='The finished trips, as compressed JSON; empty once others are newer.'),
        ),
        migrations.AddIndex(
            model_name='arrival',
            index=models.Index(fields=['signed_index'], name='forecasting_arrival_signed'),
        ),
    ]
