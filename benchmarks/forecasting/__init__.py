"""Every method and the champion on any set of series, with the definitions of forecasting/timeseries/metrics.py."""
