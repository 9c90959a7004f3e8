#!/usr/bin/env python3
"""What a flood of half-sent bodies does: health during it, when it is over, the memory before, during and after.

Usage: half_bodies.py BINARY [COUNT]. Each of COUNT connections sends the head of a registration, `{`, and then nothing.
The load comes from processes of its own, each within its limit of open files.
"""

import json, os, resource, select, socket, subprocess, sys, tempfile, time, urllib.request

BINARY, COUNT = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20000
HALF = (b"POST /api/v1/conferences/genocide-prevention-2014/registrations HTTP/1.1\r\nhost: x\r\n"
        b"content-type: application/json\r\ncontent-length: 60000\r\n\r\n{")


def flood(port, count, opened, ended):
    """Opens `count` connections, says so, and waits until all have ended; tells the answers."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    poll, clients, answers = select.epoll(), {}, {}
    for _ in range(count):
        client = socket.create_connection(("127.0.0.1", port))
        try:
            client.sendall(HALF)
        except OSError:
            pass
        clients[client.fileno()] = client
        poll.register(client, select.EPOLLIN)
    os.write(opened, b"x")
    while clients:
        for number, _ in poll.poll():
            client = clients.pop(number)
            try:
                status = client.recv(4096).split(b" ")[1:2]
            except OSError:
                status = []
            answers[status[0].decode() if status else "closed"] = answers.get(status[0].decode() if status else "closed", 0) + 1
            poll.unregister(number)
            client.close()
    os.write(ended, json.dumps(answers).encode() + b"\n")
    os._exit(0)


def main():
    folder = tempfile.mkdtemp()
    probe = socket.socket(); probe.bind(("127.0.0.1", 0)); port = probe.getsockname()[1]; probe.close()
    environment = {"PLENARY_LISTEN": f"127.0.0.1:{port}", "PLENARY_LOG": "warn", "PATH": os.environ["PATH"]}
    process = subprocess.Popen([os.path.abspath(BINARY)], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=open(folder + "/log", "w"))
    while b"Ctrl-C" not in process.stdout.readline():
        pass

    def memory():
        lines = open(f"/proc/{process.pid}/status").read().splitlines()
        return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024

    def health():
        started = time.time()
        try:
            status = urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=3).status
        except Exception as error:
            status = getattr(error, "code", None) or type(error).__name__
        return status, time.time() - started

    health()
    before = memory()
    opened, ended = os.pipe(), os.pipe()
    started, children = time.time(), 4
    for _ in range(children):
        if os.fork() == 0:
            flood(port, COUNT // children, opened[1], ended[1])
    seen = []
    ready = 0
    while ready < children:
        if select.select([opened[0]], [], [], 0.1)[0]:
            ready += len(os.read(opened[0], children))
        seen.append(health())
    during = memory()
    print(f"{COUNT} connections opened in {time.time() - started:.1f} s; {before:.0f} MB before, {during:.0f} MB with them")
    for _ in range(children):
        os.wait()
        seen.append(health())
    print(f"all ended after {time.time() - started:.1f} s; answers: {os.read(ended[0], 4096).decode().split()}")
    wrong = [one for one in seen if one[0] != 200]
    print(f"health: asked {len(seen)} times, slowest {max(took for _, took in seen):.2f} s, not 200: {wrong}")
    for pause in (0, 5, 10):
        time.sleep(pause)
        print(f"{memory():.0f} MB {pause} s later")
    process.terminate()
    print(f"stopped with {process.wait()}; {len(open(folder + '/log').read().splitlines())} lines in the log")


main()
