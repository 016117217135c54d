"""Ways to another machine's Docker engine, and what to say when one of them ends at a closed door."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jupyter_mlops.core.errors import Unavailable
from jupyter_mlops.core.host import HostUrl
from jupyter_mlops.hosts.engine import PING_S, NoEngine, explanation, greeted
from jupyter_mlops.hosts.tunnel import Tunnel

if TYPE_CHECKING:
    import docker

CERTIFICATES: Final = ("ca.pem", "cert.pem", "key.pem")
"""As the docker command names them in DOCKER_CERT_PATH."""
_LOOK: Final = 'if [ ! -S "{socket}" ]; then echo none; elif [ ! -w "{socket}" ]; then echo denied; else echo there; fi'


class NoRemoteEngine(Unavailable):
    """The machine is there, and no engine on it does what it is asked."""

    code = NoEngine.code


class BadCertificates(Unavailable):
    """The certificates for an engine cannot be used."""

    code = "bad-certificates"


class Ssh:
    """Through a tunnel to the engine's socket."""

    def __init__(self, tunnel: Tunnel, url: HostUrl) -> None:
        self._tunnel = tunnel
        self._url = url

    def connect(self) -> docker.DockerClient:
        """Return a client of an engine that answers. Raises ``NoMachine`` or ``NoRemoteEngine``."""
        import docker

        self._tunnel.hold()
        base_url = f"unix://{self._tunnel.socket}"
        return greeted(lambda: docker.DockerClient(base_url=base_url, timeout=PING_S), self.lost)

    def hold(self) -> None:
        """See that the tunnel is there. Raises ``NoMachine``."""
        self._tunnel.hold()

    def lost(self, error: Exception) -> Unavailable:
        """Return why the tunnel's other end does not answer, as that machine sees it."""
        machine, socket = self._url.machine, self._url.socket
        seen = ""
        with contextlib.suppress(subprocess.TimeoutExpired):
            seen = self._tunnel.run(_LOOK.format(socket=socket))
        if seen == "none":
            return NoRemoteEngine(
                f"There is no Docker engine at {socket} on {machine}.",
                hint="Start Docker there, or name its socket: ssh://USER@MACHINE/run/user/1000/docker.sock.",
            )
        if seen == "denied":
            return NoRemoteEngine(
                f"The user who logs in to {machine} may not talk to the Docker engine there.",
                hint=f"On {machine}: `sudo usermod -aG docker {self._url.user or 'USER'}`, and try again.",
            )
        if seen == "there" and "open failed" in self._tunnel.said():  # by ssh's server, which does not say why
            return NoRemoteEngine(
                f"The ssh server of {machine} does not let sockets be forwarded.",
                hint="Set `AllowStreamLocalForwarding yes` and `AllowTcpForwarding yes` in its sshd_config.",
            )
        return NoRemoteEngine(
            f"The Docker engine on {machine} does not answer: {explanation(error)}.",
            hint=f"See there with `ssh {self._url.login} docker version`.",
        )


class Tls:
    """Over TCP, both sides proving who they are."""

    def __init__(self, url: HostUrl, certificates: Path) -> None:
        self._url = url
        self._certificates = certificates

    def connect(self) -> docker.DockerClient:
        """Return a client of an engine that answers. Raises ``BadCertificates`` or ``NoRemoteEngine``."""
        import docker

        self._check_certificates()
        ca, cert, key = (str(self._certificates / name) for name in CERTIFICATES)

        class OwnTrust(docker.tls.TLSConfig):
            """This CA alone: otherwise requests takes REQUESTS_CA_BUNDLE for it, and HTTP proxies on the way."""

            def configure_client(self, client: docker.APIClient) -> None:
                super().configure_client(client)
                client.trust_env = False

        tls = OwnTrust(client_cert=(cert, key), ca_cert=ca, verify=True)
        base_url = f"tcp://{self._url.machine}:{self._url.port}"
        return greeted(lambda: docker.DockerClient(base_url=base_url, tls=tls, timeout=PING_S), self.lost)

    def _check_certificates(self) -> None:
        url, files = f"tcp://{self._url.machine}:{self._url.port}", ", ".join(CERTIFICATES)
        if self._certificates == Path():
            raise BadCertificates(
                f"The host at {url} was entered without certificates, and an engine on TCP talks to nobody without.",
                hint=f"Remove it, and enter it with `mlops hosts add NAME docker {url} --certificates DIR`, a folder with {files}.",
            )
        missing = [name for name in CERTIFICATES if not (self._certificates / name).is_file()]
        if missing:
            raise BadCertificates(
                f"There is no {' and no '.join(missing)} in {self._certificates} for the host at {url}.",
                hint=f"Put {files} of that engine into the folder, as for DOCKER_CERT_PATH.",
            )

    def hold(self) -> None:
        """Do nothing: the engine listens or not."""

    def lost(self, error: Exception) -> Unavailable:
        """Return why the engine does not answer: nobody there, or one side does not trust the other."""
        address, text = f"{self._url.machine}:{self._url.port}", str(error)
        if "CERTIFICATE_VERIFY_FAILED" in text:
            return BadCertificates(
                f"The engine at {address} does not prove to be {self._url.machine} to ca.pem of {self._certificates}.",
                hint="Take the CA that signed the engine's certificate, and the machine's name as that certificate has it.",
            )
        hung_up = ("alert" in text.lower(), "Connection aborted" in text, "EOF occurred in violation" in text)
        if any(hung_up):  # some say why they hang up, some do not, and what comes first is chance
            return BadCertificates(
                f"The engine at {address} does not take the certificate in {self._certificates}.",
                hint="Take cert.pem and key.pem that the engine's CA has signed for clients.",
            )
        return NoRemoteEngine(
            f"No Docker engine answers at {address}.",
            hint=f"Check that dockerd listens there with `--tlsverify`, and that a firewall lets {self._url.port} through.",
        )
