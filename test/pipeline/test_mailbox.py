import threading
import time

from approx_perception.clock import FakeClock, MonotonicClock
from approx_perception.pipeline import Mailbox, MailboxCounts


def steady_mailbox(period_ms=33.0, count=12):
    clock = FakeClock()
    mailbox = Mailbox(clock)
    for number in range(count):
        clock.advance_ms(period_ms)
        mailbox.put(number)
        assert mailbox.take(0) == number
    return clock, mailbox


def test_newest_wins():
    mailbox = Mailbox(FakeClock())
    for number in range(5):
        mailbox.put(number)
    assert mailbox.take(0) == 4
    assert mailbox.take(0) is None
    assert mailbox.counts == MailboxCounts(received=5, taken=1, replaced=4, stale=0)


def test_what_waited_a_whole_period_is_not_taken():
    clock, mailbox = steady_mailbox()
    clock.advance_ms(33)
    mailbox.put("late")
    clock.advance_ms(34)
    assert mailbox.take(0) is None
    assert mailbox.counts.stale == 1
    mailbox.put("fresh")
    clock.advance_ms(30)
    assert mailbox.take(0) == "fresh"


def test_age_counts_from_the_stamp_where_that_is_credible():
    ms = 1_000_000
    clock, mailbox = steady_mailbox()
    for age_ms, taken in ((10, False), (0, True), (-5, True), (50, True), (10**9, True)):
        clock.advance_ms(33)
        mailbox.put(age_ms, age_ms * ms)
        clock.advance_ms(30)
        assert (mailbox.take(0) is not None) == taken
        clock.advance_ms(-30)


def test_irregular_streams_lose_nothing():
    clock = FakeClock()
    mailbox = Mailbox(clock)
    for interval_ms in (10, 5000, 10, 5000, 10, 5000, 10, 5000, 10, 5000):
        clock.advance_ms(interval_ms)
        mailbox.put(interval_ms)
        clock.advance_ms(500)
        assert mailbox.take(0) == interval_ms
    assert mailbox.counts.stale == 0


def test_every_item_is_accounted_for():
    clock, mailbox = steady_mailbox()
    for busy_ms in (10, 50, 100, 20, 90):
        clock.advance_ms(33)
        mailbox.put(busy_ms)
        clock.advance_ms(busy_ms)
        mailbox.take(0)
    counts = mailbox.counts
    assert counts.received == counts.taken + counts.replaced + counts.stale


def test_a_waiting_worker_is_woken():
    mailbox = Mailbox(MonotonicClock())
    taken = []
    worker = threading.Thread(target=lambda: taken.append(mailbox.take(10)))
    worker.start()
    time.sleep(0.05)
    mailbox.put("item")
    worker.join(5)
    assert taken == ["item"]


def test_close_wakes_the_worker():
    mailbox = Mailbox(MonotonicClock())
    worker = threading.Thread(target=lambda: mailbox.take(60))
    worker.start()
    mailbox.close()
    worker.join(5)
    assert not worker.is_alive()
