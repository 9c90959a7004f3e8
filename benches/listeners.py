#!/usr/bin/env python3
"""What idle listeners cost, and how long a release takes to reach them all.

    ulimit -n 20000; benches/listeners.py target/release/plenary 5000

starts the binary on a temporary folder with the example conference, opens the listeners, publishes a release, and prints
what the process held before and after and when the first, the middle and the last listener had the event.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

TOKEN = "a-token-of-the-measurement-of-32-characters"
CONFERENCE = "/api/v1/conferences/genocide-prevention-2014"


def start(binary, folder):
    environment = {
        "PLENARY_LISTEN": "127.0.0.1:0",
        "PLENARY_DATABASE_URL": os.environ.get("PLENARY_DATABASE_URL", f"sqlite:{folder}/plenary.db"),
        "PLENARY_DATA_DIR": folder,
        "PLENARY_MAIL_URL": f"file:{folder}/mail",
        "PLENARY_ADMIN_TOKEN": TOKEN,
        "PLENARY_LOG": "warn",
    }
    process = subprocess.Popen([binary], cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
    url = process.stdout.readline().split()[-1]
    while "Ctrl-C" not in process.stdout.readline():
        pass
    return process, url


def resident_mb(process):
    with open(f"/proc/{process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) / 1024


def cpu_seconds(process):
    with open(f"/proc/{process.pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def call(url, method, path, body):
    headers = {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers, method=method)
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


async def connect(host, port, turns):
    async with turns:
        reader, writer = await asyncio.open_connection(host, port, limit=1 << 20)
        writer.write(f"GET {CONFERENCE}/programme/events HTTP/1.1\r\nhost: {host}\r\n\r\n".encode())
        await reader.readuntil(b"event: connected")
        return reader, writer


async def hear(reader):
    await reader.readuntil(b"event: release\n")
    return time.monotonic()


async def measure(process, url, count):
    address = urllib.parse.urlsplit(url)
    before = resident_mb(process)
    opened = time.monotonic()
    turns = asyncio.Semaphore(100)
    connections = await asyncio.gather(*(connect(address.hostname, address.port, turns) for _ in range(count)))
    opened = time.monotonic() - opened
    idle = resident_mb(process)
    used = cpu_seconds(process)
    await asyncio.sleep(10)
    used = (cpu_seconds(process) - used) / 10
    hearing = [asyncio.ensure_future(hear(reader)) for reader, _ in connections]
    patch = {"title": {"en": "Measured", "fr": "Mesurée"}}
    sessions = await asyncio.to_thread(
        lambda: json.load(urllib.request.urlopen(f"{url}{CONFERENCE}/programme/sessions"))["data"]
    )
    path = f"{CONFERENCE}/agenda/sessions/{sessions[0]['code']}"
    await asyncio.to_thread(call, url, "PATCH", path, patch)
    asked = time.monotonic()
    await asyncio.to_thread(call, url, "POST", f"{CONFERENCE}/releases", {"force": {"reason": "a measurement"}})
    published = time.monotonic()
    heard = sorted(at - published for at in await asyncio.gather(*hearing))
    rows = [
        ("listeners", f"{count}"),
        ("opened in", f"{opened:.1f} s"),
        ("resident before", f"{before:.1f} MB"),
        ("resident with all idle", f"{idle:.1f} MB"),
        ("of it a listener", f"{(idle - before) * 1024 / count:.1f} KB"),
        ("load while idle", f"{used * 100:.1f} % of a core"),
        ("publishing took", f"{(published - asked) * 1000:.0f} ms"),
        ("first heard after it", f"{heard[0] * 1000:.0f} ms"),
        ("half heard after it", f"{heard[len(heard) // 2] * 1000:.0f} ms"),
        ("last heard after it", f"{heard[-1] * 1000:.0f} ms"),
        ("resident afterwards", f"{resident_mb(process):.1f} MB"),
    ]
    for name, value in rows:
        print(f"{name:24}{value:>18}")
    stopping = time.monotonic()
    process.terminate()
    status = await asyncio.to_thread(process.wait)
    print(f"{'stopped in':24}{time.monotonic() - stopping:>16.1f} s   (status {status})")
    for _, writer in connections:
        writer.close()


def main():
    binary, count = os.path.abspath(sys.argv[1]), int(sys.argv[2])
    with tempfile.TemporaryDirectory() as folder:
        process, url = start(binary, folder)
        try:
            asyncio.run(measure(process, url, count))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


if __name__ == "__main__":
    main()
