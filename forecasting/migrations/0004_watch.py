"""When an attempt of a job began, and what this installation carries hour by hour."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("forecasting", "0003_methods")]

    operations = [
        migrations.CreateModel(
            name='LoadSample',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('hour', models.DateTimeField(help_text='Its beginning, UTC.', unique=True)),
                ('tree_size', models.BigIntegerField()),
                ('database_bytes', models.BigIntegerField()),
                ('free_bytes', models.BigIntegerField()),
                ('job_seconds', models.FloatField()),
                ('jobs_waiting', models.PositiveIntegerField()),
                ('longest_wait_seconds', models.FloatField()),
            ],
            options={
                'db_table': 'forecasting_loadsample',
                'ordering': ['hour'],
            },
        ),
        migrations.AddField(
            model_name='job',
            name='started_at',
            field=models.DateTimeField(help_text='When the latest attempt began.', null=True),
        ),
    ]
