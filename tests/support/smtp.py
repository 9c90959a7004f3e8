"""A real mail server for the tests: prints its port, then one JSON line a message that it accepted.

An address that begins with "refuse" is refused for good (550); one that begins with "later" is put off once (451); for one
that begins with "lost" the message is taken, but the connection is cut before the reply, once; for one that begins with
"cut" it is cut in the midst of DATA, once; for one that begins with "slow" the reply takes half a second.
With --login USER PASSWORD nobody sends without having logged in; with --tls CERTIFICATE KEY it speaks TLS from the start.
"""

import argparse
import asyncio
import json
import ssl

from aiosmtpd.smtp import SMTP, AuthResult


class Handler:
    def __init__(self):
        self.put_off = set()
        self.cut = set()

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refuse"):
            return "550 5.1.1 no such mailbox"
        if address.startswith("later") and address not in self.put_off:
            self.put_off.add(address)
            return "451 4.2.1 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    def is_first(self, envelope, word):
        address = envelope.rcpt_tos[0]
        is_first = address.startswith(word) and address not in self.cut
        if is_first:
            self.cut.add(address)
        return is_first

    async def handle_DATA(self, server, session, envelope):
        if self.is_first(envelope, "cut"):
            server.transport.abort()
            return "451 cut"
        if envelope.rcpt_tos[0].startswith("slow"):
            await asyncio.sleep(0.5)
        message = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": envelope.content.decode("utf-8", "surrogateescape"),
        }
        print(json.dumps(message), flush=True)
        if self.is_first(envelope, "lost"):
            server.transport.abort()
        return "250 OK"


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--login", nargs=2)
    parser.add_argument("--tls", nargs=2)
    arguments = parser.parse_args()
    options = {}
    if arguments.login:
        expected = tuple(arguments.login)

        def authenticator(server, session, envelope, mechanism, data):
            credentials = (data.login.decode(), data.password.decode())
            return AuthResult(success=credentials == expected, handled=False)

        options = {"authenticator": authenticator, "auth_required": True, "auth_require_tls": False}
    handler = Handler()
    loop = asyncio.get_running_loop()
    context = None
    if arguments.tls:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*arguments.tls)
    server = await loop.create_server(
        lambda: SMTP(handler, enable_SMTPUTF8=True, **options), "127.0.0.1", 0, ssl=context
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
