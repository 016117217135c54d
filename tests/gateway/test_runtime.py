from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Self

import msgspec
import pytest

from jupyter_mlops.core.process import ProcessId, is_alive, process_id
from jupyter_mlops.core.record import decode, encode
from jupyter_mlops.gateway import admin, config
from jupyter_mlops.gateway import runtime as runtime_module
from jupyter_mlops.gateway.instance import State
from jupyter_mlops.gateway.runtime import GatewayFailed, HaproxyGateway, NoHaproxy, PortTaken
from jupyter_mlops.gateway.tcp import RANGE, BadBind

from .conftest import Client, route
from .upstreams import upstream


def state(gateway: HaproxyGateway, service: str = "churn") -> State:
    return decode((gateway._folder(service) / "gateway.json").read_bytes(), State)


def process(gateway: HaproxyGateway) -> ProcessId:
    found = state(gateway).process
    assert found is not None
    return found


def workers(gateway: HaproxyGateway, service: str = "churn") -> set[str]:
    lines = admin.ask(gateway._sockets(service).master, "show proc").splitlines()
    return {line.split()[0] for line in lines if " worker " in line}


class Load:
    """Keep-alive clients that ask without pause, each counting what it got."""

    def __init__(self, port: int, n_clients: int = 3) -> None:
        self.answers: Counter[str] = Counter()
        self._counting = threading.Lock()
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(port,)) for _ in range(n_clients)]

    def _run(self, port: int) -> None:
        client = Client(port)
        while not self._over.is_set():
            try:
                answer = client.get()
                got = answer.text if answer.status == 200 else str(answer.status)
            except OSError as error:
                got = repr(error)
                client.close()
            with self._counting:
                self.answers[got] += 1
        client.close()

    def wait_for(self, n_more: int) -> None:
        """Wait until that many more requests were answered."""
        wanted = self.answers.total() + n_more
        while self.answers.total() < wanted:
            time.sleep(0.005)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.wait_for(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def test_it_starts_and_answers_through_unix_and_tcp_replicas(gateway, runtime, connect) -> None:
    with upstream("one", runtime / "1.sock") as one, upstream("two") as two:
        port = gateway.apply(route(("m1", 100, [one.address, two.address])))
        assert port in RANGE
        client = connect(port)
        assert {client.get().text for _ in range(20)} == {"one", "two"}
        assert gateway.alive("churn")
        assert gateway.services() == ["churn"]


def test_a_service_without_replicas_answers_with_a_problem(gateway, connect) -> None:
    answer = connect(gateway.apply(route(("m1", 100, [])))).get()
    assert answer.status == 503
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["retry-after"] == "1"
    assert json.loads(answer.text)["type"] == "urn:jupyter-mlops:no-replica"


def test_traffic_is_split_by_the_weights(gateway, connect) -> None:
    with upstream("one") as one, upstream("two") as two:
        client = connect(gateway.apply(route(("m1", 90, [one.address]), ("m2", 10, [two.address]))))
        got = Counter(client.get().text for _ in range(1000))
    assert 850 <= got["one"] <= 950  # five standard deviations
    assert got.total() == 1000


def test_weights_change_without_a_reload_and_are_still_there_after_one(gateway, connect) -> None:
    with upstream("one") as one, upstream("two") as two:
        port = gateway.apply(route(("m1", 100, [one.address]), ("m2", 0, [two.address])))
        client, before = connect(port), workers(gateway)
        assert {client.get().text for _ in range(20)} == {"one"}
        gateway.apply(route(("m1", 0, [one.address]), ("m2", 100, [two.address])))
        assert {client.get().text for _ in range(20)} == {"two"}
        assert workers(gateway) == before
        assert "Success=1" in admin.ask(gateway._sockets("churn").master, "reload")
        assert {connect(port).get().text for _ in range(20)} == {"two"}


def test_weights_alone_change_at_once_and_are_still_there_after_a_reload_and_for_the_next(gateway, connect) -> None:
    with upstream("one") as one, upstream("two") as two:
        port = gateway.apply(route(("m1", 100, [one.address]), ("m2", 0, [two.address])))
        client, before = connect(port), workers(gateway)
        gateway.reweigh("churn", {"m1": 0, "m2": 100, "nobody": 7}, {})
        assert {client.get().text for _ in range(20)} == {"two"}
        assert workers(gateway) == before
        assert "Success=1" in admin.ask(gateway._sockets("churn").master, "reload")
        assert {connect(port).get().text for _ in range(20)} == {"two"}
        gateway.reweigh("churn", {"m1": 50, "m2": 50}, {})
        assert {connect(port).get().text for _ in range(40)} == {"one", "two"}
    gateway.reweigh("nobody", {"m1": 1}, {})


def test_a_deployment_can_be_asked_for_by_name(gateway, connect) -> None:
    with upstream("one") as one, upstream("two") as two:
        client = connect(gateway.apply(route(("m1", 100, [one.address]), ("m2", 0, [two.address]))))
        answer = client.get(x_mlops_deployment="m2")
        assert (answer.text, answer.headers["x-mlops-deployment"]) == ("two", "m2")
        unknown = client.get(x_mlops_deployment='m"9')
        assert unknown.status == 404
        assert json.loads(unknown.text)["detail"] == 'This service has no deployment "m"9".'


def test_every_answer_carries_a_request_id_and_keeps_one_that_was_sent(gateway, connect) -> None:
    client = connect(gateway.apply(route(("m1", 100, []))))
    assert client.get(x_request_id="mine").headers["x-request-id"] == "mine"
    assert client.get().headers["x-request-id"] != client.get().headers["x-request-id"]


def test_applying_the_same_again_changes_nothing(gateway) -> None:
    with upstream("one") as one:
        asked = route(("m1", 100, [one.address]))
        port = gateway.apply(asked)
        files = {path: path.stat().st_mtime_ns for path in gateway._folder("churn").iterdir()}
        assert gateway.apply(asked) == port
        assert {path: path.stat().st_mtime_ns for path in gateway._folder("churn").iterdir()} == files


def test_replacing_a_deployment_under_load_loses_no_request(gateway, runtime, connect) -> None:
    with upstream("two", runtime / "2.sock") as two:
        with upstream("one", runtime / "1.sock") as one:
            port = gateway.apply(route(("m1", 100, [one.address])))
            idle = connect(port)
            assert idle.get().text == "one"
            with Load(port) as load:
                gateway.apply(route(("m1", 100, [one.address]), ("m2", 0, [two.address])))
                load.wait_for(30)
                gateway.apply(route(("m2", 100, [two.address])))
                load.wait_for(30)
        assert load.answers.keys() == {"one", "two"}
        assert idle.get().text == "two"  # its connection was there before, and the old replica is gone


def test_reloading_under_load_loses_no_request(gateway, runtime) -> None:
    with upstream("one", runtime / "1.sock") as one:
        few, many = ([(f"m{number}", 10, [one.address]) for number in range(n)] for n in (1, 9))
        port = gateway.apply(route(*few))
        with Load(port) as load:
            for backends in (many, few, many, few, many):  # each needs another frame, so a reload
                before = workers(gateway)
                gateway.apply(route(*backends))
                assert not workers(gateway) <= before
                load.wait_for(50)
    assert load.answers.keys() == {"one"}


def test_a_replica_that_dies_is_replaced_by_another_without_a_lost_request(gateway, runtime, connect) -> None:
    with upstream("two", runtime / "2.sock") as two:
        with upstream("one", runtime / "1.sock") as one:
            port = gateway.apply(route(("m1", 100, [one.address, two.address])))
        got = Counter(connect(port).get().status for _ in range(20))
    assert got == {200: 20}


def test_a_replica_whose_script_only_raises_stays(gateway, connect) -> None:
    with upstream("it raised", status=500) as one:
        client = connect(gateway.apply(route(("m1", 100, [one.address]))))
        ends, got = time.monotonic() + 0.5, Counter[str]()  # ten checks in a hurry
        while time.monotonic() < ends:
            got[client.get().text] += 1
        assert got.keys() == {"it raised"}, got


def test_a_servers_return_is_noticed(gateway, runtime, connect) -> None:
    with upstream("one", runtime / "1.sock") as one, upstream("two", runtime / "2.sock") as two:
        both = route(("m1", 100, [one.address, two.address]))
        client = connect(gateway.apply(both))
        assert {client.get().text for _ in range(20)} == {"one", "two"}
        gateway.apply(route(("m1", 100, [one.address])))
        assert {client.get().text for _ in range(20)} == {"one"}
        gateway.apply(both)
        assert {client.get().text for _ in range(20)} == {"one", "two"}


def test_a_port_that_somebody_has_is_refused_before_anything_is_made(gateway) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"^Port {port} on 127\.0\.0\.1 is already taken\.$"):
            gateway.apply(route(("m1", 100, []), port=port))
    assert gateway.services() == []


