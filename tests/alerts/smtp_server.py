"""A small SMTP server (RFC 5321) on loopback that keeps what it is given, or refuses it."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage


@dataclass
class Mailbox:
    """What came, and what the server answers: by command, or by recipient."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


@contextmanager
def smtp_server() -> Iterator[Mailbox]:
    box = Mailbox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 test")
            while line := self.rfile.readline():
                command = line.decode().strip()
                verb = command[:4].upper()
                if verb == "DATA" and "DATA" not in box.answers:
                    self.say("354 go on")
                    self.take()
                elif verb == "RCPT":
                    address = command.partition("<")[2].partition(">")[0]
                    self.say(box.refused.get(address, "250 ok"))
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say(box.answers.get(verb, "250 ok"))

        def take(self) -> None:
            lines: list[bytes] = []
            while (line := self.rfile.readline()) not in {b".\r\n", b""}:
                lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
            answer = box.answers.get("BODY", "250 kept")
            if answer.startswith("2"):
                box.mails.append(message_from_bytes(b"".join(lines), policy=policy.default))
            self.say(answer)

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True

    with Server(("127.0.0.1", 0), Handler) as server:
        box.port = server.server_address[1]
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
