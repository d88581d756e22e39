"""What is deployed is what exists: settings, commands, ports, rights at the broker, metrics."""

import importlib
import json
import re
import shutil
import subprocess
import warnings
from pathlib import Path

import pytest
import yaml
from prometheus_client.metrics import MetricWrapperBase

from shared import observe, process
from shared.bus.topology import dead_exchange, events_exchange, queue_of
from shared.contracts.base import SERVICES
from shared.web import passes

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
OURS = {name: each for name, each in COMPOSE["services"].items() if each.get("image") == "houqin"}
BROKER = json.loads((DEPLOY / "broker/definitions.json").read_text())
RIGHTS = {each["user"]: each for each in BROKER["permissions"]}
TOPICS = {each["user"]: each for each in BROKER["topic_permissions"]}


def known_settings():
    settings = {each for name in SERVICES for each in process.declared(process.of(name))}
    return {name for each in settings for name in each.names}


def test_there_are_four_services_four_relays_one_migration_and_the_listener_to_alarms():
    assert set(OURS) == {*SERVICES, *(f"{name}-relay" for name in SERVICES), "migrate", "dispatch-alarms"}
    assert [name for name, each in OURS.items() if "profiles" in each] == [
        "dispatch-alarms"
    ]  # needs a broker of devices


def test_every_name_a_service_refers_to_is_declared():
    for name, each in COMPOSE["services"].items():
        assert set(each.get("secrets", ())) <= set(COMPOSE["secrets"]), name
        assert set(each["networks"]) <= set(COMPOSE["networks"]), name
        assert set(each.get("depends_on", ())) <= set(COMPOSE["services"]), name
        volumes = {volume.partition(":")[0] for volume in each.get("volumes", ())}
        assert {volume for volume in volumes if not volume.startswith(".")} <= set(COMPOSE["volumes"]), name
        assert all((ROOT / volume).exists() for volume in volumes if volume.startswith(".")), name


@pytest.mark.parametrize("name", OURS)
def test_environment_names_are_settings_and_secrets_are_files(name):
    environment = OURS[name]["environment"]
    assert set(environment) <= known_settings()
    secrets = {f"/run/secrets/{each}" for each in OURS[name]["secrets"]}
    assert {value for key, value in environment.items() if key.endswith("_FILE")} == secrets


@pytest.mark.parametrize("name", sorted(set(OURS) - {"migrate"}))
def test_commands_and_ports_exist_and_are_checked(name):
    service, _, relay = name.partition("-")
    python, dash, module, command, *rest = OURS[name]["command"]
    known = {each.name for each in importlib.import_module(f"services.{service}.__main__").COMMANDS}
    assert (python, dash, module) == ("python", "-m", f"services.{service}")
    assert command == {"": "serve", "relay": "relay", "alarms": "mqtt"}[relay]
    assert command in known
    (port,) = OURS[name]["expose"]
    listens = rest[rest.index("--listen") + 1] if relay else OURS[name]["environment"][f"{service.upper()}_LISTEN"]
    assert process.address(listens) == ("0.0.0.0", int(port))
    assert f":{port}/health" in OURS[name]["healthcheck"]["test"][-1]
    if not relay:
        assert f"{name}:{port}" in (DEPLOY / "proxy/Caddyfile").read_text()
    assert f"{name}:{port}" in (DEPLOY / "prometheus/prometheus.yml").read_text()


def test_our_processes_have_no_privileges():
    for name, each in OURS.items():
        assert each["read_only"] is True, name
        assert each["cap_drop"] == ["ALL"], name
        assert each["security_opt"] == ["no-new-privileges:true"], name
        assert "ports" not in each, name
    assert "\nUSER 10001" in (DEPLOY / "Dockerfile").read_text()
    assert "--require-hashes" in (DEPLOY / "Dockerfile").read_text()


def test_units_of_systemd_have_no_privileges_either():
    unit = (DEPLOY / "systemd/houqin@.service").read_text().splitlines()
    assert {
        "User=houqin", "NoNewPrivileges=yes", "CapabilityBoundingSet=", "ProtectSystem=strict", "ProtectHome=yes",
        "PrivateTmp=yes", "PrivateDevices=yes", "UMask=0077",
    } <= set(unit)  # fmt: skip


def test_only_the_proxy_and_grafana_are_published_and_on_this_machine_alone():
    published = {name: each["ports"] for name, each in COMPOSE["services"].items() if "ports" in each}
    assert set(published) == {"proxy", "grafana"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)


def test_the_proxy_hides_what_is_the_operators():
    matcher = re.search(r"@operator path (.+)", (DEPLOY / "proxy/Caddyfile").read_text()).group(1).split()
    assert process.OPERATIONS <= set(matcher)


def test_the_proxy_writes_no_addresses_down_because_some_are_secrets():
    assert not re.search(r"^\s*log\b", (DEPLOY / "proxy/Caddyfile").read_text(), re.MULTILINE)


def subscriptions():
    return [(name, each) for name in SERVICES for each in process.of(name).subscriptions]


def test_users_are_one_for_each_process_and_one_for_migrations():
    expected = {"migrate", *SERVICES, *(f"{name}-relay" for name in SERVICES)}
    assert {each["name"] for each in BROKER["users"]} == expected == set(RIGHTS)
    assert all(each["tags"] == [] for each in BROKER["users"])


@pytest.mark.parametrize(("service", "subscription"), subscriptions(), ids=lambda each: getattr(each, "name", each))
def test_a_consumer_reads_its_queue_and_nobody_else_does(service, subscription):
    queue = queue_of(subscription).name
    readers = {user for user, each in RIGHTS.items() if re.search(each["read"], queue)}
    assert readers == {service, "migrate"}


