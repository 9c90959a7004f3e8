#!/usr/bin/env python3
"""How long people who register wait while somebody is redacted from many large releases.

    benches/redaction.py target/release/plenary 300 500

starts the binary on a temporary folder (or on PLENARY_DATABASE_URL, an empty database), publishes a conference of 500
sessions, copies the release 300 times in the store, then redacts a speaker, dry and in earnest, while one client registers
without a pause. It prints how long each took, after how long nobody saw the speaker, and the slowest registrations. Copying
needs Python's sqlite3, or psql.
"""

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

TOKEN = "a-token-of-the-measurement-of-32-characters"
CONFERENCE = "/api/v1/conferences/large"
COPIED = "conference_id, released_at, author, content, full_content, updated_at, history, words"


def start(binary, folder, store):
    environment = {
        "PLENARY_LISTEN": "127.0.0.1:0",
        "PLENARY_DATABASE_URL": store,
        "PLENARY_DATA_DIR": folder,
        "PLENARY_MAIL_URL": f"file:{folder}/mail",
        "PLENARY_ADMIN_TOKEN": TOKEN,
        "PLENARY_SEED": "none",
        "PLENARY_REGISTRATIONS_PER_MINUTE": "1000000",
        "PLENARY_LOG": "warn",
    }
    process = subprocess.Popen([binary], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    url = process.stdout.readline().split()[-1]
    while "Ctrl-C" not in process.stdout.readline():
        pass
    return process, url


def call(url, method, path, body=None, **headers):
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"} | headers
    request = urllib.request.Request(url + path, body and json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


def conference(sessions):
    """So many sessions of two items each, 200 speakers, texts of a few hundred letters in two languages."""
    text = "The responsibility to protect, its record and what remains to be done by States and their partners. " * 4
    speakers = [
        {"code": f"speaker-{number}", "given_name": f"Given{number}", "family_name": f"Family{number}",
         "biography": {"en": text, "fr": text}}
        for number in range(200)
    ]
    def session(number):
        day, slot = 1 + number // 50 % 20, number % 50
        start = f"2030-05-{day:02}T{8 + slot // 5:02}:{slot % 5 * 10:02}"
        end = f"2030-05-{day:02}T{8 + slot // 5:02}:{slot % 5 * 10 + 9:02}"
        item = lambda part: {
            "code": f"item-{number}-{part}", "kind": "keynote", "title": {"en": f"Talk {number}", "fr": f"Exposé {number}"},
            "abstract": {"en": text, "fr": text},
            "appearances": [{"speaker": f"speaker-{(number + part * 7) % 200}", "role": "speaker"}],
        }
        return {"code": f"session-{number}", "kind": "parallel", "title": {"en": f"Session {number}", "fr": f"Séance {number}"},
                "abstract": {"en": text, "fr": text}, "starts_at": start, "ends_at": end, "items": [item(0), item(1)]}
    return {
        "conference": {"slug": "large", "name": "Large", "starts_on": "2030-05-01", "ends_on": "2030-05-20",
                       "time_zone": "Europe/Brussels", "languages": ["en", "fr"]},
        "speakers": speakers,
        "sessions": [session(number) for number in range(sessions)],
        "registration": {"categories": [{"code": "delegate", "name": "Delegate"}]},
    }


def copy(store, copies):
    for number in range(2, copies + 1):
        if store.startswith("sqlite:"):
            with sqlite3.connect(store.removeprefix("sqlite:"), timeout=30) as connection:
                connection.execute(f"INSERT INTO releases (id, number, {COPIED}) SELECT randomblob(16), {number}, {COPIED} "
                                   "FROM releases WHERE number = 1")
    if not store.startswith("sqlite:"):
        subprocess.run(["psql", "-q", store, "-c", f"INSERT INTO releases (id, number, {COPIED}) SELECT gen_random_uuid(), n, "
                        f"{COPIED} FROM releases, generate_series(2, {copies}) AS n WHERE number = 1"], check=True)


class Registering:
    """One client that registers without a pause until it is stopped."""

    def __init__(self, url, series):
        self.url, self.series, self.took, self.stopped = url, series, [], False
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while not self.stopped:
            form = {"category": "delegate", "given_name": "P", "family_name": "Q", "consent": True,
                    "email": f"p-{self.series}-{len(self.took)}@example.org"}
            began = time.monotonic()
            call(self.url, "POST", f"{CONFERENCE}/registrations", form)
            self.took.append(time.monotonic() - began)

    def stop(self):
        self.stopped = True
        self.thread.join()
        took = sorted(self.took)
        worst = ", ".join(f"{1000 * one:.0f}" for one in took[-3:])
        return f"{len(took)} registrations, median {1000 * took[len(took) // 2]:.0f} ms, slowest {worst} ms"


def main():
    binary, copies, sessions = os.path.abspath(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with tempfile.TemporaryDirectory() as folder:
        store = os.environ.get("PLENARY_DATABASE_URL", f"sqlite:{folder}/plenary.db")
        process, url = start(binary, folder, store)
        try:
            call(url, "PUT", f"{CONFERENCE}/blueprint", conference(sessions))
            call(url, "POST", f"{CONFERENCE}/releases", {})
            copy(store, copies)
            # Until the documents of the last copy are made, the service has other work.
            while call(url, "GET", f"{CONFERENCE}/programme")["release"]["number"] != copies:
                time.sleep(0.1)
            time.sleep(float(os.environ.get("SETTLE", "20")))
            idle = Registering(url, "idle")
            time.sleep(3)
            print("idle:", idle.stop())
            redact = f"{CONFERENCE}/agenda/speakers/speaker-7/redact"
            for name, wish in [("dry", {"dry_run": True}), ("real", {})]:
                registering = Registering(url, name)
                began = time.monotonic()
                answer = call(url, "POST", redact, wish, prefer="respond-async")
                answered = time.monotonic() - began
                while answer["state"] == "rewriting":
                    time.sleep(0.2)
                    answer = call(url, "GET", f"{CONFERENCE}/agenda/redactions/{answer['id']}")
                took = time.monotonic() - began
                print(f"{name}: answered after {answered:.2f} s, done after {took:.1f} s, {answer['releases']} releases;",
                      registering.stop())
        finally:
            process.terminate()
            process.wait()


main()
