"""The cache keeps its client, and what was kept."""

from django.core.cache import cache, caches


def test_one_client_serves_all_questions_of_a_thread(services):
    cache.set("waylog-test", [1], 30)
    assert (cache.get("waylog-test"), cache.get("nothing", "no")) == ([1], "no")
    assert cache.add("waylog-test", 2, 30) is False
    client = caches["default"]._cache
    assert client.get_client() is client.get_client("another", write=True)
    cache.delete("waylog-test")
    assert cache.get("waylog-test") is None
