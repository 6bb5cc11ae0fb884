"""deploy/kubernetes without a cluster: the API's own schemas, real settings, a real nginx."""

import copy
import re
import subprocess
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from django.conf import settings

from lifeos_project.tests.services import free_port
from lifeos_project.tests.stack.running import make_certificate, render
from lifeos_project.tests.test_checks import SAFE, outcome
from lifeos_project.variables import env

ROOT = Path(settings.BASE_DIR)
PAGE = (ROOT / "docs" / "kubernetes.md").read_text()
VERSIONS = ("1.27", "1.31", "1.37")
DOCUMENTS = [
    document
    for path in sorted((ROOT / "deploy" / "kubernetes").glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
]
WORKLOADS = {found["metadata"]["name"]: found for found in DOCUMENTS if found["kind"] in ("Deployment", "Job")}
APPS = ("lifeos-migrate", "lifeos-web", "lifeos-worker")


def of_kind(kind: str) -> dict[str, dict]:
    return {found["metadata"]["name"]: found for found in DOCUMENTS if found["kind"] == kind}


def pod(name: str) -> dict:
    return WORKLOADS[name]["spec"]["template"]["spec"]


def container(name: str) -> dict:
    (only,) = pod(name)["containers"]
    return only


def labels(name: str) -> dict:
    return WORKLOADS[name]["spec"]["template"]["metadata"]["labels"]


def secrets_of(name: str) -> set[tuple[str, str]]:
    """(secret, key) of each variable that comes from one."""
    found = [each["valueFrom"]["secretKeyRef"] for each in container(name)["env"] if "valueFrom" in each]
    return {(reference["name"], reference["key"]) for reference in found}


def variables(name: str, given: dict[str, str]) -> dict[str, str]:
    """The environment of a container, with secrets of `given` where they are."""
    found = dict(of_kind("ConfigMap")["lifeos"]["data"])
    for each in container(name)["env"]:
        if "value" in each:
            found[each["name"]] = each["value"]
        elif each["name"] in given:
            found[each["name"]] = given[each["name"]]
        else:
            assert each["valueFrom"]["secretKeyRef"].get("optional"), each["name"]
    return found


GIVEN = {
    "SECRET_KEY": SAFE["SECRET_KEY"], "JWT_SECRET_KEY": SAFE["JWT_SECRET_KEY"], "POSTGRES_PASSWORD": "9c41e0b7d52f8a63",
    "REDIS_URL": "redis://:4be17c90d2f6a835@redis.internal:6379/0", "POSTGRES_OWNER_PASSWORD": "e07b3d19a6c8f254",
}  # fmt: skip


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda found: f"{found['kind']}-{found['metadata']['name']}")
def test_the_api_takes_every_document(document, version):
    kubernetes_validate.validate(document, version, strict=True)


def test_what_is_misspelt_or_of_the_wrong_type_would_be_found():
    for path, value in ((("readinesProbe",), {}), (("ports", 0, "containerPort"), "eight thousand")):
        broken = copy.deepcopy(WORKLOADS["lifeos-web"])
        place = broken["spec"]["template"]["spec"]["containers"][0]
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = value
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(broken, VERSIONS[-1], strict=True)


