#!/usr/bin/env python3
"""What a registrar waits for with many registrations: pages of lists, exports, statistics, at two sizes in the same run.

    python3 benches/registrations_list.py target/release/plenary [--store sqlite] [--sizes 1000,1000000] [--rounds 30] [--lists-only]

`--store postgres` needs `psql` and a server at PLENARY_TEST_POSTGRES_URL (default postgres://postgres@127.0.0.1:5432/postgres);
each size has a database of its own there, dropped afterwards. Rows are written into the store itself, past the service.
"""

import argparse
import http.client
import json
import os
import random
import shutil
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid

ADMIN = "a-token-for-the-benchmark-of-32-characters"
SERVER = os.environ.get("PLENARY_TEST_POSTGRES_URL", "postgres://postgres@127.0.0.1:5432/postgres")
PATH = "/api/v1/conferences/large"
COUNTRIES = "AF AL DZ AD AO AR AM AU AT AZ BE BR BG CA CN CO HR CZ DK EG FI FR DE GR HU IN ID IE IT JP KE LU MX NL NO".split()
DIETS = ["none", "vegan", "vegetarian", "halal", "kosher"]
SYLLABLES = "ba be bi da do du fa ga ka ki la le lo ma me mo na no pa ra re ro sa se ta te to va ve zo".split()
MEMORY_MB = 64

# What is asked for: its name, the query, and whether it is one of those that the ratio is wanted of.
LISTS = [
    ("first page", ""),
    ("last page first", "?sort=-arrival"),
    ("by name", "?sort=name"),
    ("latest changes", "?sort=-updated"),
    ("the queue: state=pending (5 in 100)", "?state=pending"),
    ("the queue by name", "?state=pending&sort=name"),
    ("state=pending,waitlisted", "?state=pending,waitlisted"),
    ("state=revoked (5 in all)", "?state=revoked"),
    ("a category of five", "?category=c3"),
    ("a country", "?country=BE"),
    ("a country's queue in a category, by name", "?country=BE&state=pending&category=c3&sort=name"),
    ("a delegation", "?delegation=be"),
    ("answer=diet:vegan", "?answer=diet:vegan"),
    ("two answers", "?answer=diet:vegan,visa:yes"),
    ("checked in", "?checked_in=true"),
    ("confirmed, not checked in", "?checked_in=false&state=confirmed"),
    ("possible duplicates", "?duplicates=true"),
    ("a session", "?session=workshop"),
    ("q: a name", "?q=bakalo"),
    ("q: an address", "?q=person-77@"),
    ("q: a given name", "?q=zoro"),
]


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def blueprint():
    options = [{"code": code, "label": code} for code in DIETS]
    texts = [{"code": f"text-{number}", "kind": "short_text", "label": f"Text {number}"} for number in range(6)]
    return {
        "conference": {"slug": "large", "name": "Large", "starts_on": "2030-05-01", "ends_on": "2030-05-02",
                       "time_zone": "Europe/Brussels", "languages": ["en"]},
        "rooms": [{"code": "hall", "name": "Hall"}],
        "sessions": [{"code": "workshop", "kind": "parallel", "title": "Workshop", "starts_at": "2030-05-01T09:00",
                      "ends_at": "2030-05-01T10:00", "room": "hall"}],
        "registration": {
            "categories": [{"code": f"c{number}", "name": f"Category {number}"} for number in range(5)],
            "questions": [
                {"code": "diet", "kind": "single_choice", "label": "Diet", "options": options},
                {"code": "days", "kind": "multiple_choice", "label": "Days", "options": options},
                {"code": "visa", "kind": "yes_no", "label": "Visa"},
                {"code": "age", "kind": "number", "label": "Age"},
                *texts,
            ],
        },
    }