def test_two_workspaces_with_equal_names_do_not_share_a_port(make_gateway) -> None:
    first, second = make_gateway("ws1"), make_gateway("ws2")
    port = first.apply(route(("m1", 100, [])))
    with pytest.raises(PortTaken):
        second.apply(route(("m1", 100, []), port=port))
    assert not second.alive("churn")
    second.apply(route(("m1", 100, [])))
    second.remove("churn")
    assert first.alive("churn")


def test_a_port_stays_its_services_while_that_is_stopped(gateway) -> None:
    port = gateway.apply(route(("m1", 100, [])))
    os.kill(process(gateway).pid, signal.SIGTERM)
    wait_gone(process(gateway))
    with pytest.raises(PortTaken, match="by service 'churn'"):
        gateway.apply(route(("m1", 100, []), service="fraud", port=port))
    assert gateway.apply(route(("m1", 100, []))) == port


def test_moving_to_a_taken_port_leaves_the_service_as_it_was(gateway, connect) -> None:
    with upstream("one") as one, socket.create_server(("127.0.0.1", 0)) as other:
        port = gateway.apply(route(("m1", 100, [one.address])))
        with pytest.raises(PortTaken):
            gateway.apply(route(("m1", 100, [one.address]), port=other.getsockname()[1]))
        assert connect(port).get().text == "one"
        assert gateway.apply(route(("m1", 100, [one.address]))) == port


