#!/usr/bin/env python3
"""How fast people are registered over HTTP, against bare loops of the same statements on the same store in the same run.

    python3 benches/registering.py target/release/plenary [--seconds 10] [--stores sqlite,postgres]

The form has ten answers; one quota of the conference and one of the category make one hot row. Beside it run, with the
statements of one registration: on PostgreSQL `pgbench`, 16 clients, a transaction each; on SQLite a loop that commits
each, and one that commits 16 at a time. After each run the store is counted: nothing oversold, lost or doubled. Needs
wrk, pgbench and psql (Debian: wrk, postgresql-contrib). Everything is on 127.0.0.1.
"""

import argparse
import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid

ADMIN = "a-token-for-the-benchmark-of-32-characters"
CONNECTIONS, CLIENTS, SHARED = 64, 16, 16
SERVER = os.environ.get("PLENARY_TEST_POSTGRES", "postgres://postgres@127.0.0.1:5432/postgres")
KINDS = ["short_text", "long_text", "single_choice", "multiple_choice", "yes_no", "number", "date", "country", "email", "url"]
ANSWERS = {
    "q0": "Short", "q1": "Long text", "q2": "a", "q3": ["a", "b"], "q4": True, "q5": 3, "q6": "2030-05-01", "q7": "BE",
    "q8": "assistant@example.org", "q9": "https://example.org/",
}

# The statements of one registration: what is read under the lock, then what is written.
STEPS = {
    "lock": "SELECT conference_id FROM registration_setups WHERE conference_id = {conference} {for_update}",
    "known": "SELECT id FROM registrations WHERE conference_id = {conference} AND email_folded = {email} AND state IN "
             "('unverified', 'pending', 'confirmed', 'waitlisted')",
    "insert": "INSERT INTO registrations (id, conference_id, category_id, reference, state, arrival, given_name, family_name, "
              "email, email_folded, language, consented_at, token_generation, created_at, updated_at, answers, form_version, "
              "name_folded, badge) VALUES ({id}, {conference}, {category}, {reference}, 'confirmed', {number}, 'Person', "
              "'Example', {email}, {email}, 'en', {now}, 1, {now}, {now}, {answers}, 1, 'example person', '{{}}')",
    "event": "INSERT INTO registration_events (id, conference_id, registration_id, sequence, at, actor, event, state) VALUES "
             "({id2}, {conference}, {id}, {number}, {now}, 'attendee', 'registered', 'confirmed')",
    "message": "INSERT INTO outbox_messages (id, conference_id, kind, recipient, language, content, state, tries, next_try_at, "
               "created_at, event_id, priority, domain) VALUES ({id3}, {conference}, 'confirmed', {email}, 'en', {letter}, 'waiting', "
               "0, {now}, {now}, {id2}, 0, 'example.org')",
    "category": "UPDATE categories SET seats_taken = seats_taken + 1 WHERE id = {category} AND seats_taken < seats",
    "setup": "UPDATE registration_setups SET seats_taken = seats_taken + 1, last_arrival = {number}, last_event = {number} WHERE "
             "conference_id = {conference} AND seats_taken < seats",
}

