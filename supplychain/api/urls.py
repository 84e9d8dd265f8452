"""Addresses under /api/v1/."""

from django.urls import path, re_path
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import conditional_page
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from supplychain.api.base import Nothing
from supplychain.api.log import Log

urlpatterns = [
    path("log", conditional_page(Log.as_view()), name="api-log"),
    path("schema", gzip_page(SpectacularAPIView.as_view()), name="api-schema"),
    path("docs", SpectacularSwaggerSplitView.as_view(url_name="api-schema"), name="api-docs"),
    re_path(r"^.*$", Nothing.as_view(), name="api-nothing"),
]
