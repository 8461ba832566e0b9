"""The first words between nodes, spoken by hand (src/cluster/wire/peer_frame.md): frames, Hellos, proofs."""
import hashlib
import hmac
import socket
import struct
import threading

VERSION = 2
LINK, FORMATION = b"link", b"formation"
PURPOSE = {LINK: 1, FORMATION: 2}


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def frame(message):
    """One whole message of the handshake."""
    body = b"\x03" + message
    return struct.pack("<II", len(message), crc32c(body)) + body


def sized(data):
    """Its length as a varint, then the bytes."""
    n, out = len(data), b""
    while n >= 0x80:
        out += bytes([n & 0x7F | 0x80])
        n >>= 7
    return out + bytes([n]) + data


def hello(node, purpose=FORMATION, version=VERSION, cluster_id=b"", boot=0, secret=True, nonce=b"n" * 32):
    head = b"CLSTRN" + struct.pack("<HB", version, PURPOSE[purpose]) + sized(cluster_id) + struct.pack("<IQQ", node, boot, 1)
    return head + bytes([secret]) + sized(nonce)


def proof(secret, purpose, role, dialer, acceptor, text=b""):
    """`role`: b"D" or b"A", whose proof it is. `dialer`, `acceptor`: both Hellos."""
    said = sized(purpose) + role + sized(dialer) + sized(acceptor) + sized(text)
    return hmac.new(secret, said, hashlib.sha256).digest()


def sealed(secret, role, dialer, acceptor, text):
    return text + proof(secret, FORMATION, role, dialer, acceptor, text)


class Talk:
    """A connection to a peer port. receive() gives the next message, or None once the other end has hung up."""

    def __init__(self, port, host="127.0.0.1", timeout=5.0, sock=None):
        self.sock = sock or socket.create_connection((host, port), timeout=timeout)
        self.buf = b""

    def send(self, message):
        self.sock.sendall(frame(message))

    def receive(self):
        while True:
            if len(self.buf) >= 9:
                size, crc = struct.unpack_from("<II", self.buf)
                if len(self.buf) >= 9 + size:
                    body, self.buf = self.buf[8 : 9 + size], self.buf[9 + size :]
                    assert crc32c(body) == crc, "a frame with a wrong checksum"
                    return body[1:]
            try:
                data = self.sock.recv(65536)
            except ConnectionResetError:
                data = b""
            if not data:
                return None
            self.buf += data

    def close(self):
        self.sock.close()


class Impostor:
    """Something on a member's peer port: converse(talk, socket) speaks with each caller, one after the other, and the connection ends with
    it. What goes wrong in a conversation ends that one only."""

    def __init__(self, port, converse):
        self.converse = converse
        self.sock = socket.create_server(("127.0.0.1", port))
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                conn, _ = self.sock.accept()
            except OSError:
                return
            with conn:
                conn.settimeout(3)
                try:
                    self.converse(Talk(0, sock=conn), conn)
                except (OSError, TypeError, AssertionError):
                    pass

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.sock.close()