def test_the_page_names_the_versions_and_the_files():
    assert f"Kubernetes {VERSIONS[0]} to {VERSIONS[-1]}" in PAGE
    files = {path.name for path in (ROOT / "deploy" / "kubernetes").iterdir()}
    assert set(re.findall(r"`(\w+\.yaml)`", PAGE)) == files
    assert kubernetes_validate.latest_version() >= VERSIONS[-1]


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_container_is_confined_and_limited(name):
    (one,) = pod(name)["containers"]
    assert one["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    of_the_pod = pod(name)["securityContext"]
    assert of_the_pod["runAsNonRoot"] is True
    assert of_the_pod["seccompProfile"] == {"type": "RuntimeDefault"}
    assert of_the_pod["runAsUser"] == (101 if name == "lifeos-nginx" else 10001)
    assert pod(name)["automountServiceAccountToken"] is False
    assert pod(name)["enableServiceLinks"] is False
    assert one["resources"]["limits"]["memory"]
    assert one["resources"]["requests"].keys() == {"cpu", "memory"}
    assert re.fullmatch(r"ghcr\.io/example/lifeos(-nginx)?:v\d+\.\d+\.\d+", one["image"])
    mounted = {volume["name"] for volume in one["volumeMounts"]}
    assert mounted == {volume["name"] for volume in pod(name)["volumes"]}


def test_selectors_services_and_budgets_find_their_pods():
    deployments = of_kind("Deployment")
    for name, deployment in deployments.items():
        assert deployment["spec"]["selector"]["matchLabels"] == labels(name)
        assert deployment["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
        assert pod(name)["topologySpreadConstraints"][0]["labelSelector"]["matchLabels"] == labels(name)
        budget = of_kind("PodDisruptionBudget")[name]["spec"]
        assert budget["selector"]["matchLabels"] == labels(name)
        assert budget["minAvailable"] < deployment["spec"]["replicas"]
        service = of_kind("Service")[name]["spec"]
        assert service["selector"] == labels(name)
        ports = {port["name"]: port["containerPort"] for port in container(name)["ports"]}
        assert {port["targetPort"]: port["port"] for port in service["ports"]} == ports
    (backend,) = of_kind("Ingress")["lifeos"]["spec"]["rules"][0]["http"]["paths"]
    assert backend["backend"]["service"] == {"name": "lifeos-nginx", "port": {"name": "local"}}
    policy = of_kind("NetworkPolicy")["lifeos-web"]["spec"]
    assert policy["podSelector"]["matchLabels"] == labels("lifeos-web")
    assert policy["ingress"][0]["from"][0]["podSelector"]["matchLabels"] == labels("lifeos-nginx")


@pytest.mark.parametrize("name", APPS)
def test_the_settings_start_a_production(name, tmp_path):
    places = {"LIFEOS_VAR_DIR": str(tmp_path), "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    code, output = outcome("manage.py", "check", "--tag", "lifeos", **{**variables(name, GIVEN), **places})
    assert (code, "no issues" in output) == (0, True), output


def test_every_variable_is_one_that_lifeos_reads():
    used = {each["name"] for name in APPS for each in container(name)["env"]}
    used |= of_kind("ConfigMap")["lifeos"]["data"].keys()
    # The last one is read by the library that counts.
    assert used - env.known_names() == {"PROMETHEUS_MULTIPROC_DIR"}


def test_only_the_migrations_know_the_owner():
    assert ("lifeos-owner", "POSTGRES_OWNER_PASSWORD") in secrets_of("lifeos-migrate")
    for name in ("lifeos-web", "lifeos-worker"):
        assert {secret for secret, _ in secrets_of(name)} == {"lifeos"}
        assert "DATABASE_OWNER_URL" not in variables(name, GIVEN)


def test_no_secret_stands_in_a_manifest_and_the_page_makes_each():
    assert of_kind("Secret") == {}
    used = {reference for name in APPS for reference in secrets_of(name)}
    made = set()
    for name, rest in re.findall(r"create secret generic (\S+) \\\n((?:  --from-literal\S+.*\n)+)", PAGE):
        made |= {(name, key) for key in re.findall(r"--from-literal=(\w+)=", rest)}
    optional = {"METRICS_TOKEN", "EMAIL_HOST_PASSWORD", "BACKUP_S3_ACCESS_KEY_ID", "BACKUP_S3_SECRET_ACCESS_KEY"}
    assert used - made == {("lifeos", key) for key in optional}
    assert made <= used
    assert all(f"`{key}`" in PAGE for key in optional)
    tls = next(volume for volume in pod("lifeos-nginx")["volumes"] if volume["name"] == "tls")["secret"]
    assert f"create secret tls {tls['secretName']} " in PAGE
    assert of_kind("Ingress")["lifeos"]["spec"]["tls"][0]["secretName"] == tls["secretName"]


@pytest.mark.django_db
def test_the_probes_ask_for_pages_that_answer(client):
    paths = {
        probe["httpGet"]["path"]
        for name in WORKLOADS
        for key, probe in container(name).items()
        if key.endswith("Probe") and "httpGet" in probe
    }
    assert paths == {"/health/live", "/health/ready"}
    # A kubelet asks by the address of the pod, which is no name of the site.
    assert client.get("/health/live", HTTP_HOST="10.1.2.3:8000").status_code == 200
    # The entrypoint and the probe of the worker are files of the image.
    for command in (["compose/entrypoint.sh"], container("lifeos-worker")["livenessProbe"]["exec"]["command"][1:2]):
        assert (ROOT / command[0]).exists()


@pytest.mark.nginx
def test_nginx_takes_its_variables(tmp_path, nginx_path):
    make_certificate(tmp_path)
    given = {each["name"]: each["value"] for each in container("lifeos-nginx")["env"]}
    places = {"NGINX_RUN_DIR": str(tmp_path), "NGINX_TLS_DIR": str(tmp_path)}
    # A name that only a cluster knows, and ports that may be taken here.
    here = {"NGINX_UPSTREAM": given["NGINX_UPSTREAM"].replace("lifeos-web", "localhost")}
    here |= {name: f"127.0.0.1:{free_port()}" for name in given if name.endswith("_LISTEN")}
    render(ROOT / "compose" / "nginx" / "templates", tmp_path, variables={**given, **places, **here})
    assert [re.findall(r"\$\{NGINX_\w+\}", path.read_text()) for path in tmp_path.rglob("*.conf")] == [[]] * 5
    done = subprocess.run([nginx_path, "-t", "-q", "-c", str(tmp_path / "nginx.conf")], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert {each["containerPort"] for each in container("lifeos-nginx")["ports"]} == {
        int(given["NGINX_LOCAL_LISTEN"]), int(given["NGINX_HTTPS_LISTEN"])
    }  # fmt: skip
    keys = {item["path"] for item in pod("lifeos-nginx")["volumes"][0]["secret"]["items"]}
    assert keys == {"fullchain.pem", "privkey.pem"}
