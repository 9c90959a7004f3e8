#!/usr/bin/env python3
"""What the service takes of memory at rest, after a first start and after a second one, with the example conference.

    cargo build --release && python3 benches/memory.py target/release/plenary

`resident` is what the system counts for the process; `anonymous` is the part that is its own. The rest are pages of the
binary, which processes share and the system takes back: how many these are says more of the kernel than of the service.
Fails where the own memory is over `--most` MB. Each core has a worker: the figures hold for the number that is printed.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time


def rollup(process):
    """Figures of /proc/<pid>/smaps_rollup, in MB."""
    with open(f"/proc/{process.pid}/smaps_rollup") as lines:
        fields = dict(line.split(":", 1) for line in lines if line.rstrip().endswith("kB"))
    return {name: int(value.split()[0]) / 1024 for name, value in fields.items()}


def measure(binary, folder, seed, seconds):
    variables = {
        "PLENARY_LISTEN": "127.0.0.1:0", "PLENARY_DATABASE_URL": f"sqlite:{folder}/plenary.db",
        "PLENARY_DATA_DIR": f"{folder}/data", "PLENARY_MAIL_URL": f"file:{folder}/mail", "PLENARY_SEED": seed,
        "PLENARY_ADMIN_TOKEN": "a-bench-admin-token-of-32-characters-or-more", "PLENARY_LOG": "warn",
    }
    process = subprocess.Popen([binary], env=variables, cwd=folder, stdout=subprocess.PIPE)
    try:
        if not any(b"Ctrl-C" in line for line in process.stdout):
            sys.exit("the service did not start")
        # Documents are compressed in the background after a release.
        time.sleep(seconds)
        return rollup(process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--most", type=float, default=40.0, help="own memory at rest, in MB")
    parser.add_argument("--seconds", type=float, default=5.0, help="how long after the start is at rest")
    options = parser.parse_args()
    repository = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    seed = f"{repository}/config/genocide-prevention-2014.yaml"
    worst = 0.0
    with tempfile.TemporaryDirectory(prefix="plenary-bench-") as folder:
        print(f"| start ({len(os.sched_getaffinity(0))} cores) | resident | anonymous |\n|---|---|---|")
        for start in ("first", "second"):
            found = measure(os.path.abspath(options.binary), folder, seed, options.seconds)
            worst = max(worst, found["Anonymous"])
            print(f"| {start} | {found['Rss']:.1f} MB | {found['Anonymous']:.1f} MB |")
    if worst > options.most:
        sys.exit(f"{worst:.1f} MB of its own are more than {options.most:.0f} MB")


if __name__ == "__main__":
    main()
