"""
Runs a program in a pseudo terminal as a person would: types keys, waits for text. Reads one line of JSON for each step
from stdin and answers each with one line of JSON, so that a test in another language can drive it.

Steps: {"type": "keys"} | {"wait": "regular expression", "seconds": 10} | {"signal": "TERM"} | {"end": 10}
Answers: {"ok": true, "seen": "text since the step before"} | {"ok": false, "seen": "..."}; to "end" with "code" too.
"""

import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time


class Terminal:
    def __init__(self, command, columns=80, rows=24):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execvp(command[0], command)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.seen = b""
        self.open = True

    def read(self, seconds):
        ready, _, _ = select.select([self.fd], [], [], seconds)
        if not ready:
            return
        try:
            data = os.read(self.fd, 65536)
        except OSError:  # Linux reports the end of a terminal so.
            data = b""
        if data == b"":
            self.open = False
        self.seen += data

    def text(self):
        return self.seen.decode("utf-8", errors="replace")

    def take(self):
        text = self.text()
        self.seen = b""
        return text

    def wait(self, pattern, seconds):
        """Waits until the text matches; what matched, and all before it, is then taken."""
        deadline = time.monotonic() + seconds
        while True:
            match = re.search(pattern, self.text())
            if match:
                seen = self.text()
                self.seen = seen[match.end():].encode()
                return {"ok": True, "seen": seen[:match.end()]}
            if not self.open or time.monotonic() > deadline:
                return {"ok": False, "seen": self.text()}
            self.read(0.05)

    def end(self, seconds):
        """Waits until the program has ended."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if self.open:
                self.read(0.05)
            done, status = os.waitpid(self.pid, os.WNOHANG)
            if done:
                self.pid = 0
                return {"ok": True, "seen": self.take(), "code": os.waitstatus_to_exitcode(status)}
            if not self.open:
                time.sleep(0.02)
        return {"ok": False, "seen": self.take()}

    def kill(self):
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def main():
    terminal = Terminal(sys.argv[1:])
    try:
        for line in sys.stdin:
            step = json.loads(line)
            answer = {"ok": True, "seen": ""}
            if "type" in step:
                os.write(terminal.fd, step["type"].encode())
            elif "wait" in step:
                answer = terminal.wait(step["wait"], step.get("seconds", 10))
            elif "signal" in step:
                os.kill(terminal.pid, getattr(signal, "SIG" + step["signal"]))
            elif "end" in step:
                answer = terminal.end(step["end"])
            print(json.dumps(answer), flush=True)
    finally:
        terminal.kill()


main()