def test_moving_to_another_address_or_port_works_while_it_serves(gateway, connect) -> None:
    with upstream("one") as one:
        port = gateway.apply(route(("m1", 100, [one.address])))
        assert gateway.apply(route(("m1", 100, [one.address]), bind="0.0.0.0")) == port
        assert connect(port).get().text == "one"
        other = gateway.apply(route(("m1", 100, [one.address]), service="fraud"))
        gateway.remove("fraud")
        assert gateway.apply(route(("m1", 100, [one.address]), port=other)) == other
        assert connect(other).get().text == "one"


@pytest.mark.parametrize(("bind", "port"), [("192.0.2.1", 0), ("no-such-host.invalid", 0), ("127.0.0.1", 70_000)])
def test_an_address_that_is_not_this_machines_is_bad_input(gateway, bind, port) -> None:
    with pytest.raises(BadBind, match=bind):
        gateway.apply(route(("m1", 100, []), bind=bind, port=port))
    assert gateway.services() == []


def test_another_object_takes_over_what_one_started(make_gateway, connect) -> None:
    with upstream("one") as one, upstream("two") as two:
        port = make_gateway().apply(route(("m1", 100, [one.address])))
        heir = make_gateway()
        before = process(heir)
        assert heir.alive("churn")
        assert heir.apply(route(("m1", 100, [two.address]))) == port
        assert process(heir) == before
        assert connect(port).get().text == "two"


