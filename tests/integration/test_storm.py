#!/usr/bin/python3
"""kill -9 of a role at random, again and again, while orders run: every
order ends issued, with one certificate and one challenge mail; none is lost,
none doubled (ER-10, ER-21, AC-114, AC-118, PK-143, PK-145)."""

import os
import random
import threading
import time

from acme import Client, load_chain
from harness import DEADLINE, LONG, ROLES, case, eventually, kill, run, say
from letters import all_mails, answer

KILLS = int(os.environ.get("COUNTERSIGN_TEST_KILLS",
                           "200" if LONG else "40"))
WORKERS = 4
# One kill in this many hits the supervisor itself, which then is started
# again as a service manager would.
SUPERVISOR_IN = 20


class Worker(threading.Thread):
    """Orders one certificate after the other until it is told to stop."""

    def __init__(self, site, number, stop):
        super().__init__()
        self.site = site
        self.number = number
        self.stop = stop
        self.orders = []
        self.error = None

    def run(self):
        try:
            while not self.stop.is_set() or not self.orders:
                self.one_order()
        except Exception as e:  # told by the main thread
            self.error = e

    def one_order(self):
        """Every request is repeated until it is answered; only newOrder
        could make two of one, so a lost answer begins anew."""
        client = Client(self.site, patient=True)
        mailbox = f"alice+{self.number}-{len(self.orders)}@user.test"
        client.account()
        order = new_order(client, mailbox)
        self.orders.append(order)
        challenge = order.challenge()
        if random.random() < 0.5:
            challenge.post()
        answer(self.site, challenge)
        challenge.post()
        order.wait("ready")
        finalize(order)
        order.wait("valid")
        order.chain = load_chain(client.post(
            order.read()["certificate"], None, 200).body)


def new_order(client, mailbox):
    """A storm may take the answer away; the next order is another one."""
    return eventually(lambda: attempt(client, mailbox), "an order")


def attempt(client, mailbox):
    try:
        return client.order(mailbox)
    except AssertionError:
        return None


def finalize(order):
    """The answer may be lost, and the order be further than we know."""
    def try_once():
        if order.read()["status"] == "ready":
            order.finalize(expect=None)
        return order.read()["status"] != "ready"
    eventually(try_once, "finalize")


def kill_somebody(site):
    if random.randrange(SUPERVISOR_IN) == 0:
        site.kill_supervisor()
        site.start()
        return "supervisor"
    # One of those that run: who waited for a role that the supervisor lets
    # rest would kill it at each start, and it would never work again.
    role, pid = random.choice(sorted(eventually(site.roles,
                                                "a role to run").items()))
    kill(pid)
    return role


def storm(machines, workers, kills):
    killed = dict.fromkeys(ROLES + ["supervisor"], 0)
    for _ in range(kills):
        time.sleep(random.uniform(0.05, 0.8))
        if any(w.error for w in workers):
            break
        killed[kill_somebody(random.choice(machines))] += 1
    return killed


def test_storm(site, machines=None, kills=KILLS):
    """`machines`: those that work on the site's database, if not it alone."""
    machines = machines or [site]
    seed = int(os.environ.get("COUNTERSIGN_TEST_SEED", time.time_ns()))
    random.seed(seed)
    say(f"seed {seed}")
    stop = threading.Event()
    workers = [Worker(site, i, stop) for i in range(WORKERS)]
    for worker in workers:
        worker.start()
    try:
        killed = storm(machines, workers, kills)
    finally:
        stop.set()
        deadline = time.monotonic() + 3 * DEADLINE
        while any(w.is_alive() for w in workers):
            # What waits for its next attempt is not waited for here.
            site.make_due(wait=False)
            for worker in workers:
                worker.join(1)
            if time.monotonic() > deadline:
                break
    orders = [order for worker in workers for order in worker.orders]
    say(f"killed: {killed}; orders: {len(orders)}")
    with case(f"{sum(killed.values())} kills: every order ends issued"):
        for worker in workers:
            if worker.error:
                raise worker.error
            assert not worker.is_alive(), "an order never ended"
        assert sum(killed.values()) == kills
    with case("no order is lost: what was acknowledged is in the store"):
        for order in orders:
            assert order.read()["status"] == "valid", order.url
    with case("ER-10, AC-118: one Message-ID for each challenge"):
        copies = 0
        for order in orders:
            challenge = order.challenge()
            mails = all_mails(site, challenge.sender)
            copies += len(mails) - 1
            assert len({m.message_id for m in mails}) == 1, challenge.sender
            assert len({m.part1 for m in mails}) == 1, challenge.sender
        say(f"mails that were sent once more, as the same: {copies}")
    with case("PK-143, PK-145: one certificate for each order, the one that "
              "was downloaded"):
        for order in orders:
            rows = site.query("SELECT serial, der FROM cert "
                              "WHERE order_id = ?", order.id)
            assert len(rows) == 1, (order.id, rows)
            assert int(rows[0][0], 16) == order.chain[0].serial_number
        serials = {order.chain[0].serial_number for order in orders}
        assert len(serials) == len(orders)
    with case("ER-21, AC-114: each message was read once, each challenge "
              "proven once"):
        assert site.query("SELECT uid FROM reply GROUP BY source, "
                          "uidvalidity, uid HAVING count(*) > 1") == []
        for order in orders:
            rows = site.query("SELECT 1 FROM reply WHERE verdict = 'match' "
                              "AND challenge_id = ?", order.challenge().id)
            assert len(rows) == 1, order.url
    with case("PK-21: the audit chain has no gap"):
        seqs = [int(seq) for seq, in site.query("SELECT seq FROM audit "
                                                "ORDER BY seq")]
        assert seqs == list(range(1, len(seqs) + 1))
    with case("and the server is well afterwards"):
        for machine in machines:
            eventually(lambda m=machine: m.roles().keys() == set(ROLES),
                       "all roles")


if __name__ == "__main__":
    run({"policy.authz_valid_life": "0"}, test_storm)