class Sqlite:
    def __init__(self, folder):
        self.url = f"sqlite:{folder}/plenary.db"
        self.path = f"{folder}/plenary.db"

    def one(self, statement):
        with sqlite3.connect(self.path) as connection:
            return [row[0] for row in connection.execute(statement)]

    def fill(self, tables):
        connection = sqlite3.connect(self.path)
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("PRAGMA cache_size = -1000000")
        for table, columns, rows in tables:
            marks = ", ".join("?" * len(columns))
            connection.executemany(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({marks})", rows())
        connection.execute("UPDATE registration_setups SET last_arrival = (SELECT count(*) FROM registrations)")
        connection.commit()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()

    def id(self, value=None):
        return value if value is not None else uuid.UUID(int=random.getrandbits(128), version=4).bytes

    def drop(self):
        pass


class Postgres:
    def __init__(self, _):
        self.name = f"plenary_bench_{uuid.uuid4().hex[:12]}"
        self.psql(SERVER, f"CREATE DATABASE {self.name} TEMPLATE template0")
        self.url = SERVER.rsplit("/", 1)[0] + "/" + self.name

    def psql(self, url, statement, lines=None):
        process = subprocess.Popen(["psql", "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", url, "-c", statement],
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for line in lines or ():
            process.stdin.write(line)
        output = process.communicate()[0]
        if process.returncode:
            sys.exit(f"psql failed: {statement[:200]}")
        return output

    def one(self, statement):
        return self.psql(self.url, statement).split()

    def fill(self, tables):
        def line(row):
            cells = ("\\N" if cell is None else str(cell).replace("\\", "\\\\") for cell in row)
            return "\t".join(cells) + "\n"
        for table, columns, rows in tables:
            self.psql(self.url, f"COPY {table} ({', '.join(columns)}) FROM STDIN", (line(row) for row in rows()))
        self.psql(self.url, "UPDATE registration_setups SET last_arrival = (SELECT count(*) FROM registrations)")
        # What its own housekeeping does soon after.
        self.psql(self.url, "VACUUM ANALYZE")

    def id(self, value=None):
        return value if value is not None else str(uuid.UUID(int=random.getrandbits(128), version=4))

    def drop(self):
        self.psql(SERVER, f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")


def tables(store, size):
    """Rows as the service would have written them; the same whatever the store."""
    random.seed(7)
    conference = store.id(store.one("SELECT id FROM conferences")[0])
    categories = store.one("SELECT id FROM categories ORDER BY ordinal")
    session = store.one("SELECT id FROM sessions")[0]
    ids = [store.id() for _ in range(size)]
    at = lambda number: f"2030-{1 + number * 3 // size:02}-{1 + number * 80 // size % 28:02}T{number % 24:02}:{number % 60:02}:{number // 60 % 60:02}.000000Z"
    word = lambda length: "".join(random.choice(SYLLABLES) for _ in range(length))

    def state(number):
        if number % (size // 5) == 17:
            return "revoked"
        return {0: "pending", 1: "waitlisted", 2: "cancelled"}.get(number * 7 % 20, "confirmed")

    def registrations():
        for number in range(size):
            given, family = word(2), word(3)
            answers = {"diet": random.choice(DIETS), "days": random.sample(DIETS, 2), "visa": number % 3 == 0, "age": number % 80,
                       **{f"text-{index}": word(6) for index in range(6)}}
            yield (ids[number], conference, categories[number % 5], f"L-{number:08}", state(number), number + 1, given.title(),
                   family.title(), f"person-{number}@example.org", f"person-{number}@example.org", f"Organisation {word(4)}",
                   random.choice(COUNTRIES), "en", at(number), 1, at(number), at(number), json.dumps(answers), 1,
                   f"{family} {given}", "{}")

    columns = ["id", "conference_id", "category_id", "reference", "state", "arrival", "given_name", "family_name", "email",
               "email_folded", "organisation", "country", "language", "consented_at", "token_generation", "created_at",
               "updated_at", "answers", "form_version", "name_folded", "badge"]
    delegations = {country: store.id() for country in COUNTRIES}
    now = "2030-01-01T00:00:00.000000Z"

    def of_delegations():
        for country, key in delegations.items():
            yield (key, conference, country.lower(), "member_state", json.dumps({"en": country}), country.lower(), country,
                   categories[0], 0, 1, now, now)

    def members():
        for number in range(0, size, 100):
            yield ids[number], delegations[COUNTRIES[number // 100 % len(COUNTRIES)]], False, "other"

    def check_ins():
        for sequence, number in enumerate(range(0, size, 3)):
            yield (store.id(), conference, ids[number], ["north", "south"][number % 2],
                   f"2030-05-0{1 + number % 2}T08:00:00.000000Z", now, sequence, "admitted", "scanner", "")

    def duplicates():
        for number in range(1, size, 1000):
            yield store.id(), conference, ids[number], ids[number - 1], "organisation", "open", now

    def sign_ups():
        for number in range(0, size, 5):
            yield ids[number], session, "confirmed", number, now

    return [
        ("registrations", columns, registrations),
        ("delegations", ["id", "conference_id", "code", "kind", "name", "name_folded", "country", "category_id", "members",
                         "token_generation", "created_at", "updated_at"], of_delegations),
        ("delegation_members", ["registration_id", "delegation_id", "is_head", "level"], members),
        ("check_ins", ["id", "conference_id", "registration_id", "gate", "at", "received_at", "sequence", "outcome", "actor",
                       "request_digest"], check_ins),
        ("possible_duplicates", ["id", "conference_id", "registration_id", "earlier_id", "reason", "state", "created_at"],
         duplicates),
        ("session_quotas", ["session_id", "conference_id", "seats", "seats_taken"], lambda: [(session, conference, None, size // 5)]),
        ("session_sign_ups", ["registration_id", "session_id", "state", "arrival", "created_at"], sign_ups),
    ]


class Plenary:
    def __init__(self, binary, folder, url):
        self.port = free_port()
        variables = {
            "PLENARY_LISTEN": f"127.0.0.1:{self.port}", "PLENARY_DATABASE_URL": url, "PLENARY_DATA_DIR": f"{folder}/data",
            "PLENARY_MAIL_URL": f"file:{folder}/mail", "PLENARY_SEED": "none", "PLENARY_ADMIN_TOKEN": ADMIN, "PLENARY_LOG": "warn",
        }
        self.process = subprocess.Popen([binary], env=variables, cwd=folder, stdout=subprocess.PIPE)
        for line in self.process.stdout:
            if b"Ctrl-C" in line:
                break
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=3600)

    def send(self, method, path, body=None):
        """The answer's body: read piece by piece and counted where it is long."""
        headers = {"Authorization": f"Bearer {ADMIN}", "Content-Type": "application/json"}
        self.connection.request(method, path, json.dumps(body) if body is not None else None, headers)
        answer = self.connection.getresponse()
        if "attachment" in answer.headers.get("Content-Disposition", ""):
            length = 0
            while piece := answer.read(1 << 20):
                length += len(piece)
            return length
        content = answer.read()
        if answer.status >= 400:
            sys.exit(f"{method} {path}: {answer.status} {content[:2000]}")
        return json.loads(content)

    def status(self, name):
        with open(f"/proc/{self.process.pid}/status") as status:
            return next(int(line.split()[1]) / 1024 for line in status if line.startswith(name))

    def peak(self, path):
        """How long an answer takes, its length, and by how much the process grows meanwhile."""
        with open(f"/proc/{self.process.pid}/clear_refs", "w") as refs:
            refs.write("5")
        before, started = self.status("VmRSS"), time.perf_counter()
        length = self.send("GET", path)
        return time.perf_counter() - started, length, self.status("VmHWM") - before

    def stop(self):
        self.process.terminate()
        self.process.wait()


def median(plenary, path, rounds):
    times = []
    for number in range(rounds + 3):
        started = time.perf_counter()
        page = plenary.send("GET", path)
        times.append(time.perf_counter() - started)
    return statistics.median(times[3:]) * 1000, page


def measure(binary, kind, size, rounds, exports):
    folder = tempfile.mkdtemp(prefix="plenary-bench-")
    store = kind(folder)
    found, plenary = {}, None
    try:
        plenary = Plenary(binary, folder, store.url)
        plenary.send("PUT", f"{PATH}/blueprint", blueprint())
        plenary.send("POST", f"{PATH}/releases", {})
        plenary.stop()
        started = time.perf_counter()
        store.fill(tables(store, size))
        print(f"{size:,} rows written in {time.perf_counter() - started:.0f} s", file=sys.stderr)
        plenary = Plenary(binary, folder, store.url)
        for name, query in LISTS:
            found[name], page = median(plenary, f"{PATH}/registrations{query}", rounds)
            print(f"{size:,} {name}: {found[name]:.1f} ms, {len(page['data'])} rows", file=sys.stderr)
        page = plenary.send("GET", f"{PATH}/registrations?sort=name")
        for _ in range(5):
            page = plenary.send("GET", page["next"])
        found["a page further on, by name"], _ = median(plenary, page["next"], rounds)
        found["statistics"], counts = median(plenary, f"{PATH}/statistics", max(1, rounds // 10))
        assert counts["registrations"] == size and counts["checked_in"] == len(range(0, size, 3))
        for ending in exports:
            found[ending] = plenary.peak(f"{PATH}/registrations.{ending}")
            print(f"{size:,} {ending}: {found[ending]}", file=sys.stderr)
    finally:
        if plenary is not None:
            plenary.stop()
        store.drop()
        shutil.rmtree(folder, ignore_errors=True)
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--store", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--sizes", default="1000,1000000")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--lists-only", action="store_true", help="no exports, which take minutes")
    options = parser.parse_args()
    exports = () if options.lists_only else ("csv", "xlsx")
    binary = os.path.abspath(options.binary)
    kind = {"sqlite": Sqlite, "postgres": Postgres}[options.store]
    sizes = [int(size) for size in options.sizes.split(",")]
    small, large = (measure(binary, kind, size, options.rounds, exports) for size in sizes)
    print(f"| {options.store} | {sizes[0]:,} | {sizes[1]:,} | ratio | wanted |\n|---|---|---|---|---|")
    for name in [name for name, _ in LISTS] + ["a page further on, by name", "statistics"]:
        wanted = "" if name == "statistics" else "1.5 x"
        print(f"| {name} | {small[name]:.1f} ms | {large[name]:.1f} ms | {large[name] / small[name]:.2f} x | {wanted} |")
    for ending in exports:
        cell = lambda found: f"{found[ending][0]:.1f} s, {found[ending][1] / 1e6:.1f} MB, memory +{found[ending][2]:.0f} MB"
        print(f"| {ending} | {cell(small)} | {cell(large)} | | +{MEMORY_MB} MB |")


main()
