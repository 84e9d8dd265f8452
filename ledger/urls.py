"""Addresses of the log's public read path (C2SP tlog-tiles)."""

from django.urls import path

from ledger import views

urlpatterns = [
    path("checkpoint", views.checkpoint, name="log-checkpoint"),
    path("checkpoint/cosigned", views.cosigned, name="log-checkpoint-cosigned"),
    path("tile/<path:rest>", views.tile_at, name="log-tile"),
    path("proof/<int:index>", views.proof, name="log-proof"),
    path("consistency/<int:old>/<int:new>", views.consistency, name="log-consistency"),
]
