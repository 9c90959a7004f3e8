#!/usr/bin/env python3
"""Everything at once, for minutes, with faults; then the store is counted.

    python3 benches/soak.py target/release/plenary [--minutes 8] [--stores sqlite,postgres] [--seed 1]

Two processes on one store. People register (a third of them with an Idempotency-Key), register twice, cancel by their link;
registrars revoke, raise quotas and list; scanners check in; organisers edit and release; readers compare the programme with its
entity tag. Meanwhile a process gets `kill -9` every few seconds, a mail server in this script hangs, refuses, cuts connections and
doubles no letter, and PostgreSQL is reached through a proxy in this script that is cut and frozen. An eighth of the time is left
at the end without faults. It fails if

- an answer is 5xx and not 503, or a reader sees two bodies under one entity tag;
- a registration that was answered 201 is not in the store, or one that was answered "outcome unknown" is there more than once;
- seats are oversold, or counters and rows differ;
- a letter was accepted by the mail server twice and no process was killed or cut for it, or never;
- `plenary doctor` complains.

Needs psql (Debian: postgresql-client) and a PostgreSQL server. Everything is on 127.0.0.1.
"""

import argparse
import collections
import http.client
import json
import os
import random
import re
import select
import signal
import socket
import socketserver
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import uuid

ADMIN = "a-token-for-the-soak-of-32-characters-or-more"
SERVER = os.environ.get("PLENARY_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres")
CONFERENCE = "/api/v1/conferences/soak"
SEATS, PRESS_SEATS, WORKSHOP_SEATS = 400, 60, 40


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def blueprint():
    def session(code, hour, **more):
        return {"code": code, "kind": "thematic", "title": {"en": f"Session {code}", "fr": f"Séance {code}"}, "room": "hall",
                "starts_at": f"2030-05-01T{hour:02}:00", "ends_at": f"2030-05-01T{hour:02}:50", **more}
    return {
        "conference": {"slug": "soak", "name": {"en": "Soak", "fr": "Essai"}, "starts_on": "2030-05-01", "ends_on": "2030-05-02",
                       "time_zone": "Europe/Brussels", "languages": ["en", "fr"]},
        "rooms": [{"code": "hall", "name": "Hall"}],
        "sessions": [session(f"s{n}", 8 + n) for n in range(8)] +
                    [session("workshop", 17, access="sign_up", seats=WORKSHOP_SEATS)],
        "registration": {"seats": SEATS, "categories": [
            {"code": "delegate", "name": "Delegate"}, {"code": "press", "name": "Press", "seats": PRESS_SEATS, "offer_hours": 1}]},
    }


class Proxy(threading.Thread):
    """A way to PostgreSQL that can be cut or frozen."""

    def __init__(self, host, port):
        super().__init__(daemon=True)
        self.target, self.mode, self.pairs = (host, port), "open", []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]

    def run(self):
        while True:
            client, _ = self.listener.accept()
            if self.mode == "cut":
                client.close()
                continue
            try:
                server = socket.create_connection(self.target)
            except OSError:
                client.close()
                continue
            self.pairs.append((client, server))
            threading.Thread(target=self.pump, args=(client, server), daemon=True).start()

    def pump(self, client, server):
        peers = {client: server, server: client}
        try:
            while True:
                for ready in select.select(list(peers), [], [], 1)[0]:
                    data = ready.recv(65536)
                    while self.mode == "frozen":
                        time.sleep(0.05)
                    if not data:
                        return
                    peers[ready].sendall(data)
        except (OSError, ValueError):
            pass
        finally:
            client.close()
            server.close()

    def set(self, mode):
        self.mode = mode
        if mode == "cut":
            pairs, self.pairs = self.pairs, []
            for pair in pairs:
                for end in pair:
                    try:
                        end.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass


class MailServer(socketserver.ThreadingTCPServer):
    """Takes mail, and now and then does what mail servers do. Counts what it accepted by Message-ID."""
    allow_reuse_address, daemon_threads = True, True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), MailSession)
        self.mood, self.accepted, self.lock = "well", collections.Counter(), threading.Lock()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]


