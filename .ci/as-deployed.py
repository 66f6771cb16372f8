"""Prints what CloudFormation makes of a SAM template before it deploys it, as JSON: as-deployed.py TEMPLATE [PARAMETER=VALUE ...]

The linters look at the template as it is written. A circle through what SAM adds (aliases, deployment groups) shows only here.
"""

import json
import logging
import re
import sys

from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse


class NoManagedPolicies:
    """The template names no managed policy, whose ARN AWS would have to be asked for."""

    def load(self):
        return {}


# It warns of features that AWS turns on for itself.
logging.disable(logging.WARNING)
template, *parameters = sys.argv[1:]
with open(template, encoding="utf-8") as file:
    # Where `sam package` would put the code and the stack within this one.
    text = re.sub(r"(?m)^(\s+CodeUri:) .*$", r"\1 s3://code/package", file.read())
    text = re.sub(r"(?m)^(\s+TemplateURL:) .*$", r"\1 https://s3.eu-central-1.amazonaws.com/code/template", text)
values = {"AWS::Region": "eu-central-1"} | dict(parameter.split("=", 1) for parameter in parameters)
json.dump(transform(yaml_parse(text), values, NoManagedPolicies()), sys.stdout, default=str)
