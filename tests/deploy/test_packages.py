"""Image, compose file, Kustomize base, man pages, lock file: each fits the program that it packs."""

import re
import shutil
import subprocess
import sys
import tomllib

import yaml

from era_service.config.load import load_settings
from tests.architecture.test_imports import ORDER
from tests.conftest import ROOT
from tests.web.world import World
from tools.audit import verdict

DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "docker" / "Dockerfile").read_text(encoding="utf-8")
COMPOSE = yaml.safe_load((DEPLOY / "compose.yml").read_text(encoding="utf-8"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
BASE = DEPLOY / "kustomize"


def test_the_image_is_built_in_two_stages_of_every_package_and_runs_as_nobody_special():
    lines = DOCKERFILE.splitlines()
    assert sum(line.startswith("FROM ") for line in lines) == 2
    last = DOCKERFILE.rpartition("FROM ")[2]
    assert re.search(r"^USER 10001$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert "/health/live" in last
    copied = {line.split()[1] for line in lines if line.startswith("COPY ") and "--from" not in line} - {
        "pyproject.toml"
    }
    assert copied == set(PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    context = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert context[0] == "*"
    assert {line[1:] for line in context if line.startswith("!")} == copied | {"pyproject.toml", "README.md", "LICENSE"}
    assert all((ROOT / name).exists() for name in copied)


def test_an_archive_takes_packages_whole_with_the_lists_of_their_front_doors():
    targets = PROJECT["tool"]["hatch"]["build"]["targets"]
    assert targets["wheel"].keys() == {"packages"}
    assert targets["sdist"] == {"exclude": ["/.ci", "node_modules"]}
    assert all((ROOT / package / "__init__.pyi").exists() for package in set(ORDER) - {"era_service"})
    assert not {"*.pyi", "**/*.pyi", "*.py*"} & {
        line for name in (".gitignore", ".dockerignore") for line in (ROOT / name).read_text().split()
    }, "hatch leaves out what git ignores"


def test_the_compose_file_mounts_what_exists_and_serves_this_machine_only():
    for name, service in COMPOSE["services"].items():
        assert not service.get("privileged"), name
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", ())), name
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], volume
    own = COMPOSE["services"]["service"]
    assert own["read_only"] is True
    assert own["cap_drop"] == ["ALL"]
    assert (DEPLOY / own["build"]["context"]).resolve() == ROOT
    scraped = yaml.safe_load((DEPLOY / "docker" / "prometheus.yml").read_text(encoding="utf-8"))
    example = yaml.safe_load((DEPLOY / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    assert scraped["scrape_configs"][0].pop("static_configs") == [{"targets": ["service:8470"]}]
    example["scrape_configs"][0].pop("static_configs")
    assert scraped == example, "the rest is that of the example"


def test_the_kustomize_base_is_whole_and_its_probes_exist(tmp_path):
    base = yaml.safe_load((BASE / "kustomization.yaml").read_text(encoding="utf-8"))
    objects = {made["kind"]: made for name in base["resources"] for made in [yaml.safe_load((BASE / name).read_text())]}
    named = set(base["resources"]) | set(base["configMapGenerator"][0]["files"]) | {"kustomization.yaml"}
    assert {path.name for path in BASE.iterdir()} == named
    pod = objects["Deployment"]["spec"]["template"]
    labels = pod["metadata"]["labels"].items()
    for selector in (
        objects["Deployment"]["spec"]["selector"]["matchLabels"],
        objects["Service"]["spec"]["selector"],
        objects["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"],
    ):
        assert selector.items() <= labels
    (container,) = pod["spec"]["containers"]
    assert pod["spec"]["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert {mount["name"] for mount in container["volumeMounts"]} == {made["name"] for made in pod["spec"]["volumes"]}
    with World(tmp_path) as world:
        for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
            assert world.client.get(container[probe]["httpGet"]["path"]).status_code == 200
    assert load_settings(str(BASE / "eraswitch.toml"), {}).settings.network.name == "release-preprod"


def test_a_man_page_of_every_command_is_written_and_read_by_man(tmp_path):
    command = [sys.executable, str(ROOT / "tools" / "man_pages.py"), str(tmp_path)]
    subprocess.run(command, check=True, capture_output=True, cwd=ROOT)
    page = (tmp_path / "eraswitch-marker-sweep.1").read_text(encoding="utf-8")
    assert r"\-\-payment\-key\-file" in page
    assert (tmp_path / "eraswitch.1").exists()
    if (groff := shutil.which("groff")) is not None:
        for file in tmp_path.iterdir():
            done = subprocess.run(
                [groff, "-man", "-Kutf8", "-Tutf8", "-ww", "-z", str(file)], capture_output=True, text=True, check=True
            )
            assert done.stderr == "", file.name


def test_the_lock_file_has_every_requirement_with_hashes():
    text = (ROOT / ".ci" / "requirements.lock").read_text(encoding="utf-8")
    pinned = set(re.findall(r"^([a-z0-9-]+)==", text, re.MULTILINE))
    assert len(re.findall(r"--hash=sha256:[0-9a-f]{64}", text)) >= len(pinned)
    wanted = [*PROJECT["project"]["dependencies"]]
    for extra, listed in PROJECT["project"]["optional-dependencies"].items():
        wanted += listed if extra not in ("site", "audit") else ()
    names = {re.split(r"[\[>=<;~]", one)[0].strip().lower().replace("_", "-") for one in wanted} - {"eraswitch"}
    assert names - pinned == set(), "run: make lock"
    assert "://" not in text


def test_no_text_sends_people_to_the_package_index_for_a_name_that_is_not_taken():
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]
    index = re.compile(r"(?:pip|pipx|uv tool|uv pip) install (?:-\S+ )*'?eraswitch")
    assert [page.name for page in pages if index.search(page.read_text(encoding="utf-8"))] == []


def test_an_audit_that_could_not_look_does_not_claim_that_all_is_well():
    skipped = {"name": "a", "skip_reason": "not found"}
    sound = {"name": "b", "version": "1", "vulns": []}
    bad = {"name": "c", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"]}]}
    assert verdict([skipped]).startswith("NOT AUDITED")
    assert verdict([sound, bad, skipped]).splitlines() == [
        "c 1: PYSEC-1, mended in 2",
        "2 packages audited, 1 known to be vulnerable",
        "NOT AUDITED: a",
    ]
