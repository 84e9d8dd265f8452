"""Who holds the log's lock has the interpreter to itself; nobody waits for it for long, and it never for itself."""

import threading
import time

from ledger import turns


def test_others_wait_while_the_holder_computes_and_not_a_moment_longer() -> None:
    holds, end, passed = threading.Event(), threading.Event(), threading.Event()

    def hold() -> None:
        with turns.first():
            turns.give_way()  # not to itself
            holds.set()
            end.wait()

    def work() -> None:
        while not passed.is_set():  # each wait ends by itself; only when nobody holds is there none
            before = time.monotonic()
            turns.give_way()
            if time.monotonic() - before < turns.PATIENCE / 2:
                passed.set()

    threads = [threading.Thread(target=hold), threading.Thread(target=work)]
    threads[0].start()
    holds.wait()
    threads[1].start()
    assert not passed.wait(3 * turns.PATIENCE)
    end.set()
    assert passed.wait(10)
    for thread in threads:
        thread.join()


def test_nobody_waits_when_what_the_holder_did_has_failed() -> None:
    try:
        with turns.first():
            raise RuntimeError
    except RuntimeError:
        pass
    assert turns._nobody.is_set()