def test_it_outlives_the_process_that_started_it(tmp_path, runtime, gateway) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from jupyter_mlops.gateway.runtime import HaproxyGateway; from jupyter_mlops.ports import Route\n"
        f"gateway = HaproxyGateway(Path({str(tmp_path / 'ws1')!r}), Path({str(runtime / 'ws1')!r}), 'ws1')\n"
        "print(gateway.apply(Route(service='churn', bind='127.0.0.1', port=0, backends=[])))\n"
    )
    port = int(subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True).stdout)
    assert gateway.alive("churn")
    assert gateway.apply(route()) == port
    assert os.getsid(process(gateway).pid) != os.getsid(0)


def test_one_whose_starter_died_before_noting_it_is_found(gateway) -> None:
    port = gateway.apply(route())
    before = process(gateway)
    unnoted = msgspec.structs.replace(state(gateway), process=None)
    (gateway._folder("churn") / "gateway.json").write_bytes(encode(unnoted))
    assert gateway.apply(route()) == port
    assert process(gateway) == before


def test_one_that_only_had_no_time_to_answer_is_left_to_serve(gateway) -> None:
    port = gateway.apply(route())
    before, admin_socket = process(gateway), Path(gateway._sockets("churn").admin)
    aside = admin_socket.rename(admin_socket.with_suffix(".aside"))
    later = threading.Timer(0.3, aside.rename, [admin_socket])
    later.start()
    assert gateway.apply(route()) == port
    later.join()
    assert process(gateway) == before


def test_one_that_does_not_answer_is_replaced_on_its_port(gateway, connect, monkeypatch) -> None:
    monkeypatch.setattr(runtime_module, "PATIENCE_S", 0.2)
    port = gateway.apply(route())
    before = process(gateway)
    Path(gateway._sockets("churn").admin).unlink()
    assert not gateway.alive("churn")
    assert gateway.apply(route()) == port
    assert process(gateway) != before
    assert not is_alive(before)
    assert connect(port).get().status == 503


@pytest.mark.parametrize("wrong", ["started", "boot_id"])
def test_a_process_that_took_over_the_pid_is_left_alone(gateway, wrong) -> None:
    gateway.apply(route())
    ours = process(gateway)
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as stranger:
        try:
            fake = process_id(stranger.pid)
            assert fake is not None
            fake = msgspec.structs.replace(fake, **{wrong: 1 if wrong == "started" else "another"})
            lying = msgspec.structs.replace(state(gateway), process=fake)
            (gateway._folder("churn") / "gateway.json").write_bytes(encode(lying))
            assert not gateway.alive("churn")
            gateway.remove("churn")
            assert stranger.poll() is None
        finally:
            stranger.kill()
            os.kill(ours.pid, signal.SIGTERM)
    wait_gone(ours)


def test_removing_frees_the_port_and_may_be_done_again(gateway) -> None:
    port = gateway.apply(route())
    before = process(gateway)
    for _ in range(2):
        gateway.remove("churn")
        assert not gateway.alive("churn")
        assert gateway.services() == []
    assert not is_alive(before)
    with socket.create_server(("127.0.0.1", port)):
        pass


def test_the_longest_name_works(gateway) -> None:
    name = "s" * 100
    gateway.apply(route(("m" * 100, 100, []), service=name))
    assert gateway.alive(name)


def test_a_machine_without_haproxy_is_told_how_to_get_it(gateway, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("RAY_SERVE_HAPROXY_BINARY_PATH", str(tmp_path / "none"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoHaproxy) as caught:
        gateway.apply(route())
    assert "brew install haproxy" in caught.value.hint
    assert gateway.services() == []


def test_a_configuration_that_haproxy_refuses_leaves_nothing_behind(gateway, monkeypatch) -> None:
    monkeypatch.setattr(config, "SERVER_OPTIONS", "no-such-option")
    with pytest.raises(GatewayFailed, match="no-such-option"):
        gateway.apply(route(("m1", 100, ["127.0.0.1:1"])))
    assert gateway.services() == []


def wait_gone(one: ProcessId) -> None:
    while is_alive(one):
        time.sleep(0.01)
