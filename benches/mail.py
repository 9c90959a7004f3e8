#!/usr/bin/env python3
"""How fast queued confirmations leave, against lettre alone with as many connections to the same mail server.

    python3 benches/mail.py target/release/plenary [--messages 10000] [--store sqlite|postgres]

The mail server is aiosmtpd in a process of its own, which takes everything (needs aiosmtpd in this Python). The bare loop is `cargo bench
--bench mail`, which sends one of the service's own messages again and again. Afterwards the sink and the store are counted: each message
once.
"""

import argparse
import json
import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid

ADMIN = "a-token-for-the-benchmark-of-32-characters"
CONNECTIONS = 4
SERVER = os.environ.get("PLENARY_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres")
SINK = """
import asyncio, sys
from aiosmtpd.smtp import SMTP

class Sink:
    count, last = 0, b""
    async def handle_DATA(self, server, session, envelope):
        Sink.count += 1
        Sink.last = envelope.content
        if Sink.count == 1:
            open(sys.argv[1], "wb").write(envelope.content)
        return "250 OK"

async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Sink(), enable_SMTPUTF8=True), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    while True:
        await asyncio.to_thread(sys.stdin.readline)
        print(Sink.count, flush=True)

asyncio.run(main())
"""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Rows:
    """The store, as another program sees it."""

    def __init__(self, store, folder):
        self.store = store
        self.name = "plenary_mail_bench_" + uuid.uuid4().hex[:8]
        self.path = os.path.join(folder, "plenary.db")
        if store == "postgres":
            self.psql("CREATE DATABASE " + self.name, SERVER)
            self.url = SERVER.rsplit("/", 1)[0] + "/" + self.name
        else:
            self.url = "sqlite:" + self.path

    def psql(self, statement, url=None):
        done = subprocess.run(["psql", "-qAt", url or self.url, "-c", statement], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    def run(self, statement):
        if self.store == "postgres":
            return self.psql(statement)
        with sqlite3.connect(self.path, timeout=30) as connection:
            row = connection.execute(statement).fetchone()
            return str(row[0]) if row else ""

    def enqueue(self, count):
        content = json.dumps({
            "conference": "Small", "starts_on": "2030-05-01", "ends_on": "2030-05-02", "venue": "Egmont Palace, Brussels",
            "name": "Person Example", "reference": "S-12345678", "category": "Delegate", "position": None, "link_path": "/x",
            "registration": "01890000-0000-7000-8000-000000000001", "token_generation": 1,
            "calendar": {"sequence": 0, "cancelled": False}, "has_badge": True,
        }).replace("'", "''")
        numbers = ("generate_series(1, %d) n" if self.store == "postgres" else
                   "(WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %d) SELECT n FROM s)") % count
        key = "gen_random_uuid()" if self.store == "postgres" else "randomblob(16)"
        self.run(
            "INSERT INTO outbox_messages (id, conference_id, kind, recipient, language, content, state, tries, next_try_at, "
            f"created_at, priority, domain) SELECT {key}, c.id, 'confirmed', 'person-' || n || '@example.org', 'en', '{content}', "
            "'waiting', 0, '2026-01-01T00:00:00.000000Z', '2026-11-01T00:00:00.000000Z', 0, 'example.org' "
            f"FROM {numbers}, (SELECT id FROM conferences LIMIT 1) c")

    def drop(self):
        if self.store == "postgres":
            self.psql(f"DROP DATABASE {self.name} WITH (FORCE)", SERVER)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--messages", type=int, default=10_000)
    parser.add_argument("--store", default="sqlite")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = Rows(asked.store, folder)
        sample = os.path.join(folder, "sample.eml")
        sink = subprocess.Popen([sys.executable, "-c", SINK, sample], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        port = int(sink.stdout.readline())
        address = f"127.0.0.1:{free_port()}"
        environment = dict(os.environ, PLENARY_LISTEN=address, PLENARY_DATABASE_URL=rows.url, PLENARY_DATA_DIR=folder,
                           PLENARY_ADMIN_TOKEN=ADMIN, PLENARY_LOG="warn", PLENARY_MAIL_CONNECTIONS=str(CONNECTIONS))

        def serve(mail_url):
            return subprocess.Popen([asked.binary], env=dict(environment, PLENARY_MAIL_URL=mail_url),
                                    stdout=subprocess.DEVNULL)

        def wait():
            while True:
                try:
                    urllib.request.urlopen(f"http://{address}/readyz").read()
                    return
                except OSError:
                    time.sleep(0.02)

        service = serve(f"file:{folder}/mail")
        wait()
        service.terminate()
        service.wait()
        rows.enqueue(asked.messages)
        service = serve(f"smtp://127.0.0.1:{port}")
        wait()
        begun = time.monotonic()
        left = "SELECT count(*) FROM outbox_messages WHERE state = 'waiting'"
        before = int(rows.run(left))
        while int(rows.run(left)) > 0:
            time.sleep(0.1)
        drained = before / (time.monotonic() - begun)
        service.terminate()
        service.wait()
        sink.stdin.write("\n")
        sink.stdin.flush()
        came = int(sink.stdout.readline())
        sent = int(rows.run("SELECT count(*) FROM outbox_messages WHERE state = 'sent'"))
        loop = subprocess.run(["cargo", "bench", "--quiet", "--bench", "mail", "--", str(port), str(asked.messages), str(CONNECTIONS),
                               sample], check=True, capture_output=True, text=True)
        bare = float(loop.stdout.split()[-1])
        sink.kill()
        rows.drop()
    print(f"{asked.store}: {drained:.0f} messages/s drained; lettre alone {bare:.0f}/s; ratio {drained / bare:.2f} (at least 0.5)")
    print(f"  {came} came, {sent} recorded as sent, of {asked.messages}")
    if came != asked.messages or sent != asked.messages:
        sys.exit("a message was lost or doubled")


if __name__ == "__main__":
    main()
