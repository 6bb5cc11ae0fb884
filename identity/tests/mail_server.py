import re
import socketserver
import threading


class Session(socketserver.StreamRequestHandler):
    """One conversation in SMTP, with the answers that the server was told to give."""

    def handle(self):
        self.say(220, "here")
        while line := self.rfile.readline().decode().strip():
            verb = line.split(":")[0].split(" ")[0].upper()
            code, words = self.server.answers.get(verb, (250, "fine"))
            if verb == "QUIT":
                self.say(221, "bye")
                return
            if verb == "DATA" and code == 250:
                self.say(354, "go on")
                self.server.mails.append(self.read_mail())
            if verb == "MAIL":
                self.server.asked += 1
            self.say(code, words)

    def say(self, code, words):
        self.wfile.write(f"{code} {words}\r\n".encode())

    def read_mail(self):
        lines = iter(lambda: self.rfile.readline().decode(), ".\r\n")
        return "".join(lines)


class MailServer(socketserver.ThreadingTCPServer):
    """A mail server on a port of its own. `answers` maps a verb to the (code, words) that it gets."""

    allow_reuse_address = daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Session)
        self.answers, self.mails, self.asked = {}, [], 0
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    @property
    def port(self):
        return self.server_address[1]

    def header(self, name, mail=-1):
        return re.search(rf"^{name}: (.*)\r$", self.mails[mail], re.MULTILINE)[1]

    def close(self):
        self.shutdown()
        self.server_close()
        self._thread.join(5)
