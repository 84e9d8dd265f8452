"""Runs in shards, choices apart from nights, observations kept, and what people know beside the log."""

import uuid

import django.db.models.deletion
import django.db.models.manager
from django.db import migrations, models

from ledger import policies

class Migration(migrations.Migration):

    dependencies = [
        ('forecasting', '0002_tenants'),
    ]

    operations = [
        migrations.CreateModel(
            name='Choice',
            fields=[
                ('run', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='chosen', serialize=False, to='forecasting.forecastrun')),
                ('told', models.JSONField(help_text='By frequency, as `timeseries.engine.format_choice` writes it.')),
                ('reached', models.PositiveIntegerField(help_text='Series whose past was looked at.')),
                ('not_reached', models.PositiveIntegerField(help_text='Series that the budget left out.')),
            ],
            options={
                'db_table': 'forecasting_choice',
            },
        ),
        migrations.CreateModel(
            name='Known',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(choices=[('promotion', 'Promotion'), ('holiday', 'Holiday'), ('stockout', 'Stockout')], max_length=10)),
                ('tenant', models.UUIDField()),
                ('name', models.CharField(max_length=60)),
                ('product', models.CharField(blank=True, help_text='Empty: every product.', max_length=500)),
                ('site', models.CharField(blank=True, help_text='Empty: every site of the party.', max_length=500)),
                ('start', models.DateField()),
                ('end', models.DateField(help_text='Its last day.')),
                ('entered_by', models.CharField(max_length=160)),
                ('entered_at', models.DateTimeField(help_text='From when on it was known.')),
                ('withdrawn_at', models.DateTimeField(null=True)),
                ('withdrawn_by', models.CharField(blank=True, max_length=160)),
            ],
            options={
                'db_table': 'forecasting_known',
                'ordering': ['start', 'id'],
            },
        ),
        migrations.CreateModel(
            name='Observed',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('index', models.BigIntegerField(db_index=True)),
                ('at', models.DateTimeField()),
                ('known_at', models.DateTimeField()),
                ('quantity', models.FloatField()),
                ('attested', models.BooleanField()),
                ('origin', models.CharField(blank=True, help_text='Where the goods came from, if that was said.', max_length=500)),
                ('source', models.UUIDField(db_index=True, help_text='What a later entry withdraws it by, hashed.', null=True)),
                ('withdrawn_at', models.DateTimeField(null=True)),
                ('withdrawn_index', models.BigIntegerField(help_text='The entry that withdrew it.', null=True)),
            ],
            options={
                'db_table': 'forecasting_observed',
            },
        ),
        migrations.CreateModel(
            name='ObservedSeries',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('kind', models.CharField(max_length=20)),
                ('product', models.CharField(max_length=500)),
                ('site', models.CharField(max_length=500)),
                ('unit', models.CharField(blank=True, max_length=20)),
                ('tenant', models.UUIDField(null=True)),
                ('first_known_at', models.DateTimeField(help_text='Before this nobody could know of it.')),
                ('first_at', models.DateTimeField()),
                ('last_index', models.BigIntegerField(help_text='The newest entry that tells of it or withdraws from it.')),
            ],
            options={
                'db_table': 'forecasting_observedseries',
            },
        ),
        migrations.CreateModel(
            name='ObservedTo',
            fields=[
                ('id', models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ('tree_size', models.BigIntegerField()),
                ('root_hash', models.BinaryField()),
            ],
            options={
                'db_table': 'forecasting_observedto',
            },
        ),
        migrations.CreateModel(
            name='Outcome',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tenant', models.UUIDField(null=True)),
                ('site', models.CharField(max_length=500)),
                ('frequency', models.CharField(max_length=2)),
                ('demand_class', models.CharField(max_length=12)),
                ('period', models.DateField()),
                ('step', models.PositiveSmallIntegerField(help_text='How many periods ahead it was forecast.')),
                ('point', models.FloatField()),
                ('lower_80', models.FloatField()),
                ('upper_80', models.FloatField()),
                ('lower_95', models.FloatField()),
                ('upper_95', models.FloatField()),
                ('naive', models.FloatField(help_text='The last season repeated, from what was known when the forecast was made.')),
                ('actual', models.FloatField()),
                ('attested', models.BooleanField(help_text='Whether any of what came was told after the fact.')),
                ('seen_at', models.DateTimeField()),
            ],
            options={
                'db_table': 'forecasting_outcome',
                'ordering': ['period'],
            },
        ),
        migrations.CreateModel(
            name='Override',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tenant', models.UUIDField()),
                ('product', models.CharField(max_length=500)),
                ('site', models.CharField(max_length=500)),
                ('unit', models.CharField(blank=True, max_length=20)),
                ('frequency', models.CharField(max_length=2)),
                ('period', models.DateField()),
                ('quantity', models.FloatField()),
                ('model_quantity', models.FloatField(help_text='What the model said when it was made.')),
                ('reason', models.CharField(max_length=500)),
                ('author', models.CharField(max_length=160)),
                ('made_at', models.DateTimeField()),
                ('ended_at', models.DateTimeField(help_text='When it was withdrawn, or another took its place.', null=True)),
            ],
            options={
                'db_table': 'forecasting_override',
                'ordering': ['period', '-made_at'],
            },
        ),
        migrations.CreateModel(
            name='Tested',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('tenant', models.UUIDField(null=True)),
                ('method', models.CharField(help_text='The champion of its pool.', max_length=40)),
                ('scores', models.JSONField(default=dict, help_text='By method.')),
                ('backtest', models.JSONField(default=dict, help_text='What the champion forecast at each origin, and what came.')),
            ],
            options={
                'db_table': 'forecasting_tested',
            },
        ),
        migrations.AlterModelOptions(
            name='forecastrun',
            options={'default_manager_name': 'every', 'ordering': ['-finished_at']},
        ),
        migrations.AlterModelOptions(
            name='seriesforecast',
            options={'ordering': ['run', 'id']},
        ),
        migrations.AlterModelManagers(
            name='forecastrun',
            managers=[
                ('every', django.db.models.manager.Manager()),
            ],
        ),
        migrations.RemoveConstraint(
            model_name='seriesforecast',
            name='forecasting_series_place',
        ),
        migrations.RemoveField(
            model_name='seriesforecast',
            name='position',
        ),
        migrations.AddField(
            model_name='forecastrun',
            name='carried_count',
            field=models.PositiveIntegerField(default=0, help_text='Series taken over unchanged from earlier nights.'),
        ),
        migrations.AddField(
            model_name='forecastrun',
            name='choice',
            field=models.ForeignKey(help_text='Whose champions it uses, frozen.', null=True, on_delete=django.db.models.deletion.PROTECT, related_name='uses', to='forecasting.forecastrun'),
        ),
        migrations.AddField(
            model_name='forecastrun',
            name='gone',
            field=models.JSONField(default=list, help_text='Series of the night before that are no demand any more.'),
        ),
        migrations.AddField(
            model_name='forecastrun',
            name='error',
            field=models.TextField(blank=True, default='', help_text='Why it ended without a signature.'),
        ),
        migrations.AddField(
            model_name='forecastrun',
            name='kind',
            field=models.CharField(choices=[('forecast', 'Forecast'), ('choice', 'Choice')], default='forecast', max_length=10),
        ),
        migrations.AddField(
            model_name='forecastrun',
            name='label',
            field=models.CharField(blank=True, help_text="What the party calls it, such as a meeting's name.", max_length=80),
        ),
        migrations.AddField(
            model_name='forecastrun',
            name='number',
            field=models.PositiveIntegerField(help_text='Its place among the nightly runs, which share unchanged series.', null=True, unique=True),
        ),
        migrations.AddField(
            model_name='forecastrun',
            name='shards',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name='forecastrun',
            name='shards_left',
            field=models.PositiveIntegerField(default=0, help_text='Counts down; who takes the last one signs the run.'),
        ),
        migrations.AddField(
            model_name='forecastrun',
            name='tenant',
            field=models.UUIDField(help_text="The party whose series alone it forecasts; null for everybody's.", null=True),
        ),
        migrations.AddField(
            model_name='seriesforecast',
            name='first',
            field=models.PositiveIntegerField(help_text='The nightly run that computed it.', null=True),
        ),
        migrations.AddField(
            model_name='seriesforecast',
            name='flags',
            field=models.JSONField(default=list, help_text='What was capped before a method saw it, and why.'),
        ),
        migrations.AddField(
            model_name='seriesforecast',
            name='history_end',
            field=models.DateField(help_text='The first day after its last period.', null=True),
        ),
        migrations.AddField(
            model_name='seriesforecast',
            name='last',
            field=models.PositiveIntegerField(help_text='The last nightly run it counts in; null: still does.', null=True),
        ),
        migrations.AddField(
            model_name='seriesforecast',
            name='leaf_hash',
            field=models.BinaryField(default=bytes),
        ),
        migrations.AddField(
            model_name='seriesforecast',
            name='shares',
            field=models.JSONField(default=dict, help_text='By place of origin, of what was known lately: its lanes.'),
        ),
        migrations.AlterField(
            model_name='forecastrun',
            name='finished_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AlterField(
            model_name='forecastrun',
            name='forecast_count',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name='forecastrun',
            name='manifest_digest',
            field=models.BinaryField(null=True, unique=True),
        ),
        migrations.AlterField(
            model_name='forecastrun',
            name='series_count',
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AlterField(
            model_name='forecastrun',
            name='series_root',
            field=models.BinaryField(null=True),
        ),
        migrations.AlterField(
            model_name='forecastrun',
            name='statement_index',
            field=models.BigIntegerField(null=True, unique=True),
        ),
        migrations.AlterField(
            model_name='seriesforecast',
            name='run',
            field=models.ForeignKey(help_text='The run that computed it.', on_delete=django.db.models.deletion.CASCADE, related_name='computed', to='forecasting.forecastrun'),
        ),
        migrations.AddConstraint(
            model_name='forecastrun',
            constraint=models.CheckConstraint(condition=models.Q(('statement_index__isnull', True), models.Q(('finished_at__isnull', False), ('manifest_digest__isnull', False), ('series_root__isnull', False)), _connector='OR'), name='forecasting_run_signed_is_whole'),
        ),
        migrations.AddIndex(
            model_name='known',
            index=models.Index(fields=['tenant', 'start'], name='forecasting_known_find'),
        ),
        migrations.AddConstraint(
            model_name='known',
            constraint=models.CheckConstraint(condition=models.Q(('end__gte', models.F('start'))), name='forecasting_known_ends_later'),
        ),
        migrations.AddConstraint(
            model_name='observedseries',
            constraint=models.UniqueConstraint(fields=('product', 'site', 'unit', 'tenant', 'kind'), name='forecasting_observedseries_once', nulls_distinct=False),
        ),
        migrations.AddField(
            model_name='observed',
            name='series',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='observations', to='forecasting.observedseries'),
        ),
        migrations.AddField(
            model_name='seriesforecast',
            name='observed',
            field=models.ForeignKey(db_index=False, null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='forecasts', to='forecasting.observedseries'),
        ),
        migrations.AddIndex(
            model_name='seriesforecast',
            index=models.Index(fields=['observed', 'first'], name='forecasting_series_observed'),
        ),
        migrations.AddIndex(
            model_name='seriesforecast',
            index=models.Index(fields=['last'], name='forecasting_series_last'),
        ),
        migrations.AddConstraint(
            model_name='observedto',
            constraint=models.CheckConstraint(condition=models.Q(('id', 1)), name='forecasting_observedto_one_row'),
        ),
        migrations.AddField(
            model_name='outcome',
            name='forecast_by',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='+', to='forecasting.forecastrun'),
        ),
        migrations.AddField(
            model_name='outcome',
            name='observed',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='outcomes', to='forecasting.observedseries'),
        ),
        migrations.AddConstraint(
            model_name='override',
            constraint=models.UniqueConstraint(condition=models.Q(('ended_at__isnull', True)), fields=('tenant', 'product', 'site', 'unit', 'frequency', 'period'), name='forecasting_override_one_counts'),
        ),
        migrations.AddConstraint(
            model_name='override',
            constraint=models.CheckConstraint(condition=models.Q(('quantity__gte', 0), ('quantity__lte', 1000000000000.0), models.Q(('reason', ''), _negated=True), models.Q(('author', ''), _negated=True)), name='forecasting_override_says_why'),
        ),
        migrations.AddField(
            model_name='tested',
            name='observed',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tested', to='forecasting.observedseries'),
        ),
        migrations.AddField(
            model_name='tested',
            name='run',
            field=models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='tested', to='forecasting.forecastrun'),
        ),
        migrations.AddIndex(
            model_name='outcome',
            index=models.Index(fields=['tenant', 'period'], name='forecasting_outcome_find'),
        ),
        migrations.AddConstraint(
            model_name='outcome',
            constraint=models.UniqueConstraint(fields=('observed', 'frequency', 'period'), name='forecasting_outcome_once'),
        ),
        migrations.AddConstraint(
            model_name='tested',
            constraint=models.UniqueConstraint(fields=('observed', 'run'), name='forecasting_tested_once'),
        ),
        policies.tenant_rows("forecasting_observedseries", scopes=False),
        policies.tenant_rows("forecasting_known", scopes=False),
        policies.tenant_rows("forecasting_override", scopes=False),
        policies.tenant_rows("forecasting_tested", scopes=False),
        policies.tenant_rows("forecasting_outcome", scopes=False),
        migrations.RunSQL(
            """
            ALTER TABLE forecasting_observed ENABLE ROW LEVEL SECURITY;
            CREATE POLICY forecasting_observed_system ON forecasting_observed FOR ALL
              USING ((SELECT waylog_is_system())) WITH CHECK ((SELECT waylog_is_system()));
            """,
            """
            DROP POLICY forecasting_observed_system ON forecasting_observed;
            ALTER TABLE forecasting_observed DISABLE ROW LEVEL SECURITY;
            """,
        ),
        migrations.RunSQL(
            r"UPDATE forecasting_series SET leaf_hash = sha256('\x00'::bytea || convert_to(record, 'UTF8'))",
            migrations.RunSQL.noop,
        ),
    ]