def test_requests_alone_can_sign_passes_and_no_two_services_share_a_folder():
    assert [name for name, each in OURS.items() if "pass_private_key" in each["secrets"]] == ["requests"]
    assert all("pass_public_key" in OURS[name]["secrets"] for name in SERVICES)
    folders = [volume for each in OURS.values() for volume in each.get("volumes", ())]
    assert len(set(folders)) == len(folders)


def test_no_process_has_anothers_way_into_a_database_or_the_broker():
    for name, each in OURS.items():
        mine = {f"{name.replace('-', '_')}_database_url", f"{name.replace('-', '_')}_broker_url"}
        if name == "dispatch-alarms":  # acts in the service's own database, and says nothing to the broker itself
            mine = {"dispatch_database_url"}
        if name == "migrate":
            mine = {"migrate_broker_url", *(f"{service}_migrate_database_url" for service in SERVICES)}
        assert {secret for secret in each["secrets"] if secret.endswith("_url")} == mine


@pytest.mark.parametrize("service", SERVICES)
def test_a_relay_says_its_own_events_and_no_others(service):
    relay = f"{service}-relay"
    writable = {name for name in SERVICES if re.search(RIGHTS[relay]["write"], events_exchange(name).name)}
    assert writable == {service}
    assert not re.search(RIGHTS[relay]["write"], dead_exchange(service).name)
    assert re.search(TOPICS[relay]["write"], f"{service}.anything.v1")
    assert not any(re.search(TOPICS[relay]["write"], f"{name}.anything.v1") for name in SERVICES if name != service)
    assert TOPICS[relay]["exchange"] == events_exchange(service).name


def test_only_migrations_declare():
    declaring = {user for user, each in RIGHTS.items() if re.search(each["configure"], "requests.events")}
    assert declaring == {"migrate"}


def test_the_secrets_script_makes_every_secret_and_keeps_them(tmp_path):
    for each in ("secrets.sh", "broker/definitions.json"):
        (tmp_path / each).parent.mkdir(exist_ok=True)
        shutil.copy(DEPLOY / each, tmp_path / each)
    made = []
    for _ in range(2):
        subprocess.run(["sh", str(tmp_path / "secrets.sh")], check=True)
        made.append({each.name: each.read_text() for each in (tmp_path / "secrets").iterdir()})
    assert made[0] == made[1]
    assert set(made[0]) == set(COMPOSE["secrets"])
    for name in SERVICES:
        for role in ("", "_migrate", "_relay"):
            word = made[0][f"{name}{role}_database_password"]
            assert (
                made[0][f"{name}{role}_database_url"]
                == f"postgresql+psycopg2://houqin_{name}{role}:{word}@postgres/houqin_{name}"
            )
    assert (
        passes.public_half(made[0]["pass_private_key"].encode()).decode().strip() == made[0]["pass_public_key"].strip()
    )
    passwords = {each["name"]: each["password"] for each in json.loads(made[0]["broker_definitions"])["users"]}
    assert len(set(passwords.values())) == len(passwords)
    for user, password in passwords.items():
        file = "migrate_broker_url" if user == "migrate" else f"{user.replace('-', '_')}_broker_url"
        assert made[0][file] == f"amqp://{user}:{password}@rabbitmq:5672/houqin"


def metrics_used():
    board = json.loads((DEPLOY / "grafana/houqin.json").read_text())
    rules = yaml.safe_load((DEPLOY / "prometheus/alerts.yml").read_text())
    expressions = [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    expressions += [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    return expressions


@pytest.mark.parametrize("expression", metrics_used())
def test_every_metric_of_rules_and_dashboard_exists(expression):
    metrics = [each for each in vars(observe).values() if isinstance(each, MetricWrapperBase)]
    known = {}
    for metric in metrics:
        (family,) = metric.describe()
        name = f"{family.name}_total" if family.type == "counter" else family.name
        known |= {name: metric} | ({f"{name}_bucket": metric} if family.type == "histogram" else {})
    used = re.findall(r"houqin_\w+", expression)
    assert used or expression.startswith("up{")
    assert set(used) <= set(known)
    asked = {each for words in re.findall(r"by \(([^)]*)\)", expression) for each in words.replace(" ", "").split(",")}
    for name in used:
        assert asked - {"le"} <= set(known[name]._labelnames)


@pytest.fixture
def promtool():
    found = shutil.which("promtool")
    if found is None:
        warnings.warn(
            "promtool is not installed: rules, configuration and metrics were not checked by it", stacklevel=1
        )
        pytest.skip("promtool is not installed (Debian: prometheus)")
    return found


def test_prometheus_finds_no_fault_with_our_metrics(promtool):
    """Names, units, help and types of everything ``/metrics`` tells, with a value in each."""
    for metric in (each for each in vars(observe).values() if isinstance(each, MetricWrapperBase)):
        child = metric.labels(*("x" for _ in metric._labelnames)) if metric._labelnames else metric
        getattr(child, "observe", None) and child.observe(0.1)
    told = b"".join(process.operations(dict)({"PATH_INFO": "/metrics"}, lambda *_: None))
    done = subprocess.run([promtool, "check", "metrics"], input=told, capture_output=True, check=False)
    faults = [line for line in (done.stdout + done.stderr).decode().splitlines() if line.startswith("houqin_")]
    assert b"houqin_events_out_total" in told
    assert faults == []
    assert done.returncode in {0, 3}  # 3: remarks on what the client library itself tells about Python


def test_prometheus_takes_rules_and_configuration(promtool):
    for words in (["rules", "alerts.yml"], ["config", "prometheus.yml"]):
        done = subprocess.run(
            [promtool, "check", *words], cwd=DEPLOY / "prometheus", capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