WRK = """
local answers = [==[ANSWERS]==]
local count, thread = 0, 0
function setup(t) t:set("id", thread); thread = thread + 1 end
function request()
  count = count + 1
  local mail = string.format("person-%d-%d@example.org", id, count)
  local body = '{"category":"delegate","given_name":"Person","family_name":"Example","email":"' .. mail ..
    '","consent":true,"answers":' .. answers .. '}'
  return wrk.format("POST", "/api/v1/conferences/bench/registrations", {["content-type"] = "application/json"}, body)
end
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def blueprint():
    option = [{"code": code, "label": code} for code in "ab"]
    questions = [
        {"code": f"q{n}", "kind": kind, "label": f"Question {n}", "required": True,
         "options": option if kind.endswith("choice") else []}
        for n, kind in enumerate(KINDS)
    ]
    return {
        "conference": {"slug": "bench", "name": "Bench", "starts_on": "2030-05-01", "ends_on": "2030-05-02",
                       "time_zone": "Europe/Brussels", "languages": ["en"]},
        "registration": {"seats": 1_000_000, "categories": [{"code": "delegate", "name": "Delegate", "seats": 1_000_000}],
                         "questions": questions},
    }


class Store:
    def __init__(self, kind, folder):
        self.kind, self.folder, self.name = kind, folder, f"plenary_bench_{uuid.uuid4().hex[:12]}"
        if kind == "postgres":
            self.psql("postgres", f"CREATE DATABASE {self.name} TEMPLATE template0")
            self.url = SERVER.rsplit("/", 1)[0] + "/" + self.name
        else:
            self.path = f"{folder}/plenary.db"
            self.url = f"sqlite:{self.path}"

    def psql(self, database, statement):
        url = SERVER.rsplit("/", 1)[0] + "/" + database
        return subprocess.run(["psql", "-XqtA", url, "-c", statement], check=True, capture_output=True, text=True).stdout.strip()

    def ask(self, statement):
        if self.kind == "postgres":
            return self.psql(self.name, statement)
        with sqlite3.connect(self.path, timeout=10) as connection:
            return str(connection.execute(statement).fetchone()[0])

    def drop(self):
        if self.kind == "postgres":
            self.psql("postgres", f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")


class Service:
    def __init__(self, binary, store, folder):
        self.port = free_port()
        variables = {
            "PLENARY_LISTEN": f"127.0.0.1:{self.port}", "PLENARY_DATABASE_URL": store.url, "PLENARY_DATA_DIR": f"{folder}/data",
            "PLENARY_MAIL_URL": f"file:{folder}/mail", "PLENARY_SEED": "none", "PLENARY_ADMIN_TOKEN": ADMIN,
            "PLENARY_LOG": "error",
        }
        self.process = subprocess.Popen([binary], env=variables, cwd=folder, stdout=subprocess.PIPE, text=True)
        for line in self.process.stdout:
            if "Plenary is ready" in line:
                break
        self.variables, self.binary, self.folder = variables, binary, folder
        self.call("PUT", "/api/v1/conferences/bench/blueprint", blueprint())
        self.call("POST", "/api/v1/conferences/bench/releases", {})

    def call(self, method, path, body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", json.dumps(body).encode(), method=method,
            headers={"authorization": f"Bearer {ADMIN}", "content-type": "application/json"})
        return urllib.request.urlopen(request, timeout=60).read()

    def stop(self):
        self.process.terminate()
        self.process.wait(30)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def doctor(self):
        return subprocess.run([self.binary, "doctor"], env=self.variables, cwd=self.folder, capture_output=True, text=True)


def over_http(service, store, folder, seconds):
    script = f"{folder}/register.lua"
    with open(script, "w") as file:
        file.write(WRK.replace("ANSWERS", json.dumps(ANSWERS)))
    output = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", "-s", script, f"http://127.0.0.1:{service.port}"],
        check=True, capture_output=True, text=True).stdout
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", output)[1])
    done = int(re.search(r"(\d+) requests in", output)[1])
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)", output)
    p99 = float(p99[1]) * {"us": 0.001, "ms": 1, "s": 1000}[p99[2]]
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    service.kill()
    count = lambda statement: int(store.ask(statement))
    registered = count("SELECT count(*) FROM registrations")
    taken = [count("SELECT seats_taken FROM registration_setups"), count("SELECT seats_taken FROM categories")]
    events, messages = count("SELECT count(*) FROM registration_events"), count("SELECT count(*) FROM outbox_messages")
    assert failed is None, output
    # Those that were answered are there; up to one a connection was on its way when the load stopped.
    assert done <= registered <= done + CONNECTIONS, (done, registered)
    assert [registered] * 4 == [*taken, events, messages], (registered, taken, events, messages)
    assert count("SELECT count(DISTINCT email_folded) FROM registrations") == registered
    return rate, p99, registered


def literal(number, conference, category, postgres):
    """The values of one registration, as the statements want them."""
    def guid():
        fresh = uuid.uuid4()
        return str(fresh) if postgres else fresh.bytes
    return {"id": guid(), "id2": guid(), "id3": guid(), "conference": conference, "category": category,
            "reference": f"X-{number}", "email": f"loop-{number}@example.org", "number": 10_000_000 + number,
            "now": "2026-01-01T00:00:00.000000Z", "answers": json.dumps(ANSWERS), "letter": LETTER}


LETTER = json.dumps({key: "x" * 20 for key in ("conference", "name", "reference", "category", "link_path", "registration")} |
                    {"starts_on": "2030-05-01", "ends_on": "2030-05-02", "sessions": [], "position": None})


def steps(letters):
    """The statements of a registration, with its letter or without."""
    return [statement for name, statement in STEPS.items() if letters or name != "message"]


def sqlite_loop(store, seconds, at_once, letters=True):
    """Registrations a second of a loop that does nothing else."""
    connection = sqlite3.connect(store.path, isolation_level=None)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    conference, category = connection.execute("SELECT conference_id, id FROM categories").fetchone()
    names = ["id", "id2", "id3", "conference", "category", "reference", "email", "number", "now", "answers", "letter"]
    prepared = [statement.format(for_update="", **{name: f":{name}" for name in names}) for statement in steps(letters)]
    # Each loop has numbers of its own.
    number, began = (at_once + (0 if letters else 50)) * 10_000_000, time.perf_counter()
    first = number
    while time.perf_counter() - began < seconds:
        connection.execute("BEGIN IMMEDIATE")
        for _ in range(at_once):
            values = literal(number, conference, category, False)
            for statement in prepared:
                connection.execute(statement, values).fetchall()
            number += 1
        connection.execute("COMMIT")
    rate = (number - first) / (time.perf_counter() - began)
    connection.close()
    return rate


def pgbench(store, folder, seconds, letters=True):
    conference, category = store.ask("SELECT conference_id || '|' || id FROM categories").split("|")
    literals = {
        "id": "md5('a' || :n || ':' || :client_id)::uuid", "id2": "md5('b' || :n || ':' || :client_id)::uuid",
        "id3": "md5('c' || :n || ':' || :client_id)::uuid", "conference": f"'{conference}'", "category": f"'{category}'",
        "reference": "'X-' || :n || '-' || :client_id", "email": "'p' || :n || '-' || :client_id || '@example.org'", "number": ":n",
        "now": "now()", "answers": f"'{json.dumps(ANSWERS)}'", "letter": f"'{LETTER}'",
    }
    lines = ["\\set n random(1, 2000000000)", "BEGIN;"]
    lines += [statement.format(for_update="FOR NO KEY UPDATE", **literals) + ";" for statement in steps(letters)]
    script = f"{folder}/register.sql"
    with open(script, "w") as file:
        file.write("\n".join([*lines, "COMMIT;", ""]))
    output = subprocess.run(["pgbench", "-n", "-c", str(CLIENTS), "-j", "2", "-T", str(seconds), "-M", "simple", "-f", script,
                             store.url], check=True, capture_output=True, text=True).stdout
    return float(re.search(r"tps = ([\d.]+)", output)[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--stores", default="sqlite,postgres")
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    for kind in options.stores.split(","):
        with tempfile.TemporaryDirectory() as folder:
            store = Store(kind, folder)
            try:
                service = Service(binary, store, folder)
                rate, p99, registered = over_http(service, store, folder, options.seconds)
                print(f"{kind}: {rate:.0f} registrations/s over HTTP, p99 {p99:.1f} ms at {CONNECTIONS} connections; {registered} counted")
                if kind == "postgres":
                    bare = pgbench(store, folder, options.seconds)
                    print(f"  pgbench, {CLIENTS} clients, a transaction each: {bare:.0f}/s; ratio {rate / bare:.2f} (at least 3)")
                    silent = pgbench(store, folder, options.seconds, letters=False)
                    print(f"  without the letter {silent:.0f}/s: writing it takes {1000 * CLIENTS * (1 / bare - 1 / silent):.2f} ms")
                else:
                    each, shared = (sqlite_loop(store, options.seconds, at_once) for at_once in (1, SHARED))
                    print(f"  bare loop, a commit each: {each:.0f}/s; ratio {rate / each:.2f} (at least 1.5)")
                    print(f"  bare loop, {SHARED} a commit: {shared:.0f}/s; ratio {rate / shared:.2f} (at least 0.35)")
                    silent = sqlite_loop(store, options.seconds, 1, letters=False)
                    print(f"  without the letter {silent:.0f}/s, a commit each: writing it takes {1000 * (1 / each - 1 / silent):.2f} ms")
            finally:
                service.process.kill()
                store.drop()


if __name__ == "__main__":
    sys.exit(main())
