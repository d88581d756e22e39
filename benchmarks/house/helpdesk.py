"""A peer beside the intake: django-helpdesk, installed by a command of its own and never a dependency of ours.

``python -m benchmarks.house.helpdesk setup FOLDER`` makes a virtual environment outside the repository, from PyPI.
``python -m benchmarks.house.helpdesk run FOLDER`` posts tickets over its REST API on 16 connections and prints posts a
second, p50 and p99. With ``HOUQIN_BENCH_HELPDESK=FOLDER`` the figure of the intake is taken beside it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import venv
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.house import ground
from benchmarks.house.client import Client
from deploy import local

if TYPE_CHECKING:
    from collections.abc import Iterator

PINS = (
    "django==5.2.19",
    "django-helpdesk==2.6.1",
    "djangorestframework==3.18.3",
    "gunicorn==27.0.1",
    "psycopg2-binary==2.9.13",
)
# As its manual has it, without teams, mail and templates' cache: the least that takes a ticket by API.
SETTINGS = """
import os

SECRET_KEY = "bench"
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "helpdesk_urls"
USE_TZ = True
STATIC_URL = "/static/"
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
HELPDESK_TEAMS_MODE_ENABLED = False
SITE_ID = 1
DATABASES = {"default": {
    "ENGINE": "django.db.backends.postgresql", "NAME": "helpdesk", "USER": "postgres", "HOST": "127.0.0.1",
    "PORT": os.environ["HELPDESK_PORT"], "CONN_MAX_AGE": None,
}}
INSTALLED_APPS = [
    "django.contrib.auth", "django.contrib.contenttypes", "django.contrib.sessions", "django.contrib.sites",
    "django.contrib.messages", "django.contrib.staticfiles", "django.contrib.humanize", "django.contrib.admin",
    "rest_framework", "rest_framework.authtoken", "helpdesk",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware", "django.middleware.common.CommonMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware", "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "OPTIONS": {
    "context_processors": ["django.template.context_processors.request", "django.contrib.auth.context_processors.auth",
                           "django.contrib.messages.context_processors.messages"]}}]
REST_FRAMEWORK = {"DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.TokenAuthentication"]}
"""
URLS = """
from django.urls import include, path

urlpatterns = [path("", include("helpdesk.urls", namespace="helpdesk"))]
"""
PREPARE = """
from django.contrib.auth import get_user_model
from helpdesk.models import Queue
from rest_framework.authtoken.models import Token

user = get_user_model().objects.create_superuser("bench", "bench@example.org", "bench")
queue = Queue.objects.create(title="Repairs", slug="repairs", allow_public_submission=True)
print("prepared", Token.objects.create(user=user).key, queue.id)
"""


def setup(folder: Path) -> None:
    """``folder`` holds the peer, with the versions pinned here.

    Raises:
        Unmeasured: the folder is inside the repository, or something could not be installed.
    """
    folder = folder.resolve()
    if folder.is_relative_to(ground.ROOT):
        raise ground.Unmeasured(f"{folder} is inside the repository")
    venv.create(folder, with_pip=True)
    done = subprocess.run([folder / "bin/python", "-m", "pip", "install", "-q", *PINS], check=False)
    if done.returncode:
        raise ground.Unmeasured("django-helpdesk could not be installed")
    (folder / "helpdesk_settings.py").write_text(SETTINGS, encoding="utf-8")
    (folder / "helpdesk_urls.py").write_text(URLS, encoding="utf-8")


def installed(folder: Path) -> bool:
    """``setup`` has filled the folder."""
    return (folder / "helpdesk_urls.py").exists()


@contextmanager
def served(folder: Path, server: str, log: Path) -> Iterator[Client]:
    """A client of 16 connections to django-helpdesk, its tickets in a database of its own on ``server``.

    gunicorn serves it with one process a core and as many threads as there are connections, its own way to use a machine;
    database connections are kept.

    Raises:
        Unmeasured: the folder does not hold it, or it does not start.
    """
    python = folder.resolve() / "bin/python"
    if not installed(folder):
        raise ground.Unmeasured(f"{folder} holds no django-helpdesk; see python -m benchmarks.house.helpdesk setup")
    connection = ground.connect(server)
    connection.cursor().execute("CREATE DATABASE helpdesk")
    connection.close()
    environment = {
        "PATH": os.environ["PATH"], "PYTHONPATH": str(folder.resolve()), "PYTHONWARNINGS": "ignore",
        "DJANGO_SETTINGS_MODULE": "helpdesk_settings", "HELPDESK_PORT": server.rpartition(":")[2].partition("/")[0],
    }  # fmt: skip

    def manage(*words: str) -> str:
        done = subprocess.run([python, "-m", "django", *words], env=environment, cwd=folder, capture_output=True, text=True,
                              check=False)  # fmt: skip
        if done.returncode:
            raise ground.Unmeasured(f"django-helpdesk: {done.stderr[-200:].strip()}")
        return done.stdout

    manage("migrate", "-v", "0")
    token, queue = next(line for line in manage("shell", "-c", PREPARE).splitlines() if "prepared" in line).split()[1:]
    body = {
        "queue": int(queue),
        "title": "空调：不制冷",
        "description": "不制冷，滴水",
        "submitter_email": "a@example.org",
        "priority": 3,
    }
    port = ground.free_port()
    with log.open("ab") as out:
        started = subprocess.Popen(
            [python, "-m", "gunicorn", "django.core.wsgi:get_wsgi_application()", "--bind", f"127.0.0.1:{port}",
             "--workers", str(os.cpu_count() or 1), "--threads", "16", "--keep-alive", "60"],
            env=environment, cwd=folder, stdout=out, stderr=out)  # fmt: skip
    try:
        client = ground.until(
            lambda: Client(port, "/api/tickets/", body, token, scheme="Token"), "django-helpdesk to listen"
        )
        try:
            yield client
        finally:
            client.close()
    finally:
        local.stop({"helpdesk": started})


def main() -> int:
    """Do what the command says; 1 when it cannot be done."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.house.helpdesk",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=["setup", "run"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=10.0, help="of posting; 10")
    options = parser.parse_args()
    try:
        if options.what == "setup":
            setup(options.folder)
            return 0
        with (
            ground.postgres() as server,
            ground.folder() as folder,
            served(options.folder, server, folder / "log") as peer,
        ):
            peer.run(2)  # warm
            found = peer.run(options.seconds)
    except ground.Unmeasured as error:
        print(error, file=sys.stderr)
        return 1
    half, most = (ground.quantile(found.latencies, share) * 1000 for share in (0.5, 0.99))
    others = sum(found.statuses.values()) - found.statuses[201]
    print(f"{found.rate:.0f} posts/s, p50 {half:.1f} ms, p99 {most:.1f} ms, other answers than 201: {others}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