class MailSession(socketserver.StreamRequestHandler):
    def handle(self):
        try:
            self.converse()
        except OSError:
            pass

    def is_away(self, step):
        mood = self.server.mood
        if mood == f"hangs at {step}":
            # Until it is well again, or the other side has enough.
            while self.server.mood == mood and not select.select([self.connection], [], [], 0.2)[0]:
                pass
            return True
        return mood == f"cuts at {step}"

    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def converse(self):
        if self.is_away("greeting"):
            return
        self.say("220 soak ESMTP")
        while line := self.rfile.readline():
            verb = line.split(None, 1)[0].upper() if line.strip() else b""
            if verb == b"EHLO":
                self.say("250-soak")
                self.say("250-8BITMIME")
                self.say("250 SMTPUTF8")
            elif verb == b"DATA":
                if self.is_away("data"):
                    return
                self.say("354 go on")
                content = []
                while (line := self.rfile.readline()) not in (b".\r\n", b""):
                    content.append(line)
                if not line or self.is_away("dot"):
                    return
                if self.server.mood == "refuses":
                    self.say("451 later")
                    continue
                name = re.search(rb"(?im)^message-id:\s*(<[^>]+>)", b"".join(content))[1].decode()
                with self.server.lock:
                    self.server.accepted[name] += 1
                if self.is_away("reply"):
                    return
                self.say("250 taken")
            elif verb == b"QUIT":
                self.say("221 bye")
                return
            elif verb == b"MAIL" and self.server.mood == "refuses":
                self.say("450 later")
            else:
                self.say("250 ok")


