"""Each service does what its OpenAPI document says, whatever is sent to it: generated calls, good and bad."""

import importlib.util

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
)

from shared.contracts.base import SERVICES
from tests.web.house import bearer, running

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
PRESENT = [name for name in SERVICES if importlib.util.find_spec(f"services.{name}.service")]


def hammer(application, path, headers, examples, checks=CHECKS):
    """Call every operation with generated data; the first answer that breaks the document fails."""
    schema = schemathesis.openapi.from_wsgi(path, application)
    for result in schema.get_all_operations():
        operation = result.ok()

        @settings(
            max_examples=examples,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @schemathesis_given(operation)
        def call(case):
            case.call_and_validate(headers=headers, checks=checks)

        call()


def schemathesis_given(operation):
    from hypothesis import given
    from schemathesis.generation import GenerationMode

    good = operation.as_strategy(generation_mode=GenerationMode.POSITIVE)
    bad = operation.as_strategy(generation_mode=GenerationMode.NEGATIVE)
    return given(case=good | bad)


def test_the_toy_service_does_what_its_document_says(site):
    hammer(site.app, "/toy/api/openapi.json", site.bearer(role="auditor"), 20, [*CHECKS, negative_data_rejection])


@pytest.mark.slow
@pytest.mark.parametrize("name", PRESENT)
def test_a_service_does_what_its_document_says(name, tmp_path):
    with running(name, tmp_path) as (application, found):
        hammer(application, f"/{name}/api/openapi.json", bearer(found.settings, name), 10)
