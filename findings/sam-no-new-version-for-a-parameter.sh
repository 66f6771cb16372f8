#!/usr/bin/env bash
# Package:  aws-sam-translator 1.115.0 (PyPI), the transform behind `sam deploy` and CloudFormation's AWS::Serverless.
# Expected: with AutoPublishAlias, a stack update that changes a parameter, and by it a variable of a function's environment, publishes a new
#           version of the function, so that the alias runs with the new value. With AutoPublishAliasAllProperties all the more: it is there for
#           changes beside the code.
# Seen:     the version's logical id holds a hash of the function as written, before parameters are filled in: `{"Ref": "Greeting"}` both times.
#           The id stays, CloudFormation sees no new version, and the alias goes on with the old environment. Only $LATEST has the new one.
# Why here: events start the alias `live`. Changing only `WarehouseOrdersPerMinute`, `ErpBaseUrl` or a secret that the template resolves would have no
#           effect on the running shop.
set -euo pipefail
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
python3 -m venv "$scratch/venv"
"$scratch/venv/bin/pip" install --quiet --disable-pip-version-check aws-sam-translator==1.115.0 pyyaml==6.0.3
AWS_DEFAULT_REGION=eu-central-1 "$scratch/venv/bin/python" - <<'PYTHON'
import copy
import importlib.metadata
import sys

from samtranslator.translator.transform import transform


class NoManagedPolicies:
    def load(self):
        return {}


def translated(all_properties, literal=None, **parameters):
    properties = {
        "Runtime": "provided.al2023",
        "Handler": "bootstrap",
        "CodeUri": "s3://bucket/code.zip",
        "AutoPublishAlias": "live",
        "Environment": {"Variables": {"GREETING": literal or {"Ref": "Greeting"}}},
    }
    if all_properties:
        properties["AutoPublishAliasAllProperties"] = True
    template = {
        "Transform": "AWS::Serverless-2016-10-31",
        "Parameters": {"Greeting": {"Type": "String", "Default": "hello"}},
        "Resources": {"Greeter": {"Type": "AWS::Serverless::Function", "Properties": properties}},
    }
    values = {"AWS::Region": "eu-central-1"} | parameters
    resources = transform(copy.deepcopy(template), values, NoManagedPolicies())["Resources"]
    return next(name for name, resource in resources.items() if resource["Type"] == "AWS::Lambda::Version")


print("aws-sam-translator", importlib.metadata.version("aws-sam-translator"))
as_expected = True
for all_properties in (False, True):
    before, after = (translated(all_properties, Greeting=value) for value in ("hello", "goodbye"))
    print(f"AutoPublishAliasAllProperties={all_properties}: {before} with hello, {after} with goodbye")
    as_expected &= before == after
# The same change as a literal does make a new version where all properties count, so the hash works; it just sees no parameters.
before, after = (translated(True, literal=value) for value in ("hello", "goodbye"))
print(f"as a literal: {before}, {after}")
as_expected &= before != after
sys.exit(0 if as_expected else "the behaviour has changed")
PYTHON
