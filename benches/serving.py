#!/usr/bin/env python3
"""How fast the programme is served, against nginx on the same bytes in the same run.

    python3 benches/serving.py target/release/plenary [--seconds 10] [--rounds 3]

Needs nginx and wrk (Debian: nginx-light, wrk). Everything runs on 127.0.0.1 in a folder of its own.
"""

import argparse
import gzip
import http.client
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

ADMIN = "a-token-for-the-benchmark-of-32-characters"
TRACKS, ROOMS, DAYS = 12, 10, 4


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def text(words, number):
    return {"en": f"{words} {number}", "fr": f"{words} {number} (fr)", "nl": f"{words} {number} (nl)"}


def blueprint(slug, sessions):
    """A conference of three languages with so many sessions, each with a keynote and a panel."""
    prose = "What states, institutions and civil society can do, and when it is too late to do it; with examples. " * 2
    days = [f"2030-05-{day + 1:02}" for day in range(DAYS)]
    per_day = -(-sessions // DAYS)
    found = []
    for number in range(sessions):
        place = number % per_day
        slot, room = divmod(place, ROOMS)
        minutes = 8 * 60 + slot * 25
        start, end = (f"{m // 60:02}:{m % 60:02}" for m in (minutes, minutes + 20))
        day = days[number // per_day]
        speakers = [(number * 3 + offset) % max(sessions, 8) for offset in range(3)]
        found.append({
            "code": f"session-{number}", "kind": "parallel", "title": text("On the prevention of atrocities", number),
            "abstract": {"en": prose, "fr": prose}, "starts_at": f"{day}T{start}", "ends_at": f"{day}T{end}",
            "room": f"room-{room}", "track": f"track-{number % TRACKS}", "languages": ["en", "fr"],
            "items": [
                {"code": f"keynote-{number}", "kind": "keynote", "title": text("Keynote", number), "time_limit_minutes": 5,
                 "appearances": [{"speaker": f"speaker-{speakers[0]}", "role": "keynote_speaker"}]},
                {"code": f"panel-{number}", "kind": "panel", "title": text("Panel", number), "time_limit_minutes": 15,
                 "appearances": [{"speaker": f"speaker-{speaker}", "role": "panellist"} for speaker in speakers[1:]]},
            ],
        })
    return {
        "conference": {"slug": slug, "name": text("Conference", 1), "starts_on": days[0], "ends_on": days[-1],
                       "time_zone": "Europe/Brussels", "languages": ["en", "fr", "nl"]},
        "rooms": [{"code": f"room-{number}", "name": text("Room", number)} for number in range(ROOMS)],
        "tracks": [{"code": f"track-{number}", "name": text("Track", number)} for number in range(TRACKS)],
        "speakers": [{"code": f"speaker-{number}", "given_name": "Given", "family_name": f"Family {number}",
                      "position": text("Professor", number)} for number in range(max(sessions, 8))],
        "sessions": found,
    }


class Plenary:
    def __init__(self, binary, folder, seed="none"):
        self.port = free_port()
        variables = {
            "PLENARY_LISTEN": f"127.0.0.1:{self.port}", "PLENARY_DATABASE_URL": f"sqlite:{folder}/plenary.db",
            "PLENARY_DATA_DIR": f"{folder}/data", "PLENARY_MAIL_URL": f"file:{folder}/mail", "PLENARY_SEED": seed,
            # As nginx's access log is off.
            "PLENARY_ADMIN_TOKEN": ADMIN, "PLENARY_LOG": "warn",
        }
        started = time.perf_counter()
        self.process = subprocess.Popen([binary], env=variables, cwd=folder, stdout=subprocess.PIPE)
        for line in self.process.stdout:
            if b"Ctrl-C" in line:
                break
        self.get("/healthz")
        self.start_seconds = time.perf_counter() - started

    def send(self, method, path, body=None, headers=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        given = {"Authorization": f"Bearer {ADMIN}", "Content-Type": "application/json", **(headers or {})}
        connection.request(method, path, json.dumps(body) if body is not None else None, given)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        if answer.status >= 400:
            sys.exit(f"{method} {path}: {answer.status} {content[:2000]}")
        return answer, content

    def get(self, path, **headers):
        return self.send("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def publish(self, document):
        path = f"/api/v1/conferences/{document['conference']['slug']}"
        self.send("PUT", f"{path}/blueprint", document)
        self.send("POST", f"{path}/releases", {})

    def resident_mb(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()


class Nginx:
    def __init__(self, folder):
        self.port, self.folder = free_port(), folder
        os.makedirs(f"{folder}/www")
        os.chmod(folder, 0o755)
        with open(f"{folder}/nginx.conf", "w") as settings:
            settings.write(f"""
                user root; worker_processes 2; pid {folder}/nginx.pid; error_log {folder}/error.log; daemon off;
                events {{ worker_connections 1024; }}
                http {{
                    access_log off; sendfile on; tcp_nopush on; keepalive_timeout 65; keepalive_requests 100000000;
                    gzip_static on; etag on; types {{ application/json json; }}
                    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/f;
                    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
                    server {{ listen 127.0.0.1:{self.port} backlog=1024; root {folder}/www; }}
                }}""")
        self.process = subprocess.Popen(["nginx", "-c", f"{folder}/nginx.conf"])

    def put(self, name, plain, packed=None):
        with open(f"{self.folder}/www/{name}", "wb") as file:
            file.write(plain)
        if packed is not None:
            with open(f"{self.folder}/www/{name}.gz", "wb") as file:
                file.write(packed)

    def tag(self, name, **headers):
        for _ in range(200):
            try:
                request = urllib.request.Request(f"http://127.0.0.1:{self.port}/{name}", headers=headers)
                return urllib.request.urlopen(request).headers["ETag"]
            except OSError:
                time.sleep(0.02)
        sys.exit("nginx does not answer")

    def stop(self):
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()


def load(url, headers, seconds):
    """Requests a second and the 99th percentile in milliseconds, by 64 connections."""
    command = ["wrk", "-t2", "-c64", f"-d{seconds}s", "--latency"]
    for header in headers:
        command += ["-H", header]
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True).stdout
    if "Socket errors" in said:
        sys.exit(f"{url}: {said}")
    units = {"us": 0.001, "ms": 1, "s": 1000}
    number, unit = re.search(r"99%\s+([\d.]+)(us|ms|s)", said).groups()
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said).group(1)), float(number) * units[unit]


def compare(name, wanted, ours, theirs, options, rows):
    """Both in turn, round by round."""
    rounds = [(load(*ours, options.seconds), load(*theirs, options.seconds)) for _ in range(options.rounds)]
    middle = lambda values: statistics.median(list(values))
    ratio = middle(a[0] / b[0] for a, b in rounds)
    rows.append((name, f"{middle(a[0] for a, _ in rounds):,.0f}/s, p99 {middle(a[1] for a, _ in rounds):.2f} ms",
                 f"{middle(b[0] for _, b in rounds):,.0f}/s, p99 {middle(b[1] for _, b in rounds):.2f} ms",
                 f"{ratio:.2f} x", wanted))


def release(plenary, options, rows):
    """A release of 1,000 sessions, seen in every format, coding and language, while others read."""
    path = "/api/v1/conferences/large"
    documents = ["", "/programme", "/programme/days", "/programme/sessions", "/programme/panels", "/programme/keynotes",
                 "/programme/speakers", "/programme/rooms", "/programme/tracks", "/schedule.xml", "/schedule.json",
                 "/programme.ics", "/programme.jsonld", "/programme/sessions.csv", "/releases.atom"]
    failures, stop = [], threading.Event()

    def read():
        connection = http.client.HTTPConnection("127.0.0.1", plenary.port, timeout=60)
        while not stop.is_set():
            connection.request("GET", f"{path}/programme?lang=fr", headers={"Accept-Encoding": "gzip"})
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                failures.append(answer.status)

    readers = [threading.Thread(target=read) for _ in range(4)]
    for reader in readers:
        reader.start()
    posts, slowest, everything = [], [], []
    for number in range(options.rounds):
        plenary.send("PATCH", f"{path}/agenda/sessions/session-1", {"title": {"en": f"Changed {number}"}})
        started = time.perf_counter()
        release_number = json.loads(plenary.send("POST", f"{path}/releases", {})[1])["number"]
        posts.append(time.perf_counter() - started)
        # Whoever reads now reads the new release, in whichever format.
        assert json.loads(plenary.get(f"{path}/programme")[1])["release"]["number"] == release_number
        reads = []
        for document in documents:
            for language in ("en", "fr", "nl"):
                for coding in ("identity", "gzip", "br", "zstd"):
                    asked = time.perf_counter()
                    plenary.get(f"{path}{document}?lang={language}", Accept_Encoding=coding)
                    reads.append(time.perf_counter() - asked)
        slowest.append(max(reads))
        everything.append(time.perf_counter() - started)
    stop.set()
    for reader in readers:
        reader.join()
    middle = statistics.median
    rows.append(("a release of 1,000 sessions is read by all (the POST is answered), 4 readers beside it",
                 f"{middle(posts):.2f} s, {len(failures)} errors", "", "", "1.5 s, no error"))
    rows.append((f"then the slowest first read of {len(documents) * 12} documents (format, language, coding), and all of them one by one",
                 f"{middle(slowest):.2f} s, {middle(everything) - middle(posts):.2f} s", "", "", ""))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("binary")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    binary = os.path.abspath(options.binary)
    repository = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folder, rows = tempfile.mkdtemp(prefix="plenary-bench-"), []
    try:
        os.makedirs(f"{folder}/example")
        starts, memory = [], []
        for number in range(options.rounds):
            example = Plenary(binary, f"{folder}/example", f"{repository}/config/genocide-prevention-2014.yaml")
            starts.append(example.start_seconds)
            memory.append(example.resident_mb())
            example.stop()
        rows.append(("memory at rest with the example", f"{memory[-1]:.1f} MB", "", "", "30 MB"))
        rows.append(("start to the first answer (the first start fills the store)",
                     ", ".join(f"{1000 * start:.0f} ms" for start in starts), "", "", "150 ms"))
        plenary, nginx = Plenary(binary, folder), Nginx(f"{folder}/nginx") if os.makedirs(f"{folder}/nginx") is None else None
        plenary.publish(blueprint("middle", 44))
        plenary.publish(blueprint("large", 1000))
        base = f"http://127.0.0.1:{plenary.port}/api/v1/conferences"
        theirs = f"http://127.0.0.1:{nginx.port}"
        plain, packed = (plenary.get("/api/v1/conferences/middle/programme", Accept_Encoding=coding)
                         for coding in ("identity", "gzip"))
        assert gzip.decompress(packed[1]) == plain[1]
        nginx.put("programme.json", plain[1], packed[1])
        filtered = "/api/v1/conferences/large/programme?day=2030-05-02&track=track-3"
        part = plenary.get(filtered, Accept_Encoding="identity")[1]
        nginx.put("filtered.json", part)
        for name in ("programme.json", "filtered.json"):
            nginx.tag(name)
        coded = "Accept-Encoding: gzip"
        whole = (f"whole programme, {len(plain[1]) / 1000:.0f} kB plain", f"{base}/middle/programme", f"{theirs}/programme.json")
        compare(whole[0], "1.0 x", (whole[1], []), (whole[2], []), options, rows)
        compare(f"the same, {len(packed[1]) / 1000:.0f} kB gzip", "1.1 x", (whole[1], [coded]), (whole[2], [coded]), options, rows)
        known = [f"If-None-Match: {plain[0].headers['ETag']}"], [f"If-None-Match: {nginx.tag('programme.json')}"]
        compare("the same, 304", "1.0 x", (whole[1], known[0]), (whole[2], known[1]), options, rows)
        compare(f"a day and a track of 1,000 sessions, {len(part) / 1000:.0f} kB", "0.3 x",
                (f"http://127.0.0.1:{plenary.port}{filtered}", []), (f"{theirs}/filtered.json", []), options, rows)
        release(plenary, options, rows)
        plenary.stop()
        nginx.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("| what | Plenary | nginx | ratio | wanted |\n|---|---|---|---|---|")
    for row in rows:
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
