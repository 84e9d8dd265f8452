"""The client of a Waylog log, for programs of trading partners: standard library and PyNaCl only.

from waylog import Client, load_key

client = Client("https://waylog.example", client_id="...", client_secret="...")
receipts = client.capture_events([body], key=load_key("partner.jwk"))
"""

from waylog.client import Client
from waylog.errors import Refused, Unreachable, WaylogError
from waylog.keyfile import load_key, new_key

__all__ = ["Client", "Refused", "Unreachable", "WaylogError", "load_key", "new_key"]
