"""Streams of named queries over WebSocket: a process of its own, for connections that stay open."""
