"""An AWS on this machine (ministack), and what it has to be helped with. The template is never changed for its sake."""
import contextlib
import os
import re

import boto3
from samcli.yamlhelper import yaml_dump, yaml_parse

from .processes import free_port, process, wait_for

REGION = "eu-central-1"
UNKNOWN = {"AWS::Budgets::Budget", "AWS::PricingPlanManager::Subscription"}


@contextlib.contextmanager
def emulator(program, scratch):
    """Starts it on a free port of the loopback interface, and lets every AWS tool of this process find it."""
    port = free_port()
    endpoint = f"http://127.0.0.1:{port}"
    os.environ.update(AWS_ENDPOINT_URL=endpoint, AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test", AWS_DEFAULT_REGION=REGION,
                      AWS_REGION=REGION, SAM_CLI_TELEMETRY="0")
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        os.environ.pop(name, None)
    # Functions find the endpoint in their environment only if it is in the emulator's.
    own = {"GATEWAY_PORT": str(port), "BIND_HOST": "127.0.0.1", "MINISTACK_REGION": REGION, "S3_DATA_DIR": str(scratch / "s3"),
           "LAMBDA_ACCOUNT_CONCURRENCY": "1000",
           "TMPDIR": str(scratch),
           # The one port that would be open to others.
           "IOT_MTLS_ENABLED": "0"}
    with process("the emulator", [program], scratch / "emulator.log", env={**os.environ, **own}, cwd=scratch) as child:
        wait_for(endpoint, child)
        yield endpoint


def known_to_it(path):
    """The built template at `path` without what the emulator does not know, and beside each stack within it another such file in its place."""
    template = _without_the_unknown(yaml_parse(path.read_text()))
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::CloudFormation::Stack":
            within = path.parent / resource["Properties"]["TemplateURL"]
            copy = within.with_name("known.yaml")
            copy.write_text(yaml_dump(known_to_it(within)))
            resource["Properties"]["TemplateURL"] = str(copy.relative_to(path.parent))
    return template


def _without_the_unknown(template):
    """The built template, less what the emulator refuses or trips over. No order passes through any of it."""
    resources = template["Resources"]
    for name in [name for name, resource in resources.items() if resource["Type"] in UNKNOWN]:
        del resources[name]
    for resource in resources.values():
        if resource["Type"] == "AWS::CloudWatch::Alarm" and resource["Properties"].pop("Metrics", None):
            # Alarms over several metrics, which others may name.
            resource["Properties"].update(Namespace="AWS/Lambda", MetricName="Errors", Statistic="Sum", Period=60)
    functions = [resource["Properties"] for resource in resources.values() if resource["Type"] == "AWS::Serverless::Function"]
    for function in [template.get("Globals", {}).get("Function", {}), *functions]:
        # CodeDeploy: functions change at once instead of step by step.
        function.pop("DeploymentPreference", None)
        for event in function.get("Events", {}).values():
            # It compares the parameter's text with a number.
            event["Properties"].pop("ScalingConfig", None)
    return template


def add_routes(stack):
    """Adds the routes of each HTTP API by what the API's OpenAPI body says: AWS reads it, the emulator does not."""
    template, ids = _processed(stack)
    gateway = boto3.client("apigatewayv2")
    for name, resource in template["Resources"].items():
        if resource["Type"] != "AWS::ApiGatewayV2::Api":
            continue
        for path, methods in resource["Properties"]["Body"]["paths"].items():
            for method, operation in _chosen(methods).items():
                uri = _function_of(_chosen(operation)["x-amazon-apigateway-integration"]["uri"], ids)
                made = gateway.create_integration(ApiId=ids[name], IntegrationType="AWS_PROXY", IntegrationUri=uri,
                                                  IntegrationMethod="POST", PayloadFormatVersion="2.0")
                gateway.create_route(ApiId=ids[name], RouteKey=f"{method.upper()} {path}",
                                     Target=f"integrations/{made['IntegrationId']}")
        return ids[name]
    raise KeyError("the stack has no HTTP API")


def _chosen(value):
    """What the `Fn::If` of a capability holds: all are there, since the emulator takes no `Fn::Split` in a condition and lets each hold."""
    return value["Fn::If"][1] if "Fn::If" in value else value


def _processed(stack):
    """The template of a stack after SAM's transformation, and its resources' physical ids."""
    formation = boto3.client("cloudformation")
    resources = formation.describe_stack_resources(StackName=stack)["StackResources"]
    template = formation.get_template(StackName=stack, TemplateStage="Processed")["TemplateBody"]
    return template, {resource["LogicalResourceId"]: resource["PhysicalResourceId"] for resource in resources}


def _function_of(uri, ids):
    """The ARN of the function that an integration's address names."""
    text = str(uri)
    named = re.search(r"\$\{(\w+)(?:\.Arn|\.Alias)?\}/invocations", text) or re.search(r"(\w+)\.Arn", text)
    function = ids[named[1]]
    account = boto3.client("sts").get_caller_identity()["Account"]
    return function if function.startswith("arn:") else f"arn:aws:lambda:{REGION}:{account}:function:{function}"