class Store:
    def __init__(self, kind, folder):
        self.kind, self.name = kind, f"plenary_soak_{uuid.uuid4().hex[:12]}"
        self.proxy = None
        if kind == "postgres":
            self.psql("postgres", f"CREATE DATABASE {self.name} TEMPLATE template0")
            login, host, port = re.match(r"postgres(?:ql)?://(.*@)?([^:/]+):?(\d+)?/", SERVER).groups()
            self.proxy = Proxy(host, int(port or 5432))
            self.proxy.start()
            self.url = f"postgres://{login or ''}127.0.0.1:{self.proxy.port}/{self.name}"
        else:
            self.path = f"{folder}/plenary.db"
            self.url = f"sqlite:{self.path}"

    def psql(self, database, statement):
        url = SERVER.rsplit("/", 1)[0] + "/" + database
        return subprocess.run(["psql", "-XqtA", "-F", "|", url, "-c", statement], check=True, capture_output=True, text=True).stdout.strip()

    def rows(self, statement):
        if self.kind == "postgres":
            return [tuple(line.split("|")) for line in self.psql(self.name, statement).splitlines()]
        with sqlite3.connect(self.path, timeout=30) as connection:
            return [tuple(map(str, row)) for row in connection.execute(statement).fetchall()]

    def count(self, statement):
        return int(self.rows(statement)[0][0])

    def drop(self):
        if self.kind == "postgres":
            self.psql("postgres", f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")


class Service:
    """One of the two processes; it comes back on its port after it was killed."""

    def __init__(self, binary, store, folder, mail_port, log):
        self.port, self.binary, self.folder, self.log = free_port(), binary, folder, log
        self.variables = {
            "PLENARY_LISTEN": f"127.0.0.1:{self.port}", "PLENARY_DATABASE_URL": store.url, "PLENARY_DATA_DIR": f"{folder}/data",
            "PLENARY_MAIL_URL": f"smtp://127.0.0.1:{mail_port}", "PLENARY_SEED": "none", "PLENARY_ADMIN_TOKEN": ADMIN,
            "PLENARY_PUBLIC_URL": "http://127.0.0.1", "PLENARY_LOG": "warn", "PLENARY_LOG_FORMAT": "json",
            "PLENARY_MAIL_STEP_SECONDS": "3", "PLENARY_MAIL_FINAL_REPLY_SECONDS": "10",
        }
        self.start()

    def start(self):
        self.process = subprocess.Popen([self.binary], env=self.variables, cwd=self.folder, stdout=subprocess.DEVNULL, stderr=self.log)

    def wait(self, patience=120):
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            try:
                if request(self.port, "GET", "/readyz")[0] == 200:
                    return
            except OSError:
                pass
            if self.process.poll() is not None:
                raise SystemExit(f"a process ended by itself: {self.process.returncode}")
            time.sleep(0.05)
        raise SystemExit("a process does not become ready")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def request(port, method, path, body=None, headers=None, connection=None):
    own = connection is None
    connection = connection or http.client.HTTPConnection("127.0.0.1", port, timeout=90)
    try:
        sent = None if body is None else json.dumps(body)
        headers = {"content-type": "application/json", **(headers or {})} if sent else (headers or {})
        try:
            connection.request(method, path, sent, headers)
            answer = connection.getresponse()
            return answer.status, answer.read(), answer.headers
        except http.client.HTTPException as error:
            raise OSError(str(error)) from error
    finally:
        if own:
            connection.close()


ORGANISER = {"authorization": f"Bearer {ADMIN}"}


class Soak:
    def __init__(self, services, seed):
        self.services, self.random = services, random.Random(seed)
        self.stopping = threading.Event()
        self.lock = threading.Lock()
        self.statuses, self.slow = collections.Counter(), collections.Counter()
        self.registered, self.unknown, self.refused, self.cut = {}, set(), set(), set()
        self.cancelled, self.bodies, self.faults = set(), {}, []
        self.slowest, self.scans, self.releases = 0.0, 0, 0
        self.number = 0

    def fail(self, words):
        with self.lock:
            self.faults.append(words)

    def ask(self, what, method, path, body=None, headers=None):
        """One request to one of the two processes. None where the connection was cut."""
        began = time.monotonic()
        try:
            status, text, answered = request(self.random.choice(self.services).port, method, path, body, headers)
        except OSError:
            with self.lock:
                self.statuses[f"{what} cut"] += 1
            return None
        with self.lock:
            self.statuses[f"{what} {status}"] += 1
            self.slowest = max(self.slowest, time.monotonic() - began)
        if status >= 500 and status != 503:
            self.fail(f"{method} {path.split('?')[0]} answered {status}: {text[:300]}")
        return status, text, answered

    def fresh(self):
        with self.lock:
            self.number += 1
            return self.number

    def person(self, number):
        form = {"category": "press" if number % 7 == 0 else "delegate", "given_name": "Person", "family_name": f"Nr {number}",
                "email": f"person-{number}@example.org", "consent": True}
        if number % 5 == 0:
            form["sessions"] = ["workshop"]
        return form

    def register(self):
        number = self.fresh()
        form, headers = self.person(number), {}
        if number % 3 == 0:
            headers["idempotency-key"] = f"key-{number}"
        answer = self.ask("register", "POST", f"{CONFERENCE}/registrations", form, headers)
        address = form["email"]
        if answer is None or (answer[0] == 503 and b"outcome-unknown" in answer[1]):
            (self.cut if answer is None else self.unknown).add(address)
            # What everybody does who got no answer: again.
            answer = self.ask("repeat", "POST", f"{CONFERENCE}/registrations", form, headers)
        elif answer[0] == 503:
            self.refused.add(address)
            return
        if answer and answer[0] == 201:
            receipt = json.loads(answer[1])
            self.registered[address] = receipt["reference"]
            if number % 4 == 0:
                self.cancel(address, receipt)
            elif number % 11 == 0:
                self.ask("revoke", "POST", f"{CONFERENCE}/registrations/revoke",
                         {"references": [receipt["reference"]], "reason": "A trial."}, ORGANISER)
            elif number % 6 == 0:
                self.scan(receipt["reference"])
            elif number % 13 == 0:
                twice = self.ask("register again", "POST", f"{CONFERENCE}/registrations", form)
                if twice and twice[0] == 201:
                    self.fail(f"{address} was registered twice")

    def cancel(self, address, receipt):
        links = receipt.get("links") or {}
        token = re.search(r"token=([^&\"]+)", json.dumps(links))
        if not token:
            return self.fail(f"a receipt without a link: {receipt}")
        path = f"{CONFERENCE}/registrations/{receipt['reference']}/cancel?token={token[1]}"
        answer = self.ask("cancel", "POST", path, {})
        if answer and answer[0] == 200:
            self.cancelled.add(address)

    def scan(self, reference):
        answer = self.ask("scan", "POST", f"{CONFERENCE}/check-ins",
                          {"check_ins": [{"id": str(uuid.uuid4()), "gate": "main", "reference": reference}]}, ORGANISER)
        if answer and answer[0] == 200:
            with self.lock:
                self.scans += 1

    def read(self):
        answer = self.ask("read", "GET", f"{CONFERENCE}/programme")
        if answer and answer[0] == 200:
            tag, body = answer[2]["etag"], answer[1]
            with self.lock:
                known = self.bodies.setdefault(tag, body)
            if known != body:
                self.fail(f"two bodies under {tag}")

    def organise(self):
        title = f"Session {self.random.randint(1, 1000)}"
        edited = self.ask("edit", "PATCH", f"{CONFERENCE}/agenda/sessions/s{self.random.randint(0, 7)}", {"title": title}, ORGANISER)
        if edited and edited[0] == 200:
            released = self.ask("release", "POST", f"{CONFERENCE}/releases", {}, ORGANISER)
            if released and released[0] == 201:
                with self.lock:
                    self.releases += 1
        self.ask("list", "GET", f"{CONFERENCE}/registrations?limit=200&state=confirmed", None, ORGANISER)
        self.ask("statistics", "GET", f"{CONFERENCE}/statistics", None, ORGANISER)
        time.sleep(1)

    def repeat(self, act):
        while not self.stopping.is_set():
            act()

    def disturb(self, until, proxy, mail):
        """A fault every few seconds, until a time."""
        kills = 0
        moods = ["hangs at greeting", "hangs at data", "hangs at dot", "hangs at reply", "cuts at greeting", "cuts at dot",
                 "cuts at reply", "refuses"]
        cuts = collections.Counter()
        while time.monotonic() < until:
            time.sleep(self.random.uniform(2, 5))
            chance = self.random.random()
            if chance < 0.45:
                killed = self.random.choice(self.services)
                killed.kill()
                time.sleep(self.random.uniform(0, 0.5))
                killed.start()
                killed.wait()
                kills += 1
            elif chance < 0.75 or proxy is None:
                mail.mood = self.random.choice(moods)
                cuts[mail.mood] += 1
                time.sleep(self.random.uniform(2, 6))
                mail.mood = "well"
            else:
                mode = self.random.choice(["cut", "frozen"])
                cuts[f"PostgreSQL {mode}"] += 1
                proxy.set(mode)
                time.sleep(self.random.uniform(1, 8))
                proxy.set("open")
        mail.mood = "well"
        return kills, cuts


def judge(soak, store, mail, services, kills, folder):
    """What the store says in the end; every sentence that does not hold is a fault."""
    fail = soak.fail
    rows = store.rows("SELECT email_folded, state, reference FROM registrations")
    by_address = collections.defaultdict(list)
    for address, state, reference in rows:
        by_address[address].append((state, reference))
    for address, reference in soak.registered.items():
        if reference not in [known for _, known in by_address[address]]:
            fail(f"{address} was answered 201 and is not there")
    for address in by_address:
        if len(by_address[address]) > 1:
            fail(f"{address} is registered {len(by_address[address])} times")
    for address in soak.refused - set(soak.registered) - soak.unknown - soak.cut:
        if by_address.get(address):
            fail(f"{address} was answered 503 and is registered")
    for address in soak.cancelled:
        if by_address[address] and by_address[address][0][0] != "cancelled":
            fail(f"{address} has cancelled and is {by_address[address][0][0]}")
    holders = store.count("SELECT count(*) FROM registrations WHERE state = 'confirmed' OR (state = 'waitlisted' AND "
                          "offer_expires_at IS NOT NULL)")
    taken = store.count("SELECT seats_taken FROM registration_setups")
    if not holders == taken <= SEATS:
        fail(f"{holders} hold a seat, {taken} are counted, there are {SEATS}")
    letters = store.rows("SELECT id, state FROM outbox_messages")
    states = collections.Counter(state for _, state in letters)
    if set(states) - {"sent"}:
        fail(f"letters that were not sent: {dict(states)}")
    if store.kind == "sqlite":
        letters = [(identity, state) for identity, state in store.rows("SELECT lower(hex(id)), state FROM outbox_messages")]
    accepted = collections.Counter()
    for name, count in mail.accepted.items():
        accepted[re.sub(r"[^0-9a-f]", "", name.split("@")[0].lower())] += count
    never = [identity for identity, _ in letters if not accepted[re.sub("[^0-9a-f]", "", identity.lower())]]
    if never:
        fail(f"{len(never)} letters were recorded as sent and never came")
    doctor = subprocess.run([services[0].binary, "doctor"], env=services[0].variables, cwd=folder, capture_output=True, text=True)
    if doctor.returncode != 0:
        fail(f"doctor: {doctor.stdout} {doctor.stderr}")
    return rows, taken, len(letters), sum(count - 1 for count in mail.accepted.values())


def run(kind, binary, minutes, seed):
    with tempfile.TemporaryDirectory() as folder, open(f"{folder}/log", "w") as log:
        store, mail = Store(kind, folder), MailServer()
        services = []
        try:
            for _ in range(2):
                services.append(Service(binary, store, folder, mail.port, log))
                services[-1].wait()
            for method, path, body in [("PUT", f"{CONFERENCE}/blueprint", blueprint()), ("POST", f"{CONFERENCE}/releases", {})]:
                status, text, _ = request(services[0].port, method, path, body, ORGANISER)
                assert status in (200, 201), text
            for service in services:
                # The other process hears of the release within a second.
                while request(service.port, "GET", f"{CONFERENCE}/programme")[0] != 200:
                    time.sleep(0.05)
            soak = Soak(services, seed)
            acts = [soak.register] * 6 + [soak.read] * 2 + [soak.organise]
            threads = [threading.Thread(target=soak.repeat, args=(act,), daemon=True) for act in acts]
            began = time.monotonic()
            for thread in threads:
                thread.start()
            kills, cuts = soak.disturb(began + minutes * 60 * 7 / 8, store.proxy, mail)
            time.sleep(max(0, began + minutes * 60 - time.monotonic()))
            soak.stopping.set()
            for thread in threads:
                thread.join(100)
            deadline = time.monotonic() + 400
            waiting = "SELECT count(*) FROM outbox_messages WHERE state = 'waiting'"
            while store.count(waiting) and time.monotonic() < deadline:
                time.sleep(0.5)
            codes = [service.stop() for service in services]
            if codes != [0, 0]:
                soak.fail(f"the processes ended with {codes}")
            rows, taken, letters, doubles = judge(soak, store, mail, services, kills, folder)
            with open(f"{folder}/log") as lines:
                panics = [line for line in lines if "panicked" in line]
            if panics:
                soak.fail(f"panics: {panics[:3]}")
            total = sum(soak.statuses.values())
            print(f"{kind}: {minutes} minutes, {total} requests, {kills} x kill -9, {dict(cuts)}")
            print(f"  {len(rows)} registrations ({len(soak.registered)} answered 201, {len(soak.unknown)} outcome unknown, {len(soak.cut)} cut,"
                  f" {len(soak.refused)} refused by 503), {taken} seats taken, {soak.scans} scans, {soak.releases} releases")
            print(f"  {letters} letters, {doubles} repeated under their Message-ID; slowest answer {soak.slowest:.1f} s")
            print(f"  {dict(sorted(soak.statuses.items()))}")
            for words in soak.faults[:20]:
                print(f"  WRONG: {words}")
            return not soak.faults
        finally:
            for service in services:
                if service.process.poll() is None:
                    service.kill()
            store.drop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--stores", default="sqlite,postgres")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    results = [run(kind, os.path.abspath(asked.binary), asked.minutes, asked.seed) for kind in asked.stores.split(",")]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
